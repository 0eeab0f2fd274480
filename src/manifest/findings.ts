import { LineIndex, type TextPosition } from "../yaml/index.ts";
import { type DiagnosticCode, diagnosticCodes } from "./diagnostic-codes.ts";
import type { Diagnostic } from "./model.ts";

/** What a finding may say beyond its message. */
export interface FindingDetails {
  readonly hint?: string | undefined;
  readonly related?: Diagnostic["related"] | undefined;
}

/** A diagnostic, with the severity of its code. */
export function diagnostic(
  code: DiagnosticCode,
  file: string,
  at: TextPosition | undefined,
  message: string,
  { hint, related }: FindingDetails = {},
): Diagnostic {
  return {
    code,
    severity: diagnosticCodes[code].severity,
    message,
    ...(hint === undefined ? {} : { hint }),
    file,
    ...(at === undefined ? {} : { at }),
    ...(related === undefined ? {} : { related }),
  };
}

/** Collects what is found in one text; readers of its parts pass it along and point with offsets. */
export class Findings {
  readonly file: string;
  readonly #lines: LineIndex;
  readonly #diagnostics: Diagnostic[] = [];

  constructor(text: string, file: string) {
    this.file = file;
    this.#lines = new LineIndex(text);
  }

  /** All findings so far, in the order of the text. */
  get diagnostics(): Diagnostic[] {
    return inOrder(this.#diagnostics);
  }

  /** Line and column of an offset. */
  placeOf(offset: number): TextPosition {
    return this.#lines.at(offset);
  }

  /** @param at an offset of the text, or its place. */
  report(code: DiagnosticCode, at: number | TextPosition, message: string, details?: FindingDetails): void {
    this.#diagnostics.push(diagnostic(code, this.file, this.#place(at), message, details));
  }

  /** A place of this text as the `related` of a finding. */
  related(at: number | TextPosition, message: string): FindingDetails["related"] {
    return [{ file: this.file, at: this.#place(at), message }];
  }

  #place(at: number | TextPosition): TextPosition {
    return typeof at === "number" ? this.placeOf(at) : at;
  }
}

/** Diagnostics in the order of file, line and column; what is about a whole file comes first. */
export function inOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.toSorted(
    (one, other) =>
      compare(one.file, other.file) ||
      (one.at?.line ?? 0) - (other.at?.line ?? 0) ||
      (one.at?.column ?? 0) - (other.at?.column ?? 0),
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

import { type Diagnostic, inOrder, LineIndex, type TextPosition } from "../diagnostics/index.ts";
import { type DiagnosticCode, diagnosticCodes } from "./diagnostic-codes.ts";

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

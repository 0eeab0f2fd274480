import {
  type Diagnostic,
  type DiagnosticCodes,
  inOrder,
  type RelatedPlace,
  type Severity,
} from "./diagnostic.ts";
import { LineIndex } from "./line-index.ts";
import type { TextPosition } from "./place.ts";

/** What a diagnostic may have beyond its message and hint. */
export interface FindingDetails {
  readonly related?: readonly RelatedPlace[] | undefined;
  /** That of its code, if nothing else is said. */
  readonly severity?: Severity | undefined;
}

/** Collects what is found in one text; readers of its parts pass it along, and point with offsets. */
export class Findings<Code extends string = string> {
  readonly text: string;
  readonly file: string;
  readonly #codes: DiagnosticCodes<Code>;
  readonly #max: number;
  readonly #diagnostics: Diagnostic[] = [];
  #lines: LineIndex | undefined;
  #errors = 0;

  /**
   * @param file how diagnostics name the text.
   * @param max diagnostics that are kept, where a hostile text could have a million; one error is always among them.
   */
  constructor(
    text: string,
    file: string,
    codes: DiagnosticCodes<Code>,
    max: number = Number.POSITIVE_INFINITY,
  ) {
    this.text = text;
    this.file = file;
    this.#codes = codes;
    this.#max = max;
  }

  /** All so far, in the order of the text. */
  get diagnostics(): readonly Diagnostic[] {
    return inOrder(this.#diagnostics);
  }

  /** How many errors there are so far, kept or not. */
  get errors(): number {
    return this.#errors;
  }

  /** Whether more would not be kept, so that nobody has to find words for it. */
  get isFull(): boolean {
    return this.#diagnostics.length >= this.#max;
  }

  /** Collects apart from these what is found in a part of the same text. */
  part(): Findings<Code> {
    const part = new Findings(this.text, this.file, this.#codes, this.#max);
    this.#lines ??= new LineIndex(this.text);
    part.#lines = this.#lines;
    return part;
  }

  /** Line and column of an offset. */
  placeOf(offset: number): TextPosition {
    this.#lines ??= new LineIndex(this.text);
    return this.#lines.at(offset);
  }

  /** @param at an offset of the text, or its place; `undefined` for what is about the file as a whole. */
  report(
    code: Code,
    at: number | TextPosition | undefined,
    message: string,
    hint?: string,
    { related, severity = this.#codes[code].severity }: FindingDetails = {},
  ): void {
    const isFirst = severity === "error" && this.#errors === 0;
    if (severity === "error") this.#errors += 1;
    if (this.isFull && !isFirst) return;
    const place = typeof at === "number" ? this.placeOf(at) : at;
    this.#diagnostics.push({
      code,
      severity,
      message,
      hint,
      file: this.file,
      at: place,
      related,
    });
  }

  /** A place of this text as the `related` of a finding. */
  related(at: number | TextPosition, message: string): FindingDetails {
    const place = typeof at === "number" ? this.placeOf(at) : at;
    return { related: [{ file: this.file, at: place, message }] };
  }
}

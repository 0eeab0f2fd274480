import type { TextPosition } from "../diagnostics/index.ts";
import { harmless } from "../errors/index.ts";
import type { CloudBuildProblem, CloudBuildProblemCode } from "./errors.ts";

/** More than anybody reads; a hostile file could have a million. */
const mostProblems = 500;

/** Collects what is wrong with one file. */
export class Findings {
  readonly #problems: CloudBuildProblem[] = [];
  #errors = 0;

  /** All so far, in the order of the file. */
  get problems(): readonly CloudBuildProblem[] {
    return this.#problems.toSorted(
      (one, other) => one.at.line - other.at.line || one.at.column - other.at.column,
    );
  }

  /** How much there is that leaves nothing to build. */
  get errors(): number {
    return this.#errors;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** Whether more would not be kept, so that nobody has to find words for it. */
  get isFull(): boolean {
    return this.#problems.length >= mostProblems;
  }

  error(code: CloudBuildProblemCode, at: TextPosition, message: string, hint?: string): void {
    this.#report("error", code, at, message, hint);
  }

  warning(code: CloudBuildProblemCode, at: TextPosition, message: string, hint?: string): void {
    this.#report("warning", code, at, message, hint);
  }

  #report(
    severity: CloudBuildProblem["severity"],
    code: CloudBuildProblemCode,
    at: TextPosition,
    message: string,
    hint: string | undefined,
  ): void {
    // Even where too much is said already, one error has to be among it.
    const isFirst = severity === "error" && this.#errors === 0;
    if (severity === "error") this.#errors += 1;
    if (this.isFull && !isFirst) return;
    this.#problems.push({ severity, code, message, at, ...(hint === undefined ? {} : { hint }) });
  }
}

/** A text of the file as it may stand in a message: in quotes, without what steers a terminal, and not endless. */
export function quoted(text: string): string {
  return `"${shortened(text)}"`;
}

/** {@link quoted} without the quotes. */
export function shortened(text: string, longest = 200): string {
  return harmless(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

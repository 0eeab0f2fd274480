import type { TextPosition } from "../diagnostics/index.ts";
import { harmless, WaybillError } from "../errors/index.ts";

/** What can be wrong with a Cloud Build file. */
export type CloudBuildProblemCode =
  /** No YAML, more than one document, or too long. */
  | "unreadable"
  | "wrong-type"
  | "duplicate-key"
  | "unknown-field"
  | "missing-field"
  | "invalid-value"
  /** A text where a list is needed: read as a list of one. */
  | "scalar-for-list"
  /** A number, boolean or null where Google's tools want a text in quotes. */
  | "unquoted"
  /** More of something than Google's service takes. */
  | "limit"
  | "script-with-args"
  /** A substitution that a script asks for, where none are made. */
  | "script-reference"
  | "invalid-substitution"
  /** `$KEY` that is no built-in substitution, and none of the user's. */
  | "unknown-built-in"
  /** `$_KEY` without a value. */
  | "no-value"
  /** A value that nothing asks for. */
  | "unused"
  /** A parameter expansion that is not understood, or cannot be made. */
  | "expansion"
  /** Values that refer to each other in a circle. */
  | "cycle"
  | "invalid-image"
  | "invalid-environment"
  | "secret"
  | "step-id"
  | "step-order"
  | "timeout"
  | "volume"
  | "artifacts";

/** One thing that is wrong, or odd, in a Cloud Build file. */
export interface CloudBuildProblem {
  /** With an error, there is nothing to build; a warning is only said. */
  readonly severity: "error" | "warning";
  readonly code: CloudBuildProblemCode;
  /** Has the words of Google's tools where people look for them. */
  readonly message: string;
  /** What is wrong with values from outside of the file stands at its beginning. */
  readonly at: TextPosition;
  /** What to do next. */
  readonly hint?: string;
}

/** Why a Cloud Build file could not be used. */
export type CloudBuildErrorCode = "cloudbuild-invalid";

/** A Cloud Build file that cannot be built; `problems` holds everything that is wrong with it. */
export class CloudBuildError extends WaybillError<CloudBuildErrorCode> {
  override readonly name = "CloudBuildError";
  /** In the order of the file; at least one is an error. */
  readonly problems: readonly CloudBuildProblem[];

  /** @param file how messages name the file. */
  constructor(file: string, problems: readonly CloudBuildProblem[]) {
    const errors = problems.filter(({ severity }) => severity === "error");
    const [first, ...others] = errors;
    const single = first !== undefined && others.length === 0;
    const list = problemsInWords(errors, file).map((line) => `\n  ${line}`);
    super("cloudbuild-invalid", single ? first.message : `${errors.length} problems${list.join("")}`, {
      where: single ? placeOf(file, first) : harmless(file),
      hint: single ? first.hint : undefined,
    });
    this.problems = problems;
  }
}

/** Problems as lines to print, `file:line:column: message (hint)`; those of warnings say that they are one. */
export function problemsInWords(problems: readonly CloudBuildProblem[], file: string): string[] {
  return problems.map((problem) => {
    const { severity, message, hint } = problem;
    const kind = severity === "warning" ? "warning: " : "";
    return `${placeOf(file, problem)}: ${kind}${message}${hint === undefined ? "" : ` (${hint})`}`;
  });
}

function placeOf(file: string, { at }: CloudBuildProblem): string {
  return `${harmless(file)}:${at.line}:${at.column}`;
}

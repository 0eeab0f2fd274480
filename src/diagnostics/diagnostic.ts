import { harmless } from "../errors/index.ts";
import { comparePlaces, formatPlace, type RoughPlace, type TextPosition } from "./place.ts";

/** How grave something is that was found in a file: what it is said of is left out or refused, doubtful, or merely told. */
export type Severity = "error" | "warning" | "info";

/** What was found at a place of a file, in a form that people, editors and code hosts can all use. */
export interface Diagnostic {
  /** Stable, such as `invalid-digest`; the reference of each kind of file lists its codes. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  readonly file: string;
  /** `undefined` when it is about the file as a whole. */
  readonly at?: TextPosition | undefined;
  /** Other places that belong to it, such as the other line of a collision. */
  readonly related?: readonly RelatedPlace[] | undefined;
}

/** Another place that belongs to a diagnostic, and how. */
export interface RelatedPlace {
  readonly file: string;
  readonly at?: TextPosition | undefined;
  readonly message: string;
}

/** Every code that diagnostics of one kind of file can have, with its severity and one line for lists of rules. */
export type DiagnosticCodes<Code extends string = string> = Readonly<
  Record<Code, { readonly severity: Severity; readonly summary: string }>
>;

/** The place that a diagnostic is about. */
export function placeOf({ file, at }: Pick<Diagnostic, "file" | "at">): RoughPlace {
  return at === undefined ? { file } : { file, line: at.line, column: at.column };
}

/** Diagnostics in the order of file, line and column; what is about a whole file comes first. */
export function inOrder<Found extends Pick<Diagnostic, "file" | "at">>(
  diagnostics: readonly Found[],
): Found[] {
  return diagnostics.toSorted((one, other) => comparePlaces(placeOf(one), placeOf(other)));
}

/** A diagnostic in the form of compilers: `file:line:column: severity: message [code]`, what belongs to it below. */
export function formatDiagnostic(
  { severity, message, code, hint, related = [], ...place }: Diagnostic,
  paint: (text: string) => string = (text) => text,
): string {
  return [
    `${harmless(formatPlace(placeOf(place)))}: ${paint(`${severity}:`)} ${harmless(message)} [${code}]`,
    ...related.map((other) => `    ${harmless(formatPlace(placeOf(other)))}: ${harmless(other.message)}`),
    ...(hint === undefined ? [] : [`    hint: ${harmless(hint)}`]),
  ].join("\n");
}

/** Diagnostics as lines to print, `file:line:column: message (hint)`; those of warnings say that they are one. */
export function inLines(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map((found) => {
    const kind = found.severity === "error" ? "" : `${found.severity}: `;
    const hint = found.hint === undefined ? "" : ` (${found.hint})`;
    return `${harmless(formatPlace(placeOf(found)))}: ${kind}${found.message}${hint}`;
  });
}

/** What one error says that stands for all of a file: a single one reads like any other error, several make a list. */
export function inOneError(
  diagnostics: readonly Diagnostic[],
  file: string,
): { readonly message: string; readonly where: string; readonly hint: string | undefined } {
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const [first, ...others] = errors;
  if (first !== undefined && others.length === 0) {
    return { message: first.message, where: harmless(formatPlace(placeOf(first))), hint: first.hint };
  }
  const lines = inLines(errors).map((line) => `\n  ${line}`);
  return { message: `${errors.length} problems${lines.join("")}`, where: harmless(file), hint: undefined };
}

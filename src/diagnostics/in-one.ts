import { harmless } from "../errors/index.ts";
import { type Diagnostic, placeOf } from "./diagnostic.ts";
import { formatPlace } from "./place.ts";

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

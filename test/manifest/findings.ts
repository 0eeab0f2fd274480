import { createHash } from "node:crypto";
import type { Diagnostic } from "../../src/diagnostics/index.ts";

/** Findings of one file as `line:column code message`: what the tables of expectations compare. */
export function told(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(({ at, code, message }) => `${placeOf(at)}${code} ${message}`);
}

/** Findings as `file:line:column code`, files below a folder. */
export function found(diagnostics: readonly Diagnostic[], folder: string): string[] {
  return diagnostics.map(({ file, at, code }) => {
    const name = file === folder ? "." : file.slice(folder.length + 1);
    return `${name}${at === undefined ? "" : `:${at.line}:${at.column}`} ${code}`;
  });
}

function placeOf(at: Diagnostic["at"]): string {
  return at === undefined ? "" : `${at.line}:${at.column} `;
}

/** A digest that looks like nothing else: that of the word. */
export function digestOfWord(word: string): string {
  return `sha256:${createHash("sha256").update(word).digest("hex")}`;
}

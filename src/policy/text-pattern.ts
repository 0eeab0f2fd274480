import { createRequire } from "node:module";
import type { RE2JS } from "re2js";

let loaded: typeof RE2JS | undefined;

/** Loaded when there is an expression: all that read manifests load this file, and loading it takes a fifth of their time. */
function re2(): typeof RE2JS {
  loaded ??= (createRequire(import.meta.url)("re2js") as typeof import("re2js")).RE2JS;
  return loaded;
}

/** What a text has to be: exactly this, or something that an expression of RE2 fits as a whole. */
export type TextPattern = { readonly exact: string } | { readonly expression: string };

/** Characters of an expression or a glob; the longest that are known have fewer than 300. */
const maxLength = 2000;

/** Texts that are longer than this come from nobody who means well, and fit nothing. */
const maxSubject = 8192;

/** Compiled once for each pattern, however many texts it is held against. */
const compiled = new WeakMap<object, RE2JS>();

/**
 * Whether a text is what a pattern says, case and all. An expression has to fit the text as a whole: what is found within it is
 * something else. RE2 takes linear time, whatever the text.
 */
export function fitsText(pattern: TextPattern, text: string): boolean {
  if ("exact" in pattern) return pattern.exact === text;
  if (text.length > maxSubject) return false;
  return compiledOnce(pattern, () => pattern.expression).matches(text);
}

/** What is wrong with a text as an expression of RE2, or `undefined`. */
export function expressionFault(text: string): string | undefined {
  if (text === "") return "there is no expression";
  if (text.length > maxLength) return `it has more than ${maxLength} characters`;
  try {
    re2().compile(text);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(/^error parsing regexp: /, "");
  }
}

/** A glob of names with slashes: `*` stands for anything up to the next slash, `**` for anything, and nothing else is special. */
export interface NameGlob {
  readonly glob: string;
}

/** What is wrong with a text as a {@link NameGlob}, or `undefined`. */
export function globFault(text: string): string | undefined {
  if (text === "") return "there is no name";
  if (text.length > maxLength) return `it has more than ${maxLength} characters`;
  const [special] = /[?[\]{}()!\\\s]/.exec(text.replace(/^\[[0-9a-f:.]+\]/, "")) ?? [];
  return special === undefined
    ? undefined
    : `${JSON.stringify(special)} means nothing here: only * and ** do`;
}

/** Whether a glob means a name. */
export function fitsGlob(pattern: NameGlob, name: string): boolean {
  if (!pattern.glob.includes("*")) return pattern.glob === name;
  if (name.length > maxSubject) return false;
  const source = () =>
    pattern.glob
      .split(/(\*+)/)
      .map((part) => (part.startsWith("*") ? (part.length === 1 ? "[^/]*" : ".*") : re2().quote(part)))
      .join("");
  return compiledOnce(pattern, source).matches(name);
}

function compiledOnce(pattern: object, source: () => string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const expression = re2().compile(source());
  compiled.set(pattern, expression);
  return expression;
}

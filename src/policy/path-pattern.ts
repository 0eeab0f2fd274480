import type { TextPattern } from "./text-pattern.ts";
import { expressionFault, fitsText } from "./text-pattern.ts";

/**
 * What a pattern of names means, as Go's `path.Match` has it: `*` stands for anything up to the next slash, `?` for one character,
 * `[a-z]` and `[^a-z]` for one of a class, and `\` takes what follows as it is. It has to fit a name as a whole.
 */
export function pathPattern(pattern: string): TextPattern | { readonly fault: string } {
  if (pattern.trim() === "") return { fault: "there is no pattern" };
  const expression = expressionOf([...pattern]);
  if (expression === undefined) return { fault: "a class in brackets, or an escape, is not closed" };
  const fault = expressionFault(expression);
  return fault === undefined ? { expression } : { fault };
}

/** Whether a pattern means a name; one with a fault means none. */
export function fitsPath(pattern: TextPattern | { readonly fault: string }, name: string): boolean {
  return !("fault" in pattern) && fitsText(pattern, name);
}

function expressionOf(characters: readonly string[]): string | undefined {
  let source = "";
  let at = 0;
  while (at < characters.length) {
    const character = characters[at] ?? "";
    at += 1;
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "[") {
      const found = classAt(characters, at);
      if (found === undefined) return undefined;
      source += found.source;
      at = found.end;
    } else if (character === "\\") {
      const next = characters[at];
      if (next === undefined) return undefined;
      source += literal(next);
      at += 1;
    } else source += literal(character);
  }
  return source;
}

/** A class after its bracket: characters and ranges of them, at least one. */
function classAt(characters: readonly string[], start: number): { source: string; end: number } | undefined {
  let at = start;
  const isNegated = characters[at] === "^";
  if (isNegated) at += 1;
  const one = (): string | undefined => {
    const character = characters[at];
    at += 1;
    if (character === "-" || character === "]") return undefined;
    if (character !== "\\") return character;
    at += 1;
    return characters[at - 1];
  };
  const ranges: string[] = [];
  for (let count = 0; ; count += 1) {
    if (characters[at] === "]" && count > 0) break;
    const low = one();
    let high = low;
    if (low !== undefined && characters[at] === "-") {
      at += 1;
      high = one();
    }
    if (low === undefined || high === undefined || at >= characters.length) return undefined;
    if ((low.codePointAt(0) ?? 0) <= (high.codePointAt(0) ?? 0))
      ranges.push(`${literal(low)}-${literal(high)}`);
  }
  // A range that is written backwards means nothing.
  const none = isNegated ? "[\\x{0}-\\x{10FFFF}]" : "[^\\x{0}-\\x{10FFFF}]";
  return { source: ranges.length === 0 ? none : `[${isNegated ? "^" : ""}${ranges.join("")}]`, end: at + 1 };
}

function literal(character: string): string {
  return `\\x{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

import { firstMatch, type Glob, parseGlob, prefixLength, suffixLength } from "./glob.ts";

/**
 * What stands behind the name in `${NAME…}`, as bash has it. Words and patterns may hold references themselves. Signs are
 * counted as bash does in a UTF-8 locale: by code points.
 */
export type Expansion =
  /** `:offset` and `:offset:length`; from the end on where they are negative. */
  | { readonly kind: "substring"; readonly offset: string; readonly length?: string }
  /** `^`, `^^`, `,` and `,,`; with a pattern, of those characters that match it. */
  | { readonly kind: "case"; readonly upper: boolean; readonly all: boolean; readonly pattern: string }
  /** `#`, `##`, `%` and `%%`. */
  | { readonly kind: "remove"; readonly suffix: boolean; readonly longest: boolean; readonly pattern: string }
  /** `/`, `//`, `/#` and `/%`. */
  | {
      readonly kind: "replace";
      readonly where: "first" | "all" | "prefix" | "suffix";
      readonly pattern: string;
      readonly replacement: string;
    }
  /** `:-` and `-`: a word instead of no value. */
  | { readonly kind: "default"; readonly ofEmpty: boolean; readonly word: string }
  /** `:+` and `+`: a word instead of any value. */
  | { readonly kind: "alternative"; readonly ofEmpty: boolean; readonly word: string };

/** Reads what stands between the name and the brace that closes it; `undefined` for what is not understood. */
export function parseExpansion(text: string): Expansion | undefined {
  const [, operator = "", rest = ""] =
    /^(:-|:\+|-|\+|\^\^|\^|,,|,|##|#|%%|%|\/[/#%]?|:)(.*)$/s.exec(text) ?? [];
  switch (operator) {
    case ":-":
    case "-":
      return { kind: "default", ofEmpty: operator === ":-", word: rest };
    case ":+":
    case "+":
      return { kind: "alternative", ofEmpty: operator === ":+", word: rest };
    case "^":
    case "^^":
    case ",":
    case ",,":
      return { kind: "case", upper: operator.startsWith("^"), all: operator.length === 2, pattern: rest };
    case "#":
    case "##":
    case "%":
    case "%%":
      return {
        kind: "remove",
        suffix: operator.startsWith("%"),
        longest: operator.length === 2,
        pattern: rest,
      };
    case ":":
      return substring(rest);
    case "":
      return undefined;
    default:
      return replacement(operator, rest);
  }
}

function substring(text: string): Expansion | undefined {
  // Other operators that begin with a colon, `:=` and `:?`, make no sense of a value that is only read.
  if (text === "" || /^[=?]/.test(text)) return undefined;
  const colon = text.indexOf(":");
  if (colon < 0) return { kind: "substring", offset: text };
  return { kind: "substring", offset: text.slice(0, colon), length: text.slice(colon + 1) };
}

function replacement(operator: string, text: string): Expansion {
  const places = { "/": "first", "//": "all", "/#": "prefix", "/%": "suffix" } as const;
  // Behind // even a slash is the beginning of the pattern.
  let slash = operator === "//" && text.startsWith("/") ? 1 : 0;
  while (slash < text.length && text[slash] !== "/") slash += text[slash] === "\\" ? 2 : 1;
  return {
    kind: "replace",
    where: places[operator as keyof typeof places],
    pattern: text.slice(0, slash),
    replacement: unescaped(text.slice(slash + 1)),
  };
}

/** Why an expansion cannot be made. */
export interface ExpansionFault {
  readonly fault: string;
}

/**
 * Makes an expansion.
 * @param value `undefined` where there is none: like an empty one, but for `-` and `+`.
 * @param expand makes the references within words and patterns.
 */
export function applyExpansion(
  expansion: Expansion,
  value: string | undefined,
  expand: (word: string) => string,
): string | ExpansionFault {
  if (expansion.kind === "default" || expansion.kind === "alternative") {
    const has = expansion.ofEmpty ? (value ?? "") !== "" : value !== undefined;
    if (expansion.kind === "default") return has ? (value ?? "") : unescaped(expand(expansion.word));
    return has ? unescaped(expand(expansion.word)) : "";
  }
  const characters = Array.from(value ?? "");
  switch (expansion.kind) {
    case "substring":
      return part(
        characters,
        expand(expansion.offset),
        expansion.length === undefined ? undefined : expand(expansion.length),
      );
    case "case":
      return inCase(characters, expansion, expand(expansion.pattern));
    case "remove": {
      const glob = parseGlob(expand(expansion.pattern));
      if (expansion.suffix) {
        const length = suffixLength(glob, characters, expansion.longest) ?? 0;
        return characters.slice(0, characters.length - length).join("");
      }
      return characters.slice(prefixLength(glob, characters, expansion.longest) ?? 0).join("");
    }
    case "replace":
      return replaced(characters, expansion.where, expand(expansion.pattern), expand(expansion.replacement));
  }
}

/** `\}`, `\\`, `\$` and `\"` stand for their second sign, as in a word within double quotes. */
function unescaped(word: string): string {
  return word.replaceAll(/\\([\\}$"/])/g, "$1");
}

function part(
  characters: readonly string[],
  offsetText: string,
  lengthText: string | undefined,
): string | ExpansionFault {
  const offset = numberOf(offsetText);
  const length = lengthText === undefined ? characters.length : numberOf(lengthText);
  if (offset === undefined) return { fault: `the offset ${JSON.stringify(offsetText)} is no decimal number` };
  if (length === undefined) return { fault: `the length ${JSON.stringify(lengthText)} is no decimal number` };
  const start = offset < 0 ? characters.length + offset : offset;
  if (start < 0 || start > characters.length) return "";
  const end = length < 0 ? characters.length + length : Math.min(start + length, characters.length);
  if (end < start) return { fault: `${end - start}: substring expression < 0` };
  return characters.slice(start, end).join("");
}

/** A decimal number, perhaps with a sign and in parentheses; nothing is zero. Bash takes `010` for eight. */
function numberOf(text: string): number | undefined {
  const [, sign, digits] = /^\s*(?:\(\s*)?(?:([-+])\s*)?(0|[1-9]\d{0,8})?\s*(?:\)\s*)?$/.exec(text) ?? [];
  if (digits === undefined) return text.trim() === "" ? 0 : undefined;
  return sign === "-" ? 0 - Number(digits) : Number(digits);
}

function inCase(
  characters: readonly string[],
  { upper, all }: { readonly upper: boolean; readonly all: boolean },
  pattern: string,
): string {
  const glob = pattern === "" ? undefined : parseGlob(pattern);
  const matches = (character: string): boolean =>
    glob === undefined || prefixLength(glob, [character], true) === 1;
  return characters
    .map((character, index) => {
      if ((index > 0 && !all) || !matches(character)) return character;
      const other = upper ? character.toUpperCase() : character.toLowerCase();
      // Bash changes sign by sign: ß stays.
      return Array.from(other).length === 1 ? other : character;
    })
    .join("");
}

function replaced(
  characters: readonly string[],
  where: "first" | "all" | "prefix" | "suffix",
  pattern: string,
  replacement: string,
): string {
  const glob = parseGlob(pattern);
  if (where === "prefix") {
    const length = prefixLength(glob, characters, true);
    return length === undefined ? characters.join("") : replacement + characters.slice(length).join("");
  }
  if (where === "suffix") {
    const length = suffixLength(glob, characters, true);
    if (length === undefined) return characters.join("");
    return characters.slice(0, characters.length - length).join("") + replacement;
  }
  if (pattern === "") return characters.join("");
  return replacedWithin(characters, glob, where === "all", replacement);
}

function replacedWithin(
  characters: readonly string[],
  glob: Glob,
  all: boolean,
  replacement: string,
): string {
  const pieces: string[] = [];
  let at = 0;
  while (at < characters.length || pieces.length === 0) {
    const match = firstMatch(glob, characters, at);
    if (match === undefined) break;
    pieces.push(characters.slice(at, match.start).join(""), replacement);
    at = match.end;
    if (!all) break;
  }
  return pieces.join("") + characters.slice(at).join("");
}

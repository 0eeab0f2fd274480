import { firstMatch, type Glob, parseGlob, prefixLength, suffixLength } from "./glob.ts";

/**
 * What stands behind the name in `${NAME…}`, as bash has it: an operator and what is behind that, in which references may stand.
 * Signs are counted as bash does in a UTF-8 locale: by code points.
 */
export interface Expansion {
  /**
   * - `:` is a substring, by `offset` or `offset:length`; from the end on where they are negative.
   * - `^`, `^^`, `,` and `,,` change the case; with a pattern, of those characters that match it.
   * - `#`, `##`, `%` and `%%` remove what matches at the beginning or the end, the double ones as much as they can.
   * - `/`, `//`, `/#` and `/%` replace: the first match, all, at the beginning, at the end.
   * - `:-` and `-` are a word instead of no value, `:+` and `+` one instead of any; with a colon, an empty value is none.
   */
  readonly operator: string;
  readonly rest: string;
}

/** Reads what stands between the name and the brace that closes it; `undefined` for what is not understood. */
export function parseExpansion(text: string): Expansion | undefined {
  const [, operator, rest = ""] = /^(:-|:\+|-|\+|\^\^|\^|,,|,|##|#|%%|%|\/[/#%]?|:)(.*)$/s.exec(text) ?? [];
  // Other operators that begin with a colon, `:=` and `:?`, make no sense of a value that is only read.
  const isOdd = operator === ":" && (rest === "" || /^[=?]/.test(rest));
  return operator === undefined || isOdd ? undefined : { operator, rest };
}

/** Whether an expansion says that there may be no value, by a word that stands in for it. */
export function mayLackValue({ operator }: Expansion): boolean {
  return /^:?[-+]$/.test(operator);
}

export interface ExpansionFault {
  readonly fault: string;
}

/**
 * Makes an expansion.
 * @param value `undefined` where there is none: like an empty one, but for `-` and `+`.
 * @param expand makes the references within words and patterns.
 */
export function applyExpansion(
  { operator, rest }: Expansion,
  value: string | undefined,
  expand: (word: string) => string,
): string | ExpansionFault {
  const characters = Array.from(value ?? "");
  const isDouble = operator.length === 2;
  switch (operator) {
    case ":-":
    case "-":
    case ":+":
    case "+": {
      const has = operator.startsWith(":") ? (value ?? "") !== "" : value !== undefined;
      const isDefault = operator.endsWith("-");
      if (has !== isDefault) return unescaped(expand(rest));
      return isDefault ? (value ?? "") : "";
    }
    case ":": {
      const [, offset = "", length] = /^([^:]*)(?::(.*))?$/s.exec(rest) ?? [];
      return part(characters, expand(offset), length === undefined ? undefined : expand(length));
    }
    case "#":
    case "##":
      return characters.slice(prefixLength(parseGlob(expand(rest)), characters, isDouble) ?? 0).join("");
    case "%":
    case "%%": {
      const length = suffixLength(parseGlob(expand(rest)), characters, isDouble) ?? 0;
      return characters.slice(0, characters.length - length).join("");
    }
    case "/":
    case "//":
    case "/#":
    case "/%":
      return replaced(characters, operator, rest, expand);
    default:
      return inCase(characters, operator.startsWith("^"), isDouble, expand(rest));
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

function inCase(characters: readonly string[], upper: boolean, all: boolean, pattern: string): string {
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
  operator: "/" | "//" | "/#" | "/%",
  text: string,
  expand: (word: string) => string,
): string {
  // Behind // even a slash is the beginning of the pattern.
  let slash = operator === "//" && text.startsWith("/") ? 1 : 0;
  while (slash < text.length && text[slash] !== "/") slash += text[slash] === "\\" ? 2 : 1;
  const pattern = expand(text.slice(0, slash));
  const replacement = expand(unescaped(text.slice(slash + 1)));
  const glob = parseGlob(pattern);
  if (operator === "/#") {
    const length = prefixLength(glob, characters, true);
    return length === undefined ? characters.join("") : replacement + characters.slice(length).join("");
  }
  if (operator === "/%") {
    const length = suffixLength(glob, characters, true);
    if (length === undefined) return characters.join("");
    return characters.slice(0, characters.length - length).join("") + replacement;
  }
  if (pattern === "") return characters.join("");
  return replacedWithin(characters, glob, operator === "//", replacement);
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

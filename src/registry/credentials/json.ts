import { LineIndex } from "../../diagnostics/index.ts";
import { RegistryError } from "../errors.ts";

/**
 * Parses JSON that holds secrets. The error says where it is broken and repeats nothing of the text, which the
 * message of `JSON.parse` would do.
 * @throws {RegistryError} `credential-source` with `shown:line:column`.
 */
export function parseSecretJson(text: string, shown: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { line, column } = new LineIndex(text).at(jsonFaultOffset(text) ?? 0);
    throw new RegistryError("credential-source", "credentials are not valid JSON", {
      where: `${shown}:${line}:${column}`,
      hint: "mend the file, or log in again with the tool that wrote it",
    });
  }
}

/** The line where a key stands for the first time, or the first line. */
export function lineOfKey(text: string, key: string): number {
  return new LineIndex(text).at(Math.max(0, text.indexOf(JSON.stringify(key)))).line;
}

const space = /[ \t\r\n]*/y;
const string = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const literal = /(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![A-Za-z0-9_])/y;

/** What may come next: `first` forms also allow the bracket that closes an empty collection. */
type Expected = "value" | "first-value" | "key" | "first-key" | "colon" | "separator" | "end";

/** Offset of the first token that no JSON text could have there (RFC 8259), or `undefined` when the text is JSON. */
export function jsonFaultOffset(text: string): number | undefined {
  const open: ("}" | "]")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const closed = (): Expected => (open.length === 0 ? "end" : "separator");
  for (;;) {
    take(space);
    const character = text[at];
    if (expected === "end") return character === undefined ? undefined : at;
    if (character === undefined) return at;
    const closing = open.at(-1);
    if (character === closing && (expected === "separator" || expected.startsWith("first"))) {
      open.pop();
      at += 1;
      expected = closed();
    } else if (expected === "separator") {
      if (character !== ",") return at;
      at += 1;
      expected = closing === "}" ? "key" : "value";
    } else if (expected === "colon") {
      if (character !== ":") return at;
      at += 1;
      expected = "value";
    } else if (expected.endsWith("key")) {
      if (!take(string)) return at;
      expected = "colon";
    } else if (character === "{" || character === "[") {
      open.push(character === "{" ? "}" : "]");
      at += 1;
      expected = character === "{" ? "first-key" : "first-value";
    } else {
      if (!take(string) && !take(literal)) return at;
      expected = closed();
    }
  }
}

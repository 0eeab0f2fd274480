import { LineIndex } from "../../diagnostics/index.ts";
import { RegistryError } from "../errors.ts";
import { JsonBytes } from "../json-bytes.ts";

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

/** Offset of the first token that no JSON text could have there (RFC 8259), or `undefined` when the text is JSON. */
export function jsonFaultOffset(text: string): number | undefined {
  const bytes = Buffer.from(text);
  const json = new JsonBytes(bytes);
  const walk = (): void => {
    const next = json.peek();
    if (next === "{") for (const _ of json.keys()) walk();
    else if (next === "[") for (const _ of json.elements()) walk();
    else json.value();
  };
  try {
    walk();
    json.end();
    return undefined;
  } catch {
    return bytes.toString("utf8", 0, json.at).length;
  }
}

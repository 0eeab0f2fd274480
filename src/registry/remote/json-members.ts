import { setImmediate as pause } from "node:timers/promises";
import { JsonBytes } from "../json-bytes.ts";

/** One of the things that a field of a JSON document holds: an element of a list, or a member of an object. */
export interface JsonMember {
  readonly field: string;
  readonly key: string | undefined;
  readonly value: unknown;
}

/** Bytes that are read in one go: others have their turn between them. */
const portion = 256 * 1024;

/**
 * Reads a JSON object that is large because some of its fields hold very many small things: these are given one by one,
 * and nothing else of the document is kept. Parsing tens of megabytes at once would hold up everything for half a minute
 * and take gigabytes, if they are chosen for it.
 * @param take May throw, when there are too many.
 * @returns Those of the fields that are there, and whether each holds something else than `null`.
 * @throws {SyntaxError} for what is no such document.
 */
export async function readMembers(
  bytes: Uint8Array,
  fields: ReadonlySet<string>,
  take: (member: JsonMember) => void,
): Promise<ReadonlyMap<string, boolean>> {
  const text = new JsonBytes(bytes);
  const found = new Map<string, boolean>();
  let pauseAt = portion;
  for (const key of text.keys()) {
    if (!fields.has(key)) {
      text.skip();
      continue;
    }
    const opening = text.peek();
    if (opening !== "{" && opening !== "[") {
      if (text.value() !== null) throw new SyntaxError(`${key} is neither a list nor an object`);
      if (!found.has(key)) found.set(key, false);
      continue;
    }
    found.set(key, true);
    for (const name of opening === "{" ? text.keys() : text.elements()) {
      take({ field: key, key: name, value: text.value() });
      if (text.at < pauseAt) continue;
      pauseAt = text.at + portion;
      await pause();
    }
  }
  text.end();
  return found;
}

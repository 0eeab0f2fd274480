import { endOfString, jsonExcess } from "./json.ts";

/** Bytes of all members that are parsed. */
const parsedBytes = 1024 * 1024;
/** Members of one object. Statements have four. */
const maxMembers = 64;

/**
 * Some members of an object in JSON, however long the others are: those are passed over, and take no memory. All members have
 * their names in it; those that are not wanted, or are too large themselves, are `undefined`. What is passed over need not be
 * JSON: for what nobody vouches for. `undefined` for what is no object, or has more members than anything that is read.
 */
export function skimJson(
  bytes: Uint8Array,
  wanted: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  const found: Record<string, unknown> = Object.create(null);
  let left = parsedBytes;
  let at = afterSpace(bytes, 0);
  if (bytes[at] !== brace) return undefined;
  for (let members = 0; members < maxMembers; members += 1) {
    at = afterSpace(bytes, at + 1);
    if (bytes[at] === closingBrace && members === 0) return found;
    const nameEnd = bytes[at] === quote ? endOfString(bytes, at) : -1;
    if (nameEnd < 0 || nameEnd - at > maxNameBytes) return undefined;
    const name = parsed(bytes.subarray(at, nameEnd + 1));
    at = afterSpace(bytes, nameEnd + 1);
    if (typeof name !== "string" || bytes[at] !== colon) return undefined;
    const start = afterSpace(bytes, at + 1);
    const end = endOfValue(bytes, start);
    if (end < 0) return undefined;
    const isRead = wanted.includes(name) && end - start <= left;
    if (isRead) left -= end - start;
    found[name] = isRead ? parsed(bytes.subarray(start, end)) : undefined;
    at = afterSpace(bytes, end);
    if (bytes[at] === closingBrace) return found;
    if (bytes[at] !== comma) return undefined;
  }
  return undefined;
}

const maxNameBytes = 1024;
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const brace = 0x7b;
const closingBrace = 0x7d;
const spaces: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);

function afterSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  while (spaces.has(bytes[at])) at += 1;
  return at;
}

/** Where a value has ended; `-1` when it does not. */
function endOfValue(bytes: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at];
    const isOpening = byte === brace || byte === 0x5b;
    const isClosing = byte === closingBrace || byte === 0x5d;
    if (depth === 0 && (isClosing || byte === comma)) return at;
    if (isOpening) depth += 1;
    else if (isClosing) depth -= 1;
    else if (byte === quote) {
      at = endOfString(bytes, at);
      if (at < 0) return -1;
    }
  }
  return -1;
}

function parsed(bytes: Uint8Array): unknown {
  if (jsonExcess(bytes) !== undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

import { sigstoreLimits } from "./limits.ts";
import { failed, unverifiable } from "./refusal.ts";

/**
 * Bytes as JSON, within bounds of size, depth and number of values: all are known before anything is parsed.
 * @throws {SignatureRefusal} that is `unverifiable` for want of room where there are more values than are read.
 */
export function boundedJson(bytes: Uint8Array, maxBytes: number, what: string): unknown {
  if (bytes.length > maxBytes)
    throw failed(`${what} has ${bytes.length} bytes, more than the ${maxBytes} that are looked at`);
  const excess = jsonExcess(bytes);
  if (excess === "deep") throw failed(`${what} is nested more than ${sigstoreLimits.jsonDepth} deep`);
  if (excess === "many")
    throw unverifiable(`${what} has more than the ${sigstoreLimits.jsonValues} values that are read`, "room");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw failed(`${what} is not JSON in UTF-8`);
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

/** Of what JSON has more than is parsed: of objects and lists within each other, or of values. What is no JSON may get any answer. */
export function jsonExcess(bytes: Uint8Array): "deep" | "many" | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) {
      at = endOfString(bytes, at);
      if (at < 0) return undefined;
    } else if (byte === comma) values += 1;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      values += 1;
      if (depth > sigstoreLimits.jsonDepth) return "deep";
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    if (values > sigstoreLimits.jsonValues) return "many";
  }
  return undefined;
}

/** Where a string ends that starts at a quote: at its other quote, or `-1`. */
export function endOfString(bytes: Uint8Array, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); ; end = bytes.indexOf(quote, end + 1)) {
    if (end < 0) return -1;
    let backslashes = 0;
    while (bytes[end - 1 - backslashes] === backslash && end - 1 - backslashes > start) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

import { sigstoreLimits } from "./limits.ts";
import { failed } from "./refusal.ts";

/**
 * Bytes as JSON, within bounds of size and depth: both are known before anything is parsed.
 * @throws {SignatureRefusal}
 */
export function boundedJson(bytes: Uint8Array, maxBytes: number, what: string): unknown {
  if (bytes.length > maxBytes)
    throw failed(`${what} has ${bytes.length} bytes, more than the ${maxBytes} that are looked at`);
  if (isDeep(bytes)) throw failed(`${what} is nested more than ${sigstoreLimits.jsonDepth} deep`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw failed(`${what} is not JSON in UTF-8`);
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Whether brackets outside of strings open deeper than is allowed; what is no JSON may get any answer. */
function isDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) {
      at = endOfString(bytes, at);
      if (at < 0) return false;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > sigstoreLimits.jsonDepth) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return false;
}

function endOfString(bytes: Uint8Array, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); ; end = bytes.indexOf(quote, end + 1)) {
    if (end < 0) return -1;
    let backslashes = 0;
    while (bytes[end - 1 - backslashes] === backslash && end - 1 - backslashes > start) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

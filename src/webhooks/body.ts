import { refused, type WebhookHeaders, type WebhookRefusal } from "./model.ts";

/** How deep a payload may be nested; those of forges are about ten levels deep. */
const maxDepth = 64;

/** What a body holds: what stands in a form's `payload`, or itself. */
export function payloadOf(headers: WebhookHeaders, body: Uint8Array): Uint8Array {
  const type = headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) return body;
  const payload = new URLSearchParams(Buffer.from(body).toString("latin1")).get("payload");
  return payload === null ? body : Buffer.from(payload);
}

/** The JSON value of a payload. */
export function readJson(payload: Uint8Array): { readonly value: unknown } | WebhookRefusal {
  if (depthOf(payload) > maxDepth) {
    return refused("too-deep", `the delivery is nested more than ${maxDepth} levels deep`);
  }
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) };
  } catch {
    return refused("not-json", "the delivery is not JSON");
  }
}

const [quote, backslash, openBrace, openBracket, closeBrace, closeBracket] = Buffer.from('"\\{[}]');

/** How many braces and brackets are open at most, of those that are not part of a text. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isText) {
      if (byte === backslash) at += 1;
      else if (byte === quote) isText = false;
    } else if (byte === quote) isText = true;
    else if (byte === openBrace || byte === openBracket) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (byte === closeBrace || byte === closeBracket) depth -= 1;
  }
  return deepest;
}

import type { RFC3161Timestamp } from "@sigstore/core";

/** The answer of a timestamp authority (RFC 3161), not verified. What parses it is loaded then. @throws for what is none. */
export async function readTimestamp(der: Uint8Array): Promise<RFC3161Timestamp> {
  const { parseTimestamp } = await import("./timestamp.ts");
  return parseTimestamp(der);
}

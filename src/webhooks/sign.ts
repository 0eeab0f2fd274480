import { createHmac } from "node:crypto";
import { standardKey } from "./signature.ts";

/** What is sent, and by which names it is known. */
export interface ToSign {
  /** The same for each attempt. */
  readonly id: string;
  /** Seconds since 1970, of this attempt. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The headers by which a receiver knows that a delivery is ours, as Standard Webhooks has them (https://www.standardwebhooks.com).
 * @param secrets While one is replaced by another, both: a signature by each of them.
 */
export function signStandard(
  secrets: readonly string[],
  { id, timestamp, body }: ToSign,
): Readonly<Record<string, string>> {
  const signatures = secrets.map(
    (secret) =>
      `v1,${createHmac("sha256", standardKey(secret)).update(`${id}.${timestamp}.${body}`).digest("base64")}`,
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(" "),
  };
}

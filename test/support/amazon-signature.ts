import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

export interface SigningKey {
  readonly id: string;
  readonly secret: string;
  readonly session?: string | undefined;
}

/**
 * Checks a request as "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)" says: that these headers
 * are signed, beside the host and the time, and a session's token where there is one.
 */
export function isSignedByAmazon(
  { method, url = "", headers }: IncomingMessage,
  body: Buffer,
  { id, secret, session }: SigningKey,
  signedToo: readonly string[] = [],
): boolean {
  const [, credential = "", names = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  const [named, day = "", region = "", service = "", end] = credential.split("/");
  const time = String(headers["x-amz-date"]);
  const signed = names.split(";");
  const needed = [
    "host",
    "x-amz-date",
    ...(session === undefined ? [] : ["x-amz-security-token"]),
    ...signedToo,
  ];
  const isWhole =
    named === id &&
    end === "aws4_request" &&
    time.startsWith(day) &&
    needed.every((name) => signed.includes(name));
  if (!isWhole || headers["x-amz-security-token"] !== session) return false;
  const [path = "", query = ""] = url.split("?");
  const canonical = [
    method,
    path,
    query.split("&").sort().join("&"),
    ...signed.map((name) => `${name}:${headers[name]}`),
    "",
    names,
    sha256(body),
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, credential.split("/").slice(1).join("/"), sha256(canonical)].join(
    "\n",
  );
  const keys = [day, region, service, "aws4_request"];
  const key = keys.reduce<Buffer>((last, word) => hmac(last, word), Buffer.from(`AWS4${secret}`));
  return timingSafeEqual(hmac(key, text), Buffer.from(signature, "hex"));
}

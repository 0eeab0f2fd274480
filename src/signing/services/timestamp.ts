import { createHash } from "node:crypto";
import { isSuccess } from "../../http/index.ts";
import { readTimestamp } from "../../sigstore/index.ts";
import { refusalOf, type ServiceWire, strangeAnswer } from "./wire.ts";

/** What a timestamp authority has said. */
export interface Timestamp {
  /** The answer as it came (RFC 3161, `TimeStampResp`), DER. */
  readonly bytes: Buffer;
  /** The time that it states. */
  readonly time: Date;
}

/** `TimeStampReq` for a SHA-256 of 32 bytes, which follow: version 1, the algorithm, and further down a wish for certificates. */
const head = Buffer.from("30390201013031300d060960864801650304020105000420", "hex");
const withCertificates = Buffer.from("0101ff", "hex");

/**
 * Has an authority say that a signature was there by now (RFC 3161 over HTTP): over the signature's bytes, as Sigstore has it.
 * What comes is parsed and compared, not verified: nobody here has to trust that authority.
 * @throws {SigningError}
 */
export async function timestampOf(signature: Uint8Array, url: URL, wire: ServiceWire): Promise<Timestamp> {
  const digest = createHash("sha256").update(signature).digest();
  const who = "the timestamp authority";
  const answer = await wire({
    ...{ method: "POST", url, who, body: Buffer.concat([head, digest, withCertificates]) },
    ...{ contentType: "application/timestamp-query", accept: "application/timestamp-reply" },
  });
  if (!isSuccess(answer)) throw refusalOf(answer, who);
  const bytes = Buffer.from(answer.bytes);
  const granted = new Set([0n, 1n]);
  try {
    const response = await readTimestamp(bytes);
    if (granted.has(response.status) && response.tstInfo.messageImprintHashedMessage.equals(digest))
      return { bytes, time: response.signingTime };
  } catch {
    // Whatever it is: it is none.
  }
  throw strangeAnswer(answer, who, "with no timestamp of this signature");
}

import { legacyAnnotations } from "../sigstore/index.ts";
import type { MadeCertificate, MadeSignature } from "./made-signature.ts";
import type { SignatureProof } from "./proof.ts";

const lineLength = 64;

/** What cosign's older layout has beside a signature, as annotations of its layer: the certificate, the log's entry, a timestamp. */
export function proofAnnotations(
  { certificate }: MadeSignature,
  proof: SignatureProof,
): Record<string, string> {
  const [entry] = proof.entries;
  const [timestamp] = proof.timestamps;
  return {
    ...(certificate !== undefined && certificateAnnotations(certificate)),
    ...(entry?.inclusionPromise !== undefined && {
      [legacyAnnotations.bundle]: JSON.stringify({
        SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
        Payload: {
          body: entry.canonicalizedBody,
          integratedTime: Number(entry.integratedTime),
          logIndex: Number(entry.logIndex),
          logID: Buffer.from(entry.logId.keyId, "base64").toString("hex"),
        },
      }),
    }),
    ...(timestamp !== undefined && {
      [legacyAnnotations.timestamp]: JSON.stringify({
        SignedRFC3161Timestamp: timestamp.toString("base64"),
      }),
    }),
  };
}

function certificateAnnotations({ leaf, chain }: MadeCertificate): Record<string, string> {
  return {
    [legacyAnnotations.certificate]: certificatePem(leaf),
    ...(chain.length > 0 && { [legacyAnnotations.chain]: chain.map(certificatePem).join("") }),
  };
}

/** A certificate as PEM. */
export function certificatePem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(new RegExp(`.{1,${lineLength}}`, "g")) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

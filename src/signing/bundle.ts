import { type DsseEnvelope, envelopeOf } from "./envelope.ts";
import type { MadeSignature } from "./made-signature.ts";
import type { SignatureProof } from "./proof.ts";

/** The media type of Sigstore bundles that are written: of version 0.3, which has a leaf certificate and no chain. */
export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** A Sigstore bundle (protobuf-specs, `sigstore_bundle.proto`) around a signed statement, as compact JSON. */
export function bundleBytes(statement: Uint8Array, made: MadeSignature, proof: SignatureProof): Uint8Array {
  const { entries, timestamps } = proof;
  const { certificate, publicKey } = made;
  const dsseEnvelope: DsseEnvelope = envelopeOf(statement, made.signature);
  return Buffer.from(
    JSON.stringify({
      mediaType: bundleMediaType,
      verificationMaterial: {
        ...(certificate === undefined
          ? { publicKey: { hint: Buffer.from(publicKey.fingerprint, "hex").toString("base64") } }
          : { certificate: { rawBytes: certificate.leaf.toString("base64") } }),
        ...(entries.length > 0 && { tlogEntries: entries }),
        ...(timestamps.length > 0 && {
          timestampVerificationData: {
            rfc3161Timestamps: timestamps.map((stamp) => ({ signedTimestamp: stamp.toString("base64") })),
          },
        }),
      },
      dsseEnvelope,
    }),
  );
}

import { type Bundle, bundleFromJSON, ValidationError } from "@sigstore/bundle";
import * as z from "zod/mini";
import { messageOf } from "../errors/index.ts";
import { boundedJson } from "./json.ts";
import { sigstoreLimits } from "./limits.ts";
import { failed, unverifiable } from "./refusal.ts";
import { dsseBytes, type Signed } from "./signed.ts";
import { inTotoPayload } from "./statement.ts";

/** Characters of base64 for so many bytes. */
function base64(bytes: number) {
  return z.string().check(z.maxLength(Math.ceil(bytes / 3) * 4));
}

const count = z.union([z.string().check(z.maxLength(20)), z.number()]);
const certificate = z.object({ rawBytes: base64(sigstoreLimits.certificateBytes) });

/** A DSSE envelope in JSON, within bounds; an envelope without signatures is one that nobody signed. */
export const envelope = z.object({
  payloadType: z.string().check(z.maxLength(256)),
  payload: z.string(),
  signatures: z
    .array(
      z.object({
        sig: base64(sigstoreLimits.signatureBytes),
        keyid: z.nullish(z.string().check(z.maxLength(1024))),
      }),
    )
    .check(z.maxLength(16)),
});

const logEntry = z.object({
  logIndex: z.optional(count),
  logId: z.object({ keyId: base64(64) }),
  kindVersion: z.object({
    kind: z.string().check(z.maxLength(64)),
    version: z.string().check(z.maxLength(64)),
  }),
  integratedTime: z.optional(count),
  inclusionPromise: z.optional(z.object({ signedEntryTimestamp: base64(sigstoreLimits.signatureBytes) })),
  inclusionProof: z.optional(
    z.object({
      logIndex: z.optional(count),
      treeSize: z.optional(count),
      hashes: z.optional(z.array(base64(64)).check(z.maxLength(sigstoreLimits.proofHashes))),
      checkpoint: z.optional(
        z.object({ envelope: z.string().check(z.maxLength(sigstoreLimits.checkpointBytes)) }),
      ),
    }),
  ),
  canonicalizedBody: z.string(),
});

/** A bundle within bounds: the library that reads it takes any number of anything, and the first of two that exclude each other. */
const bundle = z.object({
  mediaType: z.string().check(z.maxLength(128)),
  verificationMaterial: z.object({
    publicKey: z.optional(z.object({ hint: z.optional(z.string().check(z.maxLength(1024))) })),
    certificate: z.optional(certificate),
    x509CertificateChain: z.optional(
      z.object({
        certificates: z.array(certificate).check(z.minLength(1), z.maxLength(sigstoreLimits.certificates)),
      }),
    ),
    tlogEntries: z.optional(z.array(logEntry).check(z.maxLength(sigstoreLimits.logEntries))),
    timestampVerificationData: z.nullish(
      z.object({
        rfc3161Timestamps: z.optional(
          z
            .array(z.object({ signedTimestamp: base64(sigstoreLimits.timestampBytes) }))
            .check(z.maxLength(sigstoreLimits.timestamps)),
        ),
      }),
    ),
  }),
  messageSignature: z.optional(z.unknown()),
  dsseEnvelope: z.optional(envelope),
});

const mediaType = /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.[123]|\.v0\.3\+json)$/;

/** What a bundle holds: the payload as it is, also where nobody signed it, and the signature. */
export interface BundleContent {
  readonly payload: Buffer;
  /** Absent where nobody signed it. */
  readonly signed?: Signed | undefined;
}

/**
 * A Sigstore bundle, versions 0.1 to 0.3, around one DSSE envelope with one signature over an in-toto statement.
 * @throws {SignatureRefusal}
 */
export function readBundle(bytes: Uint8Array): BundleContent {
  const json = boundedJson(bytes, sigstoreLimits.bundleBytes, "the bundle");
  const within = bundle.safeParse(json);
  if (!within.success) {
    const [issue] = within.error.issues;
    const where = issue?.path.join(".") ?? "";
    throw failed(`it is no bundle, or one beyond all measure${where === "" ? "" : `: see ${where}`}`);
  }
  const { verificationMaterial: material, dsseEnvelope, messageSignature } = within.data;
  if (!mediaType.test(within.data.mediaType))
    throw unverifiable(`bundles of the type ${within.data.mediaType} are not known here`, "format");
  const signers = [material.publicKey, material.certificate, material.x509CertificateChain];
  if (signers.filter((each) => each !== undefined).length !== 1)
    throw failed("it does not say with one key or one certificate who signed it");
  if (messageSignature !== undefined && dsseEnvelope !== undefined) throw failed("it holds two signatures");
  if (dsseEnvelope === undefined)
    throw unverifiable("it signs the bytes of something, and says nothing of an image", "format");
  const payload = envelopePayload(dsseEnvelope);
  if (dsseEnvelope.signatures.length === 0) return { payload };
  const signature = onlySignature(dsseEnvelope);
  return { payload, signed: signedOf(parsed(json), payload, signature) };
}

/** The payload of an envelope, which is to be a statement. @throws {SignatureRefusal} */
export function envelopePayload({ payloadType, payload }: z.infer<typeof envelope>): Buffer {
  if (payloadType !== inTotoPayload) throw failed(`its payload is no in-toto statement, but ${payloadType}`);
  return Buffer.from(payload, "base64");
}

/**
 * The signature of an envelope. Several are refused: who looks at the first, and who at any, would see different signers.
 * @throws {SignatureRefusal}
 */
export function onlySignature({ signatures }: z.infer<typeof envelope>): Buffer {
  const [signature] = signatures;
  if (signature === undefined || signatures.length > 1)
    throw failed(`its envelope has ${signatures.length} signatures, where one is expected`);
  return Buffer.from(signature.sig, "base64");
}

function parsed(json: unknown): Bundle {
  try {
    return bundleFromJSON(json);
  } catch (cause) {
    const fields = cause instanceof ValidationError ? cause.fields.join(", ") : messageOf(cause);
    throw failed(`it is no bundle of its version: see ${fields.slice(0, 300)}`);
  }
}

function signedOf({ verificationMaterial }: Bundle, payload: Buffer, signature: Buffer): Signed {
  const { content, tlogEntries, timestampVerificationData } = verificationMaterial;
  const timestamps = timestampVerificationData?.rfc3161Timestamps ?? [];
  return {
    payload,
    bytes: dsseBytes(inTotoPayload, payload),
    signature,
    signer: signerOf(content),
    entries: tlogEntries,
    timestamps: timestamps.map(({ signedTimestamp }) => Buffer.from(signedTimestamp)),
  };
}

function signerOf(content: Bundle["verificationMaterial"]["content"]): Signed["signer"] {
  switch (content.$case) {
    case "publicKey":
      return { kind: "key", hint: content.publicKey.hint };
    case "certificate":
      return { kind: "certificate", certificate: Buffer.from(content.certificate.rawBytes) };
    case "x509CertificateChain":
      return {
        kind: "certificate",
        // Only what the trusted root lists is an authority: the others of the chain are not looked at.
        certificate: Buffer.from(content.x509CertificateChain.certificates[0]?.rawBytes ?? []),
      };
  }
}

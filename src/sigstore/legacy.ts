import type { TransparencyLogEntry } from "@sigstore/bundle";
import * as z from "zod/mini";
import { boundedJson } from "./json.ts";
import { sigstoreLimits } from "./limits.ts";
import { failed } from "./refusal.ts";
import type { Signed } from "./signed.ts";

/** The annotations of a layer in which cosign's older layout keeps what verifies it. */
export const legacyAnnotations = {
  signature: "dev.cosignproject.cosign/signature",
  certificate: "dev.sigstore.cosign/certificate",
  chain: "dev.sigstore.cosign/chain",
  bundle: "dev.sigstore.cosign/bundle",
  timestamp: "dev.sigstore.cosign/rfc3161timestamp",
} as const;

const logBundle = z.object({
  SignedEntryTimestamp: z.string(),
  Payload: z.object({
    body: z.string(),
    integratedTime: z.number(),
    logIndex: z.number(),
    logID: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  }),
});
const loggedBody = z.object({ kind: z.string(), apiVersion: z.string() });
const timestamp = z.object({ SignedRFC3161Timestamp: z.string() });

type Annotations = Readonly<Record<string, string>>;

/** What annotations of a layer say of the signature that it holds: who made it, and what proves when. @throws {SignatureRefusal} */
export function legacyMaterial(annotations: Annotations): Pick<Signed, "signer" | "entries" | "timestamps"> {
  const pem = annotation(annotations, "certificate");
  const bundle = annotation(annotations, "bundle");
  const stamp = annotation(annotations, "timestamp");
  return {
    signer: pem === undefined ? { kind: "key" } : { kind: "certificate", certificate: certificateIn(pem) },
    entries: bundle === undefined ? [] : [logEntry(bundle)],
    timestamps: stamp === undefined ? [] : [timestampIn(stamp)],
  };
}

/** One of cosign's annotations, if it is there and not empty. @throws {SignatureRefusal} for one that is too large. */
export function annotation(
  annotations: Annotations,
  name: keyof typeof legacyAnnotations,
): string | undefined {
  const key = legacyAnnotations[name];
  const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
  if (value !== undefined && value.length > sigstoreLimits.annotationBytes)
    throw failed(`the annotation ${key} has ${value.length} characters`);
  return value === "" ? undefined : value;
}

function certificateIn(pem: string): Buffer {
  const [, body] = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/.exec(pem) ?? [];
  if (body === undefined) throw failed("its certificate is not in PEM");
  return Buffer.from(body, "base64");
}

function logEntry(text: string): TransparencyLogEntry {
  const bytes = Buffer.from(text);
  const read = logBundle.safeParse(boundedJson(bytes, sigstoreLimits.annotationBytes, "its entry of a log"));
  if (!read.success) throw failed("its entry of a log is not as cosign writes it");
  const { body, integratedTime, logIndex, logID } = read.data.Payload;
  const canonicalizedBody = Buffer.from(body, "base64");
  const logged = loggedBody.safeParse(
    boundedJson(canonicalizedBody, sigstoreLimits.annotationBytes, "its entry of a log"),
  );
  if (!logged.success) throw failed("its entry of a log does not say what it is");
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, "hex") },
    kindVersion: { kind: logged.data.kind, version: logged.data.apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: Buffer.from(read.data.SignedEntryTimestamp, "base64") },
    inclusionProof: undefined,
    canonicalizedBody,
  };
}

function timestampIn(text: string): Buffer {
  const bytes = Buffer.from(text);
  const read = timestamp.safeParse(boundedJson(bytes, sigstoreLimits.annotationBytes, "its timestamp"));
  if (!read.success) throw failed("its timestamp is not as cosign writes it");
  return Buffer.from(read.data.SignedRFC3161Timestamp, "base64");
}

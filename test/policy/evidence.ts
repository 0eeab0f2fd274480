import { createHash } from "node:crypto";
import { type Digest, parseDigest, parseRepository } from "../../src/oci/index.ts";
import type { Evidence, EvidenceItem, JudgedImage } from "../../src/policy/index.ts";
import type { SignatureState } from "../../src/sigstore/index.ts";

export const now = new Date("2026-11-30T12:00:00Z");

/** A digest that is told apart from others by a word. */
export function digestNamed(word: string): Digest {
  return parseDigest(`sha256:${createHash("sha256").update(word).digest("hex")}`);
}

export const image: JudgedImage = {
  digest: digestNamed("image"),
  source: parseRepository("staging.example.com/p/app"),
  destinations: [parseRepository("prod.example.com/p/app")],
  project: "p",
};

export const google = "https://accounts.google.com";
export const github = "https://token.actions.githubusercontent.com";

/** A verified signature with a certificate of that identity. */
export function signedBy(
  identity: string,
  issuer = google,
  more: { readonly signedAt?: string; readonly claims?: Record<string, string> } = {},
): SignatureState {
  const { signedAt, claims = {} } = more;
  return {
    state: "verified",
    by: { kind: "certificate", identity, issuer, claims },
    ...(signedAt === undefined ? {} : { signedAt }),
  };
}

/** A verified signature with a key. */
export function signedWithKey(fingerprint: string, signedAt?: string): SignatureState {
  return { state: "verified", by: { kind: "key", fingerprint }, signedAt };
}

export const unsigned: SignatureState = { state: "unsigned" };
export const refuted: SignatureState = { state: "failed", why: "the signature is not of these bytes" };

/** A statement that hangs on an image. @param manifest a word for its manifest. */
export function statement(
  predicateType: string,
  signature: SignatureState,
  predicate: unknown = {},
  manifest = "attached",
): EvidenceItem {
  return {
    manifest: digestNamed(manifest),
    layer: digestNamed(`${manifest} ${predicateType}`),
    signature,
    statement: { predicateType, predicate, subjects: [{ digest: { sha256: "…" } }] },
  };
}

/** The cosign signature of an image. */
export function signature(by: SignatureState, manifest = "signature"): EvidenceItem {
  return statement("https://sigstore.dev/cosign/sign/v1", by, {}, manifest);
}

/** What was found of an image, or of one with these platforms. */
export function evidence(items: readonly EvidenceItem[], more: Partial<Evidence> = {}): Evidence {
  return { digest: image.digest, items, unread: [], platforms: [], ...more };
}

/** A platform with what hangs on it. */
export function platform(name: string, items: readonly EvidenceItem[], more: Partial<Evidence> = {}) {
  return { platform: name, evidence: evidence(items, { digest: digestNamed(name), ...more }) };
}

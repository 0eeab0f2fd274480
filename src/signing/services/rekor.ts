import { createHash, type KeyObject } from "node:crypto";
import * as z from "zod/mini";
import { type Answer, headerOf } from "../../http/index.ts";
import { jsonIn } from "../../oci/index.ts";
import { hashOfKey } from "../../sigstore/index.ts";
import { type DsseEnvelope, signedBytesOf } from "../envelope.ts";
import { SigningError } from "../errors.ts";
import { certificatePem } from "../legacy.ts";
import type { MadeSignature } from "../made-signature.ts";
import type { LogEntry } from "../proof.ts";
import { pemOf, spkiOf } from "../signing-key.ts";
import type { ChosenService } from "./signing-config.ts";
import { readServiceAnswer, type ServiceWire, strangeAnswer } from "./wire.ts";

/** What is written into a log: a signature over an envelope's statement, or over bytes. */
export type LoggedContent =
  | { readonly kind: "envelope"; readonly statement: Uint8Array; readonly envelope: DsseEnvelope }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** Versions of Rekor's API that are spoken. */
export const rekorVersions = [1, 2] as const;

const who = "the log";
const digits = z.union([
  z.string().check(z.regex(/^\d{1,19}$/)),
  z.pipe(
    z.number().check(z.nonnegative()),
    z.transform((number) => String(number)),
  ),
]);
const hex = z.string().check(z.regex(/^(?:[0-9a-f]{2})*$/i));
const maxHashes = 64;

/**
 * Writes a signature into a transparency log, and gives its entry in the form of bundles. What comes back is compared with what was
 * sent; whoever verifies checks the log's own proofs.
 * @throws {SigningError}
 */
export async function logSignature(
  content: LoggedContent,
  made: MadeSignature,
  { url, version }: ChosenService,
  wire: ServiceWire,
): Promise<LogEntry> {
  return version === 1 ? logInFirst(content, made, url, wire) : logInSecond(content, made, url, wire);
}

const firstEntry = z.object({
  body: z.string(),
  integratedTime: digits,
  logID: hex,
  logIndex: digits,
  verification: z.object({
    signedEntryTimestamp: z.string(),
    inclusionProof: z.object({
      logIndex: digits,
      rootHash: hex,
      treeSize: digits,
      hashes: z.array(hex).check(z.maxLength(maxHashes)),
      checkpoint: z.string(),
    }),
  }),
});
const firstAnswer = z.record(z.string(), firstEntry);
const entryHead = z.object({ kind: z.string(), apiVersion: z.string() });

/** Rekor's API, version 1 (sigstore/rekor, `openapi.yaml`): `dsse` 0.0.1 for envelopes, `hashedrekord` 0.0.1 for bytes. */
async function logInFirst(
  content: LoggedContent,
  made: MadeSignature,
  base: URL,
  wire: ServiceWire,
): Promise<LogEntry> {
  const url = below(base, "api/v1/log/entries");
  const proposed = JSON.stringify(proposedEntry(content, made));
  let answer = await wire({ method: "POST", url, who, body: proposed, contentType: "application/json" });
  const there = headerOf(answer, "location");
  if (answer.status === 409 && there !== undefined && URL.canParse(there, url.href)) {
    // An attempt whose answer was lost, or an earlier run, has written the same.
    const existing = new URL(there, url);
    if (existing.origin === url.origin) answer = await wire({ method: "GET", url: existing, who });
  }
  const [entry] = Object.values(readServiceAnswer(answer, firstAnswer, who, refusedHint));
  const head = entryHead.safeParse(bodyOf(entry?.body ?? "")).data;
  if (entry === undefined || head === undefined || !bodyHas(entry.body, made)) {
    throw otherEntry(answer);
  }
  const { inclusionProof: proof, signedEntryTimestamp } = entry.verification;
  return {
    logIndex: entry.logIndex,
    logId: { keyId: base64OfHex(entry.logID) },
    kindVersion: { kind: head.kind, version: head.apiVersion },
    integratedTime: entry.integratedTime,
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: proof.logIndex,
      rootHash: base64OfHex(proof.rootHash),
      treeSize: proof.treeSize,
      hashes: proof.hashes.map(base64OfHex),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
}

const refusedHint = "does it take such keys and entries? Private logs may allow fewer than the public ones";

function proposedEntry(content: LoggedContent, { signature, publicKey, certificate }: MadeSignature): object {
  const verifier = certificate === undefined ? pemOf(publicKey.key) : certificatePem(certificate.leaf);
  const key = Buffer.from(verifier).toString("base64");
  if (content.kind === "envelope") {
    const proposedContent = { envelope: JSON.stringify(content.envelope), verifiers: [key] };
    return { apiVersion: "0.0.1", kind: "dsse", spec: { proposedContent } };
  }
  const hash = hashedBy(publicKey.key, "cosign's older layout");
  const data = { hash: { algorithm: hash, value: createHash(hash).update(content.bytes).digest("hex") } };
  return {
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: { data, signature: { content: signature.toString("base64"), publicKey: { content: key } } },
  };
}

const secondEntry = z.object({
  logIndex: z._default(digits, "0"),
  logId: z.object({ keyId: z.string() }),
  kindVersion: z.object({ kind: z.string(), version: z.string() }),
  integratedTime: z._default(digits, "0"),
  inclusionProof: z.object({
    logIndex: z._default(digits, "0"),
    rootHash: z.string(),
    treeSize: digits,
    hashes: z._default(z.array(z.string()).check(z.maxLength(maxHashes)), []),
    checkpoint: z.object({ envelope: z.string() }),
  }),
  canonicalizedBody: z.string(),
});

/**
 * Rekor's API, version 2 (sigstore/rekor-tiles, `CLIENTS.md`), which has nothing but `hashedrekord` 0.0.2: of an envelope, the
 * hash of what its signature is over. Its answer is what goes into bundles.
 */
async function logInSecond(
  content: LoggedContent,
  { signature, publicKey, certificate }: MadeSignature,
  base: URL,
  wire: ServiceWire,
): Promise<LogEntry> {
  const url = below(base, "api/v2/log/entries");
  const hash = hashedBy(publicKey.key, "a log of Rekor 2");
  const signed = content.kind === "envelope" ? signedBytesOf(content.statement) : content.bytes;
  const rawBytes = (certificate?.leaf ?? spkiOf(publicKey.key)).toString("base64");
  const verifier = {
    ...(certificate === undefined ? { publicKey: { rawBytes } } : { x509Certificate: { rawBytes } }),
    keyDetails: keyDetailsOf(publicKey.key),
  };
  const hashedRekordRequestV002 = {
    digest: createHash(hash).update(signed).digest("base64"),
    signature: { content: signature.toString("base64"), verifier },
  };
  const body = JSON.stringify({ hashedRekordRequestV002 });
  const answer = await wire({ method: "POST", url, who, body, contentType: "application/json" });
  const entry = readServiceAnswer(answer, secondEntry, who, refusedHint);
  if (!bodyHas(entry.canonicalizedBody, { signature })) throw otherEntry(answer);
  return entry;
}

/** The hash of a key that signs one. Others are logged with a signature of another kind, which nothing here makes. */
function hashedBy(key: KeyObject, where: string): "sha256" | "sha384" | "sha512" {
  const hash = hashOfKey(key);
  if (hash !== null) return hash;
  throw new SigningError("signer-invalid", `signatures of Ed25519 keys cannot be logged for ${where}`, {
    hint: "use a key of P-256, or a signingConfig without such a log",
  });
}

/** A key's algorithm, as Sigstore's protocol buffers name it (`PublicKeyDetails`). */
function keyDetailsOf({ asymmetricKeyDetails }: KeyObject): string {
  const { namedCurve = "", modulusLength } = asymmetricKeyDetails ?? {};
  return curveDetails[namedCurve] ?? `PKIX_RSA_PKCS1V15_${modulusLength}_SHA256`;
}

const curveDetails: Readonly<Record<string, string>> = {
  prime256v1: "PKIX_ECDSA_P256_SHA_256",
  secp384r1: "PKIX_ECDSA_P384_SHA_384",
  secp521r1: "PKIX_ECDSA_P521_SHA_512",
};

function otherEntry(answer: Answer): SigningError {
  return strangeAnswer(answer, who, "with an entry of something else");
}

/** Whether the body of an entry has the signature: all kinds write it in base64. */
function bodyHas(body: string, { signature }: Pick<MadeSignature, "signature">): boolean {
  return Buffer.from(body, "base64").includes(`"${signature.toString("base64")}"`);
}

function bodyOf(body: string): unknown {
  return jsonIn(Buffer.from(body, "base64").toString("utf8"));
}

function base64OfHex(text: string): string {
  return Buffer.from(text, "hex").toString("base64");
}

/** An address below that of a service, whether or not that ends with a slash. */
export function below(base: URL, path: string): URL {
  return new URL(path, base.href.endsWith("/") ? base : `${base.href}/`);
}

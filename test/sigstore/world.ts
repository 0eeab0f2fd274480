import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { ASN1Obj } from "@sigstore/core";
import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from "@sigstore/mock";
import { type Digest, digestOf, hexOf } from "../../src/oci/index.ts";
import { dsseBytes, hashOfKey, readTrustedRoot } from "../../src/sigstore/index.ts";

/** Another Sigstore, in this process: an authority, its log of certificates, a log of signatures, a timestamp authority. */
export interface SigstoreWorld {
  readonly ca: Awaited<ReturnType<typeof initializeCA>>;
  readonly caKey: KeyObject;
  readonly tlog: Awaited<ReturnType<typeof initializeTLog>>;
  readonly tlogKey: KeyObject;
  readonly tsa: Awaited<ReturnType<typeof initializeTSA>>;
  readonly ctlog: Awaited<ReturnType<typeof initializeCTLog>>;
  /** The same log and timestamp authority at another time. */
  readonly at: (clock: Date) => Promise<SigstoreWorld>;
}

export const image = digestOf(Buffer.from("an image"));
export const workflow = "https://github.com/org/repo/.github/workflows/release.yml@refs/tags/v1";
export const actions = "https://token.actions.githubusercontent.com";
export const minute = 60_000;
const hour = 60 * minute;

export const pairOf = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });

/** @param clock When everybody but the authority itself, which is made now, believes that it is. */
export async function sigstoreWorld(clock?: Date): Promise<SigstoreWorld> {
  const [ca, log, certificates, stamps] = [1, 2, 3, 4].map(() => pairOf("P-256")) as [Pair, Pair, Pair, Pair];
  const ctlog = await initializeCTLog(certificates, clock);
  const world: SigstoreWorld = {
    ctlog,
    ca: await initializeCA(ca, ctlog, clock),
    caKey: ca.privateKey,
    tlog: await initializeTLog("https://rekor.example.com", log, clock),
    tlogKey: log.privateKey,
    tsa: await initializeTSA(stamps, clock),
    at: async (time) => ({
      ...world,
      tlog: await initializeTLog("https://rekor.example.com", log, time),
      tsa: await initializeTSA(stamps, time),
    }),
  };
  return world;
}
type Pair = ReturnType<typeof pairOf>;

const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes as Uint8Array).toString("base64");
export const raw = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
const pem = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${base64(der).replace(/.{64}/g, "$&\n").trimEnd()}\n-----END ${label}-----\n`;

interface RootOptions {
  readonly validFor?: { readonly start?: Date; readonly end?: Date };
  /** Kinds of which the trusted root lists none. */
  readonly without?: readonly ("tlogs" | "ctlogs" | "certificateAuthorities" | "timestampAuthorities")[];
}

/** What a trusted_root.json says of a world. */
export function trustedRootJson(world: SigstoreWorld, { validFor, without = [] }: RootOptions = {}) {
  const period = {
    start: (validFor?.start ?? new Date(Date.now() - 24 * hour)).toISOString(),
    ...(validFor?.end === undefined ? {} : { end: validFor.end.toISOString() }),
  };
  const log = (publicKey: Buffer) => ({
    baseUrl: "https://rekor.example.com",
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: base64(publicKey), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor: period },
    logId: { keyId: base64(createHash("sha256").update(publicKey).digest()) },
  });
  const authority = (...certificates: ArrayBufferView[]) => ({
    subject: { organization: "example", commonName: "example" },
    uri: "https://example.com",
    certChain: { certificates: certificates.map((each) => ({ rawBytes: base64(raw(each)) })) },
    validFor: period,
  });
  const all = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [log(world.tlog.publicKey)],
    ctlogs: [log(world.ctlog.publicKey)],
    certificateAuthorities: [authority(world.ca.rootCertificate)],
    timestampAuthorities: [authority(world.tsa.intCertificate, world.tsa.rootCertificate)],
  };
  return { ...all, ...Object.fromEntries(without.map((kind) => [kind, []])) };
}

export function trustedRootOf(world: SigstoreWorld, options?: RootOptions) {
  return readTrustedRoot(Buffer.from(JSON.stringify(trustedRootJson(world, options))), "trusted_root.json");
}

export function statementAbout(digest: Digest, predicateType = "https://sigstore.dev/cosign/sign/v1") {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: { sha256: hexOf(digest) } }],
    predicateType,
    predicate: {},
  };
}

interface Identity {
  readonly identity?: string;
  readonly issuer?: string;
  readonly extensions?: readonly {
    readonly oid: string;
    readonly value: string;
    readonly legacy?: boolean;
  }[];
}

/** A certificate of the world's authority, of minutes. */
export async function certify(
  { ca }: SigstoreWorld,
  publicKey: KeyObject,
  { identity = workflow, issuer = actions, extensions = [] }: Identity = {},
): Promise<Buffer> {
  const certificate = await ca.issueCertificate({
    publicKey: publicKey.export({ format: "der", type: "spki" }) as Buffer<ArrayBuffer>,
    subjectAltName: identity,
    extensions: [{ oid: "1.3.6.1.4.1.57264.1.8", value: issuer }, ...extensions],
  });
  return raw(certificate);
}

/** A certificate as the authority would have issued it, had it been asked for something else; in no log of certificates. */
export function reissued(
  { caKey }: SigstoreWorld,
  der: Buffer,
  change: (extensions: ASN1Obj[], tbs: ASN1Obj) => void,
): Buffer {
  const root = ASN1Obj.parseBuffer(Buffer.from(der));
  const [tbs, , signature] = root.subs;
  const extensions = tbs?.subs.find(({ tag }) => tag.isContextSpecific(0x03))?.subs[0];
  if (tbs === undefined || signature === undefined || extensions === undefined)
    throw new Error("no certificate");
  const sct = extensions.subs.findIndex((each) => each.subs[0]?.toOID() === "1.3.6.1.4.1.11129.2.4.2");
  if (sct >= 0) extensions.subs.splice(sct, 1);
  change(extensions.subs, tbs);
  Object.assign(signature, { value: Buffer.concat([Buffer.from([0]), sign("sha384", tbs.toDER(), caKey)]) });
  return root.toDER();
}

/** What stands in a bundle, before it is written; tests change it in between. */
export interface BundleDraft {
  readonly mediaType: string;
  readonly verificationMaterial: Record<string, unknown> & {
    tlogEntries?: ReturnType<typeof draftEntry>[];
    timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };
  readonly dsseEnvelope: {
    payloadType: string;
    payload: string;
    signatures: { sig: string; keyid?: string }[];
  };
}

export const bytesOf = (json: unknown) => Buffer.from(JSON.stringify(json));

export interface SignOptions extends Identity {
  readonly payload?: Buffer;
  readonly payloadType?: string;
  readonly pair?: Pair;
  readonly certificate?: Buffer;
  /** `v2`: hashedrekord 0.0.2, as Rekor's second version has it, without any time. */
  readonly log?: "dsse" | "intoto" | "v2" | "none";
  readonly timestamp?: boolean;
  /** What the entry of the log is of, where that is something else. */
  readonly logged?: { readonly payload?: Buffer; readonly signature?: Buffer; readonly key?: string };
}

/** A signature of somebody without a key of their own, with all its proofs. */
export async function keyless(world: SigstoreWorld, options: SignOptions = {}): Promise<BundleDraft> {
  const { payload = bytesOf(statementAbout(image)), payloadType = "application/vnd.in-toto+json" } = options;
  const pair = options.pair ?? pairOf("P-256");
  const certificate = options.certificate ?? (await certify(world, pair.publicKey, options));
  const signature = sign(hashOfKey(pair.privateKey), dsseBytes(payloadType, payload), pair.privateKey);
  const { log = "dsse", timestamp = log === "v2", logged = {} } = options;
  const key = logged.key ?? pem("CERTIFICATE", certificate);
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      certificate: { rawBytes: base64(certificate) },
      tlogEntries:
        log === "none"
          ? []
          : [
              await entryOf(world, log, {
                payload: logged.payload ?? payload,
                bytes: dsseBytes(payloadType, logged.payload ?? payload),
                signature: logged.signature ?? signature,
                key,
              }),
            ],
      timestampVerificationData: {
        rfc3161Timestamps: timestamp ? [{ signedTimestamp: base64(await stampOf(world, signature)) }] : [],
      },
    },
    dsseEnvelope: { payloadType, payload: base64(payload), signatures: [{ sig: base64(signature) }] },
  };
}

/** A signature of a key, as it is or in a log. */
export async function keyed(
  pair: Pair | { privateKey: KeyObject; publicKey: KeyObject },
  options: {
    readonly payload?: Buffer;
    readonly hint?: string;
    readonly world?: SigstoreWorld;
    readonly loggedKey?: KeyObject;
  } = {},
): Promise<BundleDraft> {
  const payload = options.payload ?? bytesOf(statementAbout(image));
  const bytes = dsseBytes("application/vnd.in-toto+json", payload);
  const signature = sign(hashOfKey(pair.privateKey), bytes, pair.privateKey);
  const spki = pair.publicKey.export({ format: "der", type: "spki" });
  const hint = options.hint ?? createHash("sha256").update(spki).digest("base64");
  const key = pem(
    "PUBLIC KEY",
    (options.loggedKey ?? pair.publicKey).export({ format: "der", type: "spki" }),
  );
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      publicKey: { hint },
      ...(options.world === undefined
        ? {}
        : { tlogEntries: [await entryOf(options.world, "dsse", { payload, bytes, signature, key })] }),
    },
    dsseEnvelope: {
      payloadType: "application/vnd.in-toto+json",
      payload: base64(payload),
      signatures: [{ sig: base64(signature) }],
    },
  };
}

interface Logged {
  readonly payload: Buffer;
  readonly bytes: Buffer;
  readonly signature: Buffer;
  /** PEM. */
  readonly key: string;
}

export async function stampOf({ tsa }: SigstoreWorld, signature: Buffer): Promise<Buffer> {
  return raw(
    await tsa.timestamp({
      artifactHash: createHash("sha256").update(signature).digest(),
      hashAlgorithmOID: "2.16.840.1.101.3.4.2.1",
      nonce: 1,
      policyOID: "1.2.3.4",
    }),
  );
}

async function entryOf(world: SigstoreWorld, log: "dsse" | "intoto" | "v2", logged: Logged) {
  const entry = await loggedBy(world, bodyOf(log, logged));
  return log === "v2" ? draftEntry(entry, { isSecond: true }) : draftEntry(entry);
}

function bodyOf(log: "dsse" | "intoto" | "v2", { payload, bytes, signature, key }: Logged): object {
  const payloadHash = { algorithm: "sha256", value: createHash("sha256").update(payload).digest("hex") };
  switch (log) {
    case "dsse":
      return {
        apiVersion: "0.0.1",
        kind: "dsse",
        spec: { payloadHash, signatures: [{ signature: base64(signature), verifier: base64(key) }] },
      };
    case "intoto":
      return {
        apiVersion: "0.0.2",
        kind: "intoto",
        spec: {
          content: {
            envelope: { signatures: [{ sig: base64(base64(signature)), publicKey: base64(key) }] },
            payloadHash,
          },
        },
      };
    case "v2": {
      const der = key.replace(/-----[A-Z ]+-----|\s/g, "");
      return {
        apiVersion: "0.0.2",
        kind: "hashedrekord",
        spec: {
          hashedRekordV002: {
            data: { algorithm: "SHA2_256", digest: createHash("sha256").update(bytes).digest("base64") },
            signature: {
              content: base64(signature),
              verifier: { keyDetails: "PKIX_ECDSA_P256_SHA_256", x509Certificate: { rawBytes: der } },
            },
          },
        },
      };
    }
  }
}

interface LogEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logIndex: number;
  readonly logID: string;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly treeSize: number;
      readonly rootHash: string;
      readonly hashes: readonly string[];
      readonly checkpoint: string;
    };
  };
}

/** What a log answers whoever puts something in it. */
export async function loggedBy({ tlog }: SigstoreWorld, body: object): Promise<LogEntry> {
  // The types of the answer are in a package that is not here.
  const [entry] = Object.values((await tlog.log(body)) as Record<string, LogEntry>);
  if (entry === undefined) throw new Error("the log has not answered");
  return entry;
}

function draftEntry(entry: LogEntry, { isSecond = false } = {}) {
  const { signedEntryTimestamp, inclusionProof: proof } = entry.verification;
  const { kind, apiVersion } = JSON.parse(Buffer.from(entry.body, "base64").toString());
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: Buffer.from(entry.logID, "hex").toString("base64") },
    kindVersion: { kind, version: apiVersion },
    integratedTime: isSecond ? "0" : String(entry.integratedTime),
    ...(isSecond ? {} : { inclusionPromise: { signedEntryTimestamp } }),
    inclusionProof: {
      logIndex: String(proof.logIndex),
      treeSize: String(proof.treeSize),
      rootHash: Buffer.from(proof.rootHash, "hex").toString("base64"),
      hashes: proof.hashes,
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
}

export const simplePayload = (digest: Digest, type = "cosign container image signature") =>
  bytesOf({
    critical: {
      identity: { "docker-reference": "registry.example.com/app" },
      image: { "docker-manifest-digest": digest },
      type,
    },
    optional: null,
  });

/** One of cosign's older signatures, without a key of its own: the payload, and the annotations of its layer. */
export async function keylessLegacy(
  world: SigstoreWorld,
  payload = simplePayload(image),
  options: Identity = {},
) {
  const pair = pairOf("P-256");
  const certificate = await certify(world, pair.publicKey, options);
  const signature = sign("sha256", payload, pair.privateKey);
  const { verification, body, integratedTime, logIndex, logID } = await loggedBy(world, {
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: { hash: { algorithm: "sha256", value: createHash("sha256").update(payload).digest("hex") } },
      signature: {
        content: base64(signature),
        publicKey: { content: base64(pem("CERTIFICATE", certificate)) },
      },
    },
  });
  const annotations: Record<string, string> = {
    "dev.cosignproject.cosign/signature": base64(signature),
    "dev.sigstore.cosign/certificate": pem("CERTIFICATE", certificate),
    "dev.sigstore.cosign/chain": pem("CERTIFICATE", raw(world.ca.rootCertificate)),
    "dev.sigstore.cosign/bundle": JSON.stringify({
      SignedEntryTimestamp: verification.signedEntryTimestamp,
      Payload: { body, integratedTime, logIndex, logID },
    }),
  };
  return { payload, annotations };
}

import { sign } from "node:crypto";
import { ASN1Obj } from "@sigstore/core";
import { digestOf } from "../../src/oci/index.ts";
import {
  openVerifier,
  publicKeyOf,
  readTrustedRoot,
  type SignatureReading,
  sigstoreLimits,
  type VerifierOptions,
} from "../../src/sigstore/index.ts";
import {
  type BundleDraft,
  bytesOf,
  certify,
  image,
  keyed,
  keyless,
  keylessLegacy,
  minute,
  pairOf,
  reissued,
  type SignOptions,
  type SigstoreWorld,
  simplePayload,
  stampOf,
  statementAbout,
  trustedRootJson,
  trustedRootOf,
} from "./world.ts";

/** What somebody has to work with who forges: a Sigstore whose authority and logs are honest, another one, and a key. */
export interface Stage {
  readonly world: SigstoreWorld;
  /** Their own authority and logs, of the same names. */
  readonly theirs: SigstoreWorld;
  readonly ours: ReturnType<typeof pairOf>;
}

/** Something that is not what it says, and what comes of it. */
export interface Forgery {
  readonly name: string;
  readonly read: (stage: Stage) => Promise<SignatureReading>;
  readonly state: "failed" | "unverifiable" | "unsigned";
  /** Why, in part. */
  readonly why: string;
}

const other = digestOf(Buffer.from("another image"));
const day = 24 * 60 * minute;

/** Reads a bundle with the honest trusted root and our key. */
async function read(stage: Stage, bundle: unknown, options: VerifierOptions = {}): Promise<SignatureReading> {
  return (await verifierOf(stage, options)).bundle(bytesOf(bundle), image);
}

async function verifierOf({ world, ours }: Stage, options: VerifierOptions = {}) {
  return openVerifier({
    keys: [publicKeyOf(ours.publicKey, "key.pub", "ours")],
    trustedRoot: await trustedRootOf(world),
    ...options,
  });
}

/** A bundle that is good but for what is changed in it. */
async function changed(stage: Stage, change: (bundle: BundleDraft) => void, options?: SignOptions) {
  const bundle = await keyless(stage.world, options);
  change(bundle);
  return bundle;
}

const entryIn = (bundle: BundleDraft) => {
  const [entry] = bundle.verificationMaterial.tlogEntries ?? [];
  if (entry === undefined) throw new Error("there is no entry");
  return entry;
};

/** A certificate of the honest authority that it would have issued for something else, where no log of certificates is asked. */
async function withCertificate(stage: Stage, change: Parameters<typeof reissued>[2]) {
  const pair = pairOf("P-256");
  const certificate = reissued(stage.world, await certify(stage.world, pair.publicKey), change);
  const trustedRoot = await trustedRootOf(stage.world, { without: ["ctlogs"] });
  return read(stage, await keyless(stage.world, { pair, certificate }), { trustedRoot });
}

const hex = (text: string) => ASN1Obj.parseBuffer(Buffer.from(text.replaceAll(" ", ""), "hex"));
const extensionOf = (extensions: readonly ASN1Obj[], oid: string) => {
  const found = extensions.find((each) => each.subs[0]?.toOID() === oid);
  if (found === undefined) throw new Error(`no extension ${oid}`);
  return found;
};
const extensionsOf = (certificate: Buffer) => {
  const { subs } = ASN1Obj.parseBuffer(Buffer.from(certificate)).subs[0] ?? { subs: [] };
  return subs.find(({ tag }) => tag.isContextSpecific(0x03))?.subs[0]?.subs ?? [];
};
/** Puts DER into the octet string of an extension. */
function setExtension(extensions: readonly ASN1Obj[], oid: string, der: string): void {
  const value = extensionOf(extensions, oid).subs.at(-1);
  Object.assign(value ?? {}, { subs: [hex(der)] });
}
const usage = "2.5.29.37";
const names = "2.5.29.17";
const uri = (text: string, tag = 0x86) =>
  Buffer.concat([Buffer.from([tag, text.length]), Buffer.from(text, "latin1")]);
const sequence = (...parts: Buffer[]) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]).toString("hex");
};

const of = (
  name: string,
  state: Forgery["state"],
  why: string,
  read: (stage: Stage) => Promise<SignatureReading>,
): Forgery => ({ name, state, why, read });

/** Each is one row of the table of docs/signatures.md, by its name. */
export const forgeries: readonly Forgery[] = [
  // What is signed
  of("a signature of another digest", "failed", "about something else", async (stage) =>
    read(stage, await keyless(stage.world, { payload: bytesOf(statementAbout(other)) })),
  ),
  of("a key's signature of another digest", "failed", "about something else", async (stage) =>
    read(stage, await keyed(stage.ours, { payload: bytesOf(statementAbout(other)) })),
  ),
  of("an older signature of another digest", "failed", "about something else", async (stage) => {
    const { payload, annotations } = await keylessLegacy(stage.world, simplePayload(other));
    return (await verifierOf(stage)).simpleSigning(payload, annotations, image);
  }),
  of("a payload that was changed afterwards", "failed", "about something else", async (stage) =>
    read(
      stage,
      await changed(stage, ({ dsseEnvelope }) => {
        dsseEnvelope.payload = bytesOf({ ...statementAbout(image), predicate: { builder: "me" } }).toString(
          "base64",
        );
      }),
    ),
  ),
  of(
    "a payload that was changed afterwards, signed by a key",
    "failed",
    "ours has signed it, which has not",
    async (stage) => {
      const bundle = await keyed(stage.ours);
      bundle.dsseEnvelope.payload = bytesOf(statementAbout(image, "https://slsa.dev/provenance/v1")).toString(
        "base64",
      );
      return read(stage, bundle);
    },
  ),
  of("an older payload that was changed afterwards", "failed", "about something else", async (stage) => {
    const { payload, annotations } = await keylessLegacy(stage.world);
    return (await verifierOf(stage)).simpleSigning(
      Buffer.concat([payload, Buffer.from(" ")]),
      annotations,
      image,
    );
  }),
  of("two signatures in one envelope", "failed", "2 signatures, where one", async (stage) =>
    read(stage, await changed(stage, ({ dsseEnvelope: { signatures } }) => signatures.push({ sig: "AAAA" }))),
  ),
  of("two statements in one envelope", "failed", "not JSON", async (stage) => {
    const payload = Buffer.concat([bytesOf(statementAbout(image)), bytesOf(statementAbout(other))]);
    return read(stage, await keyless(stage.world, { payload }));
  }),
  of("a statement beside a signature of bytes", "failed", "two signatures", async (stage) =>
    read(stage, {
      ...(await keyless(stage.world)),
      messageSignature: { messageDigest: { algorithm: "SHA2_256", digest: "AAAA" }, signature: "AAAA" },
    }),
  ),
  of("a payload of another type", "failed", "but text/plain", async (stage) =>
    read(stage, await keyless(stage.world, { payloadType: "text/plain" })),
  ),
  of("a payload that is no statement", "failed", "no in-toto statement", async (stage) =>
    read(
      stage,
      await keyless(stage.world, { payload: bytesOf({ subject: [{ digest: { sha256: image.slice(7) } }] }) }),
    ),
  ),
  of("an older payload that is not for images", "failed", "no signature of an image", async (stage) => {
    const { payload, annotations } = await keylessLegacy(
      stage.world,
      simplePayload(image, "atomic container signature"),
    );
    return (await verifierOf(stage)).simpleSigning(payload, annotations, image);
  }),
  of("an envelope that nobody signed", "unsigned", "", async (stage) =>
    read(stage, await changed(stage, ({ dsseEnvelope }) => dsseEnvelope.signatures.splice(0))),
  ),
  of("an empty signature", "failed", "no bundle", async (stage) =>
    read(
      stage,
      await changed(stage, ({ dsseEnvelope: { signatures } }) => signatures.splice(0, 1, { sig: "" })),
    ),
  ),
  // The signature
  of("a signature by another hash than that of the curve", "failed", "not that of its key", async (stage) => {
    const pair = pairOf("P-256");
    const draft = await keyless(stage.world, { pair });
    const payload = Buffer.from(draft.dsseEnvelope.payload, "base64");
    const bytes = Buffer.concat([
      Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${payload.length} `),
      payload,
    ]);
    const signature = sign("sha1", bytes, pair.privateKey);
    const certificate = Buffer.from(
      (draft.verificationMaterial.certificate as { rawBytes: string }).rawBytes,
      "base64",
    );
    const bundle = await keyless(stage.world, { pair, certificate, logged: { signature } });
    bundle.dsseEnvelope.signatures.splice(0, 1, { sig: signature.toString("base64") });
    return read(stage, bundle);
  }),
  of(
    "a signature of another key of another curve",
    "failed",
    "ours has signed it, which has not",
    async (stage) => {
      const hint = Buffer.from(publicKeyOf(stage.ours.publicKey, "").fingerprint, "hex").toString("base64");
      return read(stage, await keyed(pairOf("P-384"), { hint }));
    },
  ),
  of("a key that nobody knows", "unverifiable", "none of the keys", async (stage) =>
    read(stage, await keyed(pairOf("P-256"))),
  ),
  of("a key and a certificate at once", "failed", "one key or one certificate", async (stage) =>
    read(
      stage,
      await changed(stage, ({ verificationMaterial }) => {
        verificationMaterial.publicKey = { hint: "x" };
      }),
    ),
  ),
  // The certificate
  of(
    "a certificate of an authority of the same name",
    "unverifiable",
    "does not list the authority",
    async (stage) => read(stage, await keyless({ ...stage.world, ca: stage.theirs.ca })),
  ),
  of(
    "a certificate of an authority with the name and key id of ours",
    "failed",
    "has not signed it",
    async (stage) => {
      const pair = pairOf("P-256");
      const honest = await certify(stage.world, pair.publicKey);
      const certificate = reissued({ ...stage.world, caKey: stage.theirs.caKey }, honest, () => undefined);
      return read(stage, await keyless(stage.world, { pair, certificate }));
    },
  ),
  of(
    "an authority that is not in the trusted root",
    "unverifiable",
    "does not list the authority",
    async (stage) =>
      read(stage, await keyless(stage.world), {
        trustedRoot: await trustedRootOf(stage.world, { without: ["certificateAuthorities"] }),
      }),
  ),
  of("a certificate that had expired", "failed", "certificate is not true", async (stage) => {
    const later = new Date(Date.now() + 60 * minute);
    const bundle = await keyless(await stage.world.at(later));
    return read(stage, bundle, { now: () => later });
  }),
  of("a certificate that was not yet valid", "failed", "certificate is not true", async (stage) => {
    const earlier = new Date(Date.now() - 60 * minute);
    return read(stage, await keyless(await stage.world.at(earlier)));
  }),
  of("a TLS certificate of the same authority", "failed", "not for signing code", async (stage) =>
    withCertificate(stage, (extensions) => setExtension(extensions, usage, "300a 0608 2b06010505070301")),
  ),
  of("a certificate for any usage", "failed", "not for signing code", async (stage) =>
    withCertificate(stage, (extensions) => setExtension(extensions, usage, "3006 0604 551d2500")),
  ),
  of("a certificate without any usage", "failed", "not for signing code", async (stage) =>
    withCertificate(stage, (extensions) => {
      extensions.splice(extensions.indexOf(extensionOf(extensions, usage)), 1);
    }),
  ),
  of(
    "a certificate that was only proposed (CT poison)",
    "failed",
    "critical extension 1.3.6.1.4.1.11129.2.4.3",
    async (stage) =>
      withCertificate(stage, (extensions) => {
        extensions.push(hex("3013 060a 2b06010401d679020403 0101ff 0402 0500"));
      }),
  ),
  of("a certificate of an authority as that of a signer", "failed", "that of an authority", async (stage) =>
    withCertificate(stage, (extensions) => {
      extensions.push(hex("300c 0603551d13 0405 3003 0101ff"));
      setExtension(extensions, "2.5.29.15", "0302 0106");
    }),
  ),
  of("a certificate with two identities", "failed", "names 2 identities", async (stage) =>
    withCertificate(stage, (extensions) =>
      setExtension(extensions, names, sequence(uri("https://good.example"), uri("https://bad.example"))),
    ),
  ),
  of(
    "an identity whose bytes look right without their highest bit",
    "failed",
    "identity in its certificate",
    async (stage) =>
      withCertificate(stage, (extensions) =>
        setExtension(extensions, names, sequence(uri("https://g\xefod.example"))),
      ),
  ),
  of("an identity with letters of another script", "failed", "characters that mislead", async (stage) =>
    withCertificate(stage, (extensions) =>
      setExtension(
        extensions,
        names,
        sequence(uri(Buffer.from("https://g\u043eod.example").toString("latin1"))),
      ),
    ),
  ),
  of("a certificate that names two issuers", "failed", "two issuers", async (stage) =>
    read(
      stage,
      await keyless(stage.world, {
        extensions: [{ oid: "1.3.6.1.4.1.57264.1.1", value: "https://other.example", legacy: true }],
      }),
    ),
  ),
  of("a certificate that names no issuer of its identity", "failed", "who vouches", async (stage) =>
    withCertificate(stage, (extensions) => {
      extensions.splice(extensions.indexOf(extensionOf(extensions, "1.3.6.1.4.1.57264.1.8")), 1);
    }),
  ),
  of("a certificate that is in no log of certificates", "failed", "expected 1 SCTs, got 0", async (stage) => {
    const pair = pairOf("P-256");
    const certificate = reissued(stage.world, await certify(stage.world, pair.publicKey), () => undefined);
    return read(stage, await keyless(stage.world, { pair, certificate }));
  }),
  of("a certificate that was changed", "failed", "has not signed it", async (stage) => {
    const pair = pairOf("P-256");
    const certificate = await certify(stage.world, pair.publicKey);
    certificate.write("bad/repo", certificate.indexOf("org/repo"));
    return read(stage, await keyless(stage.world, { pair, certificate }));
  }),
  of(
    "a certificate with what its log said of another",
    "failed",
    "SCT verification failed",
    async (stage) => {
      const pair = pairOf("P-256");
      const honest = await certify(stage.world, pair.publicKey);
      const promise = extensionOf(extensionsOf(honest), "1.3.6.1.4.1.11129.2.4.2");
      const certificate = reissued(stage.world, honest, (extensions) => {
        setExtension(extensions, names, sequence(uri("https://other.example")));
        extensions.push(promise);
      });
      return read(stage, await keyless(stage.world, { pair, certificate }));
    },
  ),
  of("a chain in a bundle of version 0.3", "failed", "no bundle of its version", async (stage) =>
    read(
      stage,
      await changed(stage, ({ verificationMaterial }) => {
        const { certificate } = verificationMaterial;
        verificationMaterial.x509CertificateChain = { certificates: [certificate, certificate] };
        delete verificationMaterial.certificate;
      }),
    ),
  ),
  // The time
  of("no proof of when it was signed", "failed", "nothing proves when", async (stage) =>
    read(stage, await keyless(stage.world, { log: "none" })),
  ),
  of(
    "an entry of Rekor's second version without a timestamp",
    "failed",
    "nothing proves when",
    async (stage) => read(stage, await keyless(stage.world, { log: "v2", timestamp: false })),
  ),
  of("a time that the log has not signed", "failed", "nothing proves when", async (stage) =>
    read(stage, await changed(stage, (bundle) => delete entryIn(bundle).inclusionPromise)),
  ),
  of("a time that was changed (SET)", "failed", "did not promise", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => {
        const entry = entryIn(bundle);
        entry.integratedTime = String(Number(entry.integratedTime) + 1);
      }),
    ),
  ),
  of("a time that was changed (SET) in an older signature", "failed", "did not promise", async (stage) => {
    const { payload, annotations } = await keylessLegacy(stage.world);
    const key = "dev.sigstore.cosign/bundle";
    const bundle = JSON.parse(annotations[key] ?? "");
    bundle.Payload.integratedTime += 1;
    const forged = { ...annotations, [key]: JSON.stringify(bundle) };
    return (await verifierOf(stage)).simpleSigning(payload, forged, image);
  }),
  of("a time in the future", "failed", "in the future", async (stage) => {
    const tomorrow = new Date(Date.now() + day);
    return read(stage, await keyless(await stage.world.at(tomorrow)));
  }),
  of("a timestamp of another signature", "failed", "timestamp is not true", async (stage) => {
    const stamp = await stampOf(stage.world, Buffer.from("another signature"));
    return read(
      stage,
      await changed(
        stage,
        ({ verificationMaterial }) => {
          verificationMaterial.timestampVerificationData = {
            rfc3161Timestamps: [{ signedTimestamp: stamp.toString("base64") }],
          };
        },
        { log: "v2" },
      ),
    );
  }),
  of("a timestamp of somebody else's authority", "failed", "timestamp is not true", async (stage) =>
    read(stage, await keyless({ ...stage.world, tsa: stage.theirs.tsa }, { log: "v2" })),
  ),
  of(
    "a timestamp of an authority that is not in the trusted root",
    "unverifiable",
    "lists none of",
    async (stage) =>
      read(stage, await keyless(stage.world, { log: "none", timestamp: true }), {
        trustedRoot: await trustedRootOf(stage.world, { without: ["timestampAuthorities"] }),
      }),
  ),
  // The log
  of("a timestamp and no log, where the trusted root lists logs", "failed", "in no log", async (stage) =>
    read(stage, await keyless(stage.world, { log: "none", timestamp: true })),
  ),
  of("a log entry of somebody else's key", "failed", "another key or certificate", async (stage) => {
    const theirs = pairOf("P-256").publicKey.export({ format: "pem", type: "spki" }).toString();
    return read(stage, await keyless(stage.world, { logged: { key: theirs } }));
  }),
  of(
    "a log entry of somebody else's certificate for the same key",
    "failed",
    "another key or certificate",
    async (stage) => {
      const pair = pairOf("P-256");
      const der = await certify(stage.world, pair.publicKey, { identity: "https://other.example" });
      const key = `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
      return read(stage, await keyless(stage.world, { pair, logged: { key } }));
    },
  ),
  of("a log entry of another digest", "failed", "about something else", async (stage) =>
    read(stage, await keyless(stage.world, { logged: { payload: bytesOf(statementAbout(other)) } })),
  ),
  of(
    "a log entry of another digest, in Rekor's second version",
    "failed",
    "about something else",
    async (stage) =>
      read(
        stage,
        await keyless(stage.world, { log: "v2", logged: { payload: bytesOf(statementAbout(other)) } }),
      ),
  ),
  of("a log entry of another signature", "failed", "about something else", async (stage) =>
    read(stage, await keyless(stage.world, { logged: { signature: Buffer.from("another") } })),
  ),
  of(
    "a log entry of a key's signature with another key",
    "failed",
    "another key or certificate",
    async (stage) =>
      read(stage, await keyed(stage.ours, { world: stage.world, loggedKey: pairOf("P-256").publicKey })),
  ),
  of("an entry of a log that only has the name of ours", "unverifiable", "lists none of", async (stage) =>
    read(stage, await keyless({ ...stage.world, tlog: stage.theirs.tlog })),
  ),
  of("an entry of another log under the id of ours", "failed", "not signed by that log", async (stage) => {
    const { logId } = entryIn(await keyless(stage.world));
    const bundle = await keyless({ ...stage.world, tlog: stage.theirs.tlog });
    entryIn(bundle).logId = logId;
    return read(stage, bundle);
  }),
  of("a promise of another log under the id of ours", "failed", "did not promise", async (stage) => {
    const good = entryIn(await keyless(stage.world));
    const bundle = await keyless({ ...stage.world, tlog: stage.theirs.tlog });
    const { inclusionProof: _, ...rest } = { ...entryIn(bundle), logId: good.logId };
    bundle.verificationMaterial.tlogEntries = [rest as typeof good];
    return read(stage, { ...bundle, mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1" });
  }),
  of("a checkpoint that was changed", "failed", "does not prove", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => {
        const { checkpoint } = entryIn(bundle).inclusionProof;
        checkpoint.envelope = checkpoint.envelope.replace("\n1\n", "\n2\n");
      }),
    ),
  ),
  of("a proof of another entry", "failed", "does not prove", async (stage) => {
    const { inclusionProof } = entryIn(await keyless(stage.world));
    return read(stage, await changed(stage, (bundle) => Object.assign(entryIn(bundle), { inclusionProof })));
  }),
  of("a name in a checkpoint that is an expression of hours", "failed", "does not prove", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => {
        const { checkpoint } = entryIn(bundle).inclusionProof;
        checkpoint.envelope = checkpoint.envelope
          .replace("\n1\n", "\n2\n")
          .replace(/\u2014 \S+ /, `\u2014 ${"(.*)*".repeat(12)}! `);
      }),
    ),
  ),
  of("one entry of a log twice", "failed", "duplicate timestamp", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => bundle.verificationMaterial.tlogEntries?.push(entryIn(bundle))),
    ),
  ),
  of("an entry of a log of an unknown kind", "unverifiable", "kind rpm/0.0.1 are not known", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => {
        entryIn(bundle).kindVersion = { kind: "rpm", version: "0.0.1" };
      }),
    ),
  ),
  of("an entry whose kind is not what the log holds", "failed", "not as those of the kind", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => {
        entryIn(bundle).kindVersion = { kind: "hashedrekord", version: "0.0.1" };
      }),
    ),
  ),
  of("an entry that holds nothing", "failed", "not as those of the kind", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => {
        entryIn(bundle).canonicalizedBody = bytesOf({ kind: "dsse", apiVersion: "0.0.1" }).toString("base64");
      }),
    ),
  ),
  // The trusted root
  of("a trusted root of tomorrow", "failed", "not in service", async (stage) => {
    const start = new Date(Date.now() + day);
    return read(stage, await keyless(stage.world), {
      trustedRoot: await trustedRootOf(stage.world, { validFor: { start } }),
    });
  }),
  of("a trusted root of yesterday", "failed", "not in service", async (stage) => {
    const end = new Date(Date.now() - 60 * minute);
    return read(stage, await keyless(stage.world), {
      trustedRoot: await trustedRootOf(stage.world, { validFor: { end } }),
    });
  }),
  ...(["certificateAuthorities", "ctlogs", "timestampAuthorities", "tlogs"] as const).flatMap((kind) =>
    (
      [
        ["of tomorrow", { start: new Date(Date.now() + day).toISOString() }],
        [
          "of yesterday",
          { start: new Date(0).toISOString(), end: new Date(Date.now() - 60 * minute).toISOString() },
        ],
      ] as const
    ).map(([when, validFor]) =>
      of(`${kind} ${when} in a trusted root`, "failed", "", async (stage) => {
        const json = trustedRootJson(stage.world);
        const changedRoot = {
          ...json,
          [kind]: (json[kind] as (object & { publicKey?: object })[]).map((each) => ({
            ...each,
            validFor,
            ...(each.publicKey === undefined ? {} : { publicKey: { ...each.publicKey, validFor } }),
          })),
        };
        const trustedRoot = await readTrustedRoot(bytesOf(changedRoot), "trusted_root.json");
        return read(stage, await keyless(stage.world, { log: "v2" }), { trustedRoot });
      }),
    ),
  ),
  // Beyond all measure
  of(
    "an attestation of a gigabyte",
    "failed",
    `1073741824 bytes, more than the ${sigstoreLimits.bundleBytes}`,
    async (stage) => (await verifierOf(stage)).bundle(new Uint8Array(2 ** 30), image),
  ),
  of("an older payload of a megabyte", "failed", "bytes, more than", async (stage) =>
    (await verifierOf(stage)).simpleSigning(
      new Uint8Array(2 ** 20),
      { "dev.cosignproject.cosign/signature": "AAAA" },
      image,
    ),
  ),
  of("a bundle that is nested a hundred thousand deep", "failed", "nested", async (stage) =>
    (await verifierOf(stage)).bundle(Buffer.from(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), image),
  ),
  of("a statement that is nested a hundred thousand deep", "failed", "nested", async (stage) => {
    const text = JSON.stringify({ ...statementAbout(image), predicate: "X" });
    const payload = Buffer.from(text.replace('"X"', `${"[".repeat(100_000)}${"]".repeat(100_000)}`));
    return read(stage, await keyless(stage.world, { payload }));
  }),
  of("a thousand entries of logs", "failed", "tlogEntries", async (stage) =>
    read(
      stage,
      await changed(stage, (bundle) => {
        bundle.verificationMaterial.tlogEntries = Array.from({ length: 1000 }, () => entryIn(bundle));
      }),
    ),
  ),
  of("a thousand certificates", "failed", "certificates", async (stage) =>
    read(stage, {
      ...(await changed(stage, ({ verificationMaterial }) => {
        const { certificate } = verificationMaterial;
        verificationMaterial.x509CertificateChain = {
          certificates: Array.from({ length: 1000 }, () => certificate),
        };
        delete verificationMaterial.certificate;
      })),
      mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.2",
    }),
  ),
  of("a thousand timestamps", "failed", "rfc3161Timestamps", async (stage) =>
    read(
      stage,
      await changed(
        stage,
        ({ verificationMaterial }) => {
          const [stamp = { signedTimestamp: "" }] =
            verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
          verificationMaterial.timestampVerificationData = {
            rfc3161Timestamps: Array.from({ length: 1000 }, () => stamp),
          };
        },
        { log: "v2" },
      ),
    ),
  ),
  of("a signature of a megabyte", "failed", "dsseEnvelope.signatures.0.sig", async (stage) =>
    read(
      stage,
      await changed(stage, ({ dsseEnvelope: { signatures } }) =>
        signatures.splice(0, 1, { sig: "A".repeat(2 ** 20) }),
      ),
    ),
  ),
];

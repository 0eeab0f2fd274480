import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { ASN1Obj } from "@sigstore/core";
import { beforeAll, describe, expect, test } from "vitest";
import { hashOfKey, openVerifier, publicKeyOf } from "../../src/sigstore/index.ts";
import {
  actions,
  bytesOf,
  certify,
  image,
  keyed,
  keyless,
  keylessLegacy,
  pairOf,
  reissued,
  type SigstoreWorld,
  sigstoreWorld,
  simplePayload,
  stampOf,
  statementAbout,
  trustedRootOf,
  workflow,
} from "./world.ts";

const pairs: Record<string, () => { privateKey: KeyObject; publicKey: KeyObject }> = {
  "P-256": () => pairOf("P-256"),
  "P-384": () => pairOf("P-384"),
  "P-521": () => pairOf("P-521"),
  Ed25519: () => generateKeyPairSync("ed25519"),
  RSA: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
};
const provenance = "https://slsa.dev/provenance/v1";

describe.each(Object.keys(pairs))("what a key of %s has signed", (kind) => {
  const pair = pairs[kind]?.() ?? pairOf("P-256");
  const known = publicKeyOf(pair.publicKey, "key.pub", "ours");
  const verifier = openVerifier({ keys: [publicKeyOf(pairOf("P-256").publicKey, "other.pub"), known] });
  const by = { kind: "key", name: "ours", fingerprint: known.fingerprint };

  test.each(["", "a hint of another tool", undefined])(
    "is verified as a bundle, with the hint %s",
    async (hint) => {
      const bundle = await keyed(pair, {
        payload: bytesOf(statementAbout(image, provenance)),
        ...(hint === undefined ? {} : { hint }),
      });
      expect(await verifier.bundle(bytesOf(bundle), image)).toEqual({
        signature: { state: "verified", by },
        statement: {
          predicateType: provenance,
          predicate: {},
          subjects: [{ name: undefined, digest: { sha256: image.slice(7) } }],
        },
      });
    },
  );

  test("is verified as an older signature", async () => {
    const payload = simplePayload(image);
    const signature = sign(hashOfKey(pair.privateKey), payload, pair.privateKey).toString("base64");
    const annotations = { "dev.cosignproject.cosign/signature": signature };
    expect(await verifier.simpleSigning(payload, annotations, image)).toEqual({
      signature: { state: "verified", by },
      statement: {
        predicateType: "https://sigstore.dev/cosign/sign/v1",
        predicate: { optional: null },
        subjects: [{ name: "registry.example.com/app", digest: { sha256: image.slice(7) } }],
      },
    });
  });

  test("is verified as an older attestation", async () => {
    const statement = { ...statementAbout(image, provenance), _type: "https://in-toto.io/Statement/v0.1" };
    const { dsseEnvelope } = await keyed(pair, { payload: bytesOf(statement) });
    const annotations = { "dev.cosignproject.cosign/signature": "", predicateType: provenance };
    expect((await verifier.envelope(bytesOf(dsseEnvelope), annotations, image)).signature).toEqual({
      state: "verified",
      by,
    });
  });
});

describe("what nobody here can verify", () => {
  test("is of a key that is not known", async () => {
    const bundle = bytesOf(await keyed(pairOf("P-256")));
    const [none, other] = [[], [publicKeyOf(pairOf("P-256").publicKey, "other.pub")]];
    for (const keys of [none, other]) {
      const { signature, statement } = await openVerifier({ keys }).bundle(bundle, image);
      expect(signature).toMatchObject({ state: "unverifiable", lacks: "key" });
      expect(statement?.predicateType).toBe("https://sigstore.dev/cosign/sign/v1");
    }
  });

  test("is of no kind that is known", async () => {
    const bundle = {
      ...(await keyed(pairOf("P-256"))),
      mediaType: "application/vnd.dev.sigstore.bundle.v1.0+json",
    };
    expect((await openVerifier({}).bundle(bytesOf(bundle), image)).signature).toMatchObject({
      state: "unverifiable",
      lacks: "format",
    });
  });

  test("signs the bytes of something, and no statement", async () => {
    const { dsseEnvelope, ...rest } = await keyed(pairOf("P-256"));
    const messageSignature = {
      messageDigest: { algorithm: "SHA2_256", digest: "AAAA" },
      signature: dsseEnvelope.signatures[0]?.sig,
    };
    expect(
      (await openVerifier({}).bundle(bytesOf({ ...rest, messageSignature }), image)).signature,
    ).toMatchObject({
      state: "unverifiable",
      lacks: "format",
    });
  });
});

test("what nobody has signed is unsigned, whatever it says", async () => {
  const { dsseEnvelope } = await keyed(pairOf("P-256"));
  const unsigned = bytesOf({ ...dsseEnvelope, signatures: [] });
  const verifier = openVerifier({});
  expect(await verifier.envelope(unsigned, {}, image)).toMatchObject({
    signature: { state: "unsigned" },
    statement: { predicateType: "https://sigstore.dev/cosign/sign/v1" },
  });
  expect((await verifier.simpleSigning(simplePayload(image), {}, image)).signature).toEqual({
    state: "unsigned",
  });
});

describe("what somebody signed without a key of their own", () => {
  let world: SigstoreWorld;
  beforeAll(async () => {
    world = await sigstoreWorld();
  });
  const by = { kind: "certificate", identity: workflow, issuer: actions, claims: {} };

  test.each(["dsse", "intoto"] as const)(
    "is verified with an entry of the log of the kind %s",
    async (log) => {
      const verifier = openVerifier({ trustedRoot: await trustedRootOf(world) });
      const { signature } = await verifier.bundle(bytesOf(await keyless(world, { log })), image);
      expect(signature).toEqual({
        state: "verified",
        by,
        signedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.000Z$/),
      });
    },
  );

  test("is verified with an entry of Rekor's second version and a timestamp", async () => {
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world) });
    const { signature } = await verifier.bundle(bytesOf(await keyless(world, { log: "v2" })), image);
    expect(signature).toMatchObject({ state: "verified", by, signedAt: expect.any(String) });
  });

  test.each([0, 20, 300, 123])(
    "is verified with a timestamp of a second and %d milliseconds",
    async (fraction) => {
      const time = new Date(Math.floor(Date.now() / 1000) * 1000 + 1000 + fraction);
      const verifier = openVerifier({ trustedRoot: await trustedRootOf(world), now: () => time });
      const bundle = await keyless(await world.at(time), { log: "v2" });
      expect((await verifier.bundle(bytesOf(bundle), image)).signature).toMatchObject({
        state: "verified",
        signedAt: new Date(Math.floor(time.getTime() / 1000) * 1000).toISOString(),
      });
    },
  );

  test("is verified with a timestamp alone, where the trusted root lists no logs", async () => {
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world, { without: ["tlogs"] }) });
    const bundle = await keyless(world, { log: "none", timestamp: true });
    expect((await verifier.bundle(bytesOf(bundle), image)).signature).toMatchObject({
      state: "verified",
      by,
    });
  });

  test("is verified when a private log signs with a name that is not its host", async () => {
    const bundle = await keyless(world);
    const checkpoint = bundle.verificationMaterial.tlogEntries?.[0]?.inclusionProof.checkpoint;
    const renamed = checkpoint?.envelope.replace(/\u2014 \S+ /, "\u2014 private.log.internal ");
    Object.assign(checkpoint ?? {}, { envelope: renamed });
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world) });
    expect((await verifier.bundle(bytesOf(bundle), image)).signature).toMatchObject({
      state: "verified",
      by,
    });
  });

  test.each(["P-384", "P-521"])("is verified with a certificate for a key of %s", async (curve) => {
    const pair = pairOf(curve);
    const key = ASN1Obj.parseBuffer(Buffer.from(pair.publicKey.export({ format: "der", type: "spki" })));
    const certificate = reissued(world, await certify(world, pairOf("P-256").publicKey), (_, tbs) => {
      tbs.subs[6] = key;
    });
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world, { without: ["ctlogs"] }) });
    const { signature } = await verifier.bundle(bytesOf(await keyless(world, { pair, certificate })), image);
    expect(signature).toMatchObject({ state: "verified", by });
  });

  test("says what the certificate says of the run", async () => {
    const extensions = [
      { oid: "1.3.6.1.4.1.57264.1.12", value: "https://github.com/org/repo" },
      { oid: "1.3.6.1.4.1.57264.1.11", value: "github-hosted" },
      { oid: "1.3.6.1.4.1.57264.1.1", value: actions, legacy: true },
    ];
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world) });
    const { signature } = await verifier.bundle(bytesOf(await keyless(world, { extensions })), image);
    expect(signature).toMatchObject({
      state: "verified",
      by: { claims: { sourceRepository: "https://github.com/org/repo", runner: "github-hosted" } },
    });
  });

  test("is verified as an older signature", async () => {
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world) });
    const { payload, annotations } = await keylessLegacy(world);
    expect((await verifier.simpleSigning(payload, annotations, image)).signature).toMatchObject({
      state: "verified",
      by,
      signedAt: expect.any(String),
    });
  });

  test("is verified as an older attestation", async () => {
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world) });
    const { dsseEnvelope, verificationMaterial } = await keyless(world);
    const [entry] = verificationMaterial.tlogEntries ?? [];
    const certificate = (verificationMaterial.certificate as { rawBytes: string }).rawBytes;
    const annotations = {
      "dev.cosignproject.cosign/signature": "",
      "dev.sigstore.cosign/certificate": `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
      "dev.sigstore.cosign/bundle": JSON.stringify({
        SignedEntryTimestamp: entry?.inclusionPromise?.signedEntryTimestamp,
        Payload: {
          body: entry?.canonicalizedBody,
          integratedTime: Number(entry?.integratedTime),
          logIndex: Number(entry?.logIndex),
          logID: Buffer.from(entry?.logId.keyId ?? "", "base64").toString("hex"),
        },
      }),
    };
    expect((await verifier.envelope(bytesOf(dsseEnvelope), annotations, image)).signature).toMatchObject({
      state: "verified",
      by,
    });
  });

  test("is verified by a timestamp of the older layout", async () => {
    const { payload, annotations } = await keylessLegacy(world);
    const { "dev.sigstore.cosign/bundle": _, ...rest } = annotations;
    const signature = Buffer.from(annotations["dev.cosignproject.cosign/signature"] ?? "", "base64");
    const stamp = (await stampOf(world, signature)).toString("base64");
    const stamped = {
      ...rest,
      "dev.sigstore.cosign/rfc3161timestamp": JSON.stringify({ SignedRFC3161Timestamp: stamp }),
    };
    const verifier = openVerifier({ trustedRoot: await trustedRootOf(world, { without: ["tlogs"] }) });
    expect((await verifier.simpleSigning(payload, stamped, image)).signature).toMatchObject({
      state: "verified",
      by,
    });
  });

  test.each([
    ["no trusted root", undefined],
    ["a trusted root without its authority", ["certificateAuthorities"]],
    ["a trusted root without its log of certificates", ["ctlogs"]],
    ["a trusted root without its log", ["tlogs", "timestampAuthorities"]],
  ] as const)("cannot be verified with %s", async (_, without) => {
    const trustedRoot = without === undefined ? undefined : await trustedRootOf(world, { without });
    const { signature } = await openVerifier({ trustedRoot }).bundle(bytesOf(await keyless(world)), image);
    expect(signature).toMatchObject({ state: "unverifiable", lacks: "trusted-root" });
  });

  test("cannot be verified with the trusted root of another Sigstore", async () => {
    const trustedRoot = await trustedRootOf(await sigstoreWorld());
    const { signature } = await openVerifier({ trustedRoot }).bundle(bytesOf(await keyless(world)), image);
    expect(signature.state).not.toBe("verified");
  });
});

describe("what a key has signed and put in a log", () => {
  let world: SigstoreWorld;
  const pair = pairOf("P-384");
  const keys = [publicKeyOf(pair.publicKey, "key.pub")];
  beforeAll(async () => {
    world = await sigstoreWorld();
  });

  test("is verified with and without a trusted root, and says nothing of when", async () => {
    const bundle = bytesOf(await keyed(pair, { world }));
    const roots = [undefined, await trustedRootOf(world), await trustedRootOf(world, { without: ["tlogs"] })];
    for (const trustedRoot of roots) {
      const { signature } = await openVerifier({ keys, trustedRoot }).bundle(bundle, image);
      expect(signature).toEqual({
        state: "verified",
        by: { kind: "key", fingerprint: keys[0]?.fingerprint },
      });
    }
  });
});

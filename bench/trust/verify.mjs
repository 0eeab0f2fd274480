// What verifying signatures costs: node bench/trust/verify.mjs [COUNT]
// Each signature is of another certificate, in a log, with a promise, a proof and a checkpoint; nothing can be remembered.
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { initializeCA, initializeCTLog, initializeTLog } from "@sigstore/mock";
import { openVerifier, publicKeyOf, readTrustedRoot } from "../../dist/internal.js";

const count = Number(process.argv[2] ?? 1000);
const goals = { keys: 2, keyless: 6 };

const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const json = (value) => Buffer.from(JSON.stringify(value));

const statement = (digest) =>
  json({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: { sha256: digest } }],
    predicateType: "https://sigstore.dev/cosign/sign/v1",
    predicate: {},
  });
const type = "application/vnd.in-toto+json";
const encoded = (payload) =>
  Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
const bundleOf = (payload, signature, verificationMaterial) =>
  json({
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial,
    dsseEnvelope: {
      payloadType: type,
      payload: base64(payload),
      signatures: [{ sig: base64(signature) }],
    },
  });

const logKeys = pair();
const ctlog = await initializeCTLog(pair());
const ca = await initializeCA(pair(), ctlog);
const tlog = await initializeTLog("https://rekor.example.com", logKeys);
const digests = Array.from({ length: count }, (_, at) => sha256(`image ${at}`).toString("hex"));

const ours = pair();
const hint = base64(sha256(ours.publicKey.export({ format: "der", type: "spki" })));
const byKey = digests.map((digest) => {
  const payload = statement(digest);
  return bundleOf(payload, sign("sha256", encoded(payload), ours.privateKey), { publicKey: { hint } });
});

const keyless = [];
for (const digest of digests) {
  const { privateKey, publicKey } = pair();
  const payload = statement(digest);
  const signature = sign("sha256", encoded(payload), privateKey);
  const certificate = Buffer.from(
    await ca.issueCertificate({
      publicKey: publicKey.export({ format: "der", type: "spki" }),
      subjectAltName: "https://github.com/org/repo/.github/workflows/release.yml@refs/tags/v1",
      extensions: [
        { oid: "1.3.6.1.4.1.57264.1.8", value: "https://token.actions.githubusercontent.com" },
        { oid: "1.3.6.1.4.1.57264.1.12", value: "https://github.com/org/repo" },
      ],
    }),
  );
  const pem = `-----BEGIN CERTIFICATE-----\n${base64(certificate)}\n-----END CERTIFICATE-----\n`;
  const answer = await tlog.log({
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      payloadHash: { algorithm: "sha256", value: sha256(payload).toString("hex") },
      signatures: [{ signature: base64(signature), verifier: base64(pem) }],
    },
  });
  const [{ body, logID, logIndex, integratedTime, verification }] = Object.values(answer);
  const { checkpoint, rootHash, ...proof } = verification.inclusionProof;
  const entry = {
    logIndex: String(logIndex),
    logId: { keyId: base64(Buffer.from(logID, "hex")) },
    kindVersion: { kind: "dsse", version: "0.0.1" },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      treeSize: String(proof.treeSize),
      rootHash: base64(Buffer.from(rootHash, "hex")),
      hashes: proof.hashes,
      checkpoint: { envelope: checkpoint },
    },
    canonicalizedBody: body,
  };
  keyless.push(
    bundleOf(payload, signature, { certificate: { rawBytes: base64(certificate) }, tlogEntries: [entry] }),
  );
}

const start = new Date(Date.now() - 3_600_000).toISOString();
const log = (publicKey) => ({
  baseUrl: "https://log.example.com",
  hashAlgorithm: "SHA2_256",
  publicKey: { rawBytes: base64(publicKey), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor: { start } },
  logId: { keyId: base64(sha256(publicKey)) },
});
const trustedRoot = await readTrustedRoot(
  json({
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [log(tlog.publicKey)],
    ctlogs: [log(ctlog.publicKey)],
    certificateAuthorities: [
      { certChain: { certificates: [{ rawBytes: base64(ca.rootCertificate) }] }, validFor: { start } },
    ],
    timestampAuthorities: [],
  }),
  "trusted_root.json",
);

async function cost(name, verifier, bundles) {
  const before = process.cpuUsage();
  const wall = process.hrtime.bigint();
  let verified = 0;
  for (const [at, bundle] of bundles.entries()) {
    const { signature } = await verifier.bundle(bundle, `sha256:${digests[at]}`);
    if (signature.state === "verified") verified += 1;
    else process.stdout.write(`${JSON.stringify(signature)}\n`);
  }
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 1e6;
  const seconds = Number(process.hrtime.bigint() - wall) / 1e9;
  const goal = (goals[name] * count) / 1000;
  const met = verified === count && cpu <= goal;
  process.stdout.write(
    `${count} signatures, ${name}: ${verified} verified, ${cpu.toFixed(2)} s of CPU (goal ${goal}), ${seconds.toFixed(2)} s: ${met ? "met" : "MISSED"}\n`,
  );
  if (!met) process.exitCode = 1;
}

await cost(
  "keys",
  openVerifier({ keys: [publicKeyOf(ours.publicKey, "key.pub", "ours")], trustedRoot }),
  byKey,
);
await cost("keyless", openVerifier({ trustedRoot }), keyless);

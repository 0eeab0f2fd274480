import { createHash, generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleFromJSON } from "@sigstore/bundle";
import { afterAll, describe, expect, it } from "vitest";
import { parseDigest } from "../../src/oci/index.ts";
import {
  openSigner,
  type SignerOptions,
  SigningError,
  signatureStatement,
  simpleSigningPayload,
  statementBytes,
} from "../../src/signing/index.ts";
import { writeKeyFile } from "../../src/sigstore/index.ts";
import { keyKinds, privatePem } from "./keys.ts";
import { signingServices } from "./services.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-signing-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const digest = parseDigest(`sha256:${"a1".repeat(32)}`);
const statement = statementBytes(signatureStatement({ digest, name: "registry.example.com/app" }));
const hashes = { "P-256": "sha256", "P-384": "sha384", "P-521": "sha512", "RSA 2048": "sha256" } as const;
const signedBytes = Buffer.concat([
  Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${statement.length} `),
  statement,
]);

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function open(options: SignerOptions, environment: NodeJS.ProcessEnv = {}) {
  return openSigner("release", options, signingServices(environment));
}

async function failureOf(work: Promise<unknown>): Promise<SigningError> {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(SigningError);
  return failure as SigningError;
}

describe.each(Object.entries(keyKinds))("a signer with a key of %s", (kind, generate) => {
  const { privateKey, publicKey } = generate();
  const hash = kind === "Ed25519" ? undefined : hashes[kind as keyof typeof hashes];
  const signer = open({ key: written(`${kind}.key`, privatePem(privateKey)) });
  const spki = publicKey.export({ format: "der", type: "spki" });

  it("makes bundles that hold the statement, the hint of the key and one signature", async () => {
    const bundle = bundleFromJSON(JSON.parse(Buffer.from(await signer.bundle(statement)).toString("utf8")));
    expect(bundle.mediaType).toBe("application/vnd.dev.sigstore.bundle.v0.3+json");
    expect(bundle.verificationMaterial.content).toEqual({
      $case: "publicKey",
      publicKey: { hint: createHash("sha256").update(spki).digest("base64") },
    });
    if (bundle.content.$case !== "dsseEnvelope") throw new Error("it has no envelope");
    const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
    expect(payloadType).toBe("application/vnd.in-toto+json");
    expect(payload).toEqual(Buffer.from(statement));
    expect(signatures).toHaveLength(1);
    expect(verify(hash, signedBytes, publicKey, signatures[0]?.sig ?? Buffer.of())).toBe(true);
  });

  it("signs what cosign's older layout is made of", async () => {
    const payload = simpleSigningPayload(digest, "registry.example.com/app");
    const annotations = await signer.simpleSigning(payload);
    expect(Object.keys(annotations)).toEqual(["dev.cosignproject.cosign/signature"]);
    const signature = Buffer.from(annotations["dev.cosignproject.cosign/signature"] ?? "", "base64");
    expect(verify(hash, payload, publicKey, signature)).toBe(true);

    const { bytes, annotations: ofEnvelope } = await signer.envelope(statement);
    const envelope = JSON.parse(Buffer.from(bytes).toString("utf8"));
    expect(Buffer.from(envelope.payload, "base64")).toEqual(Buffer.from(statement));
    expect(verify(hash, signedBytes, publicKey, Buffer.from(envelope.signatures[0].sig, "base64"))).toBe(
      true,
    );
    expect(ofEnvelope).toEqual({
      "dev.cosignproject.cosign/signature": "",
      predicateType: "https://sigstore.dev/cosign/sign/v1",
    });
  });

  it("says whose signatures they are", async () => {
    expect(await signer.identity()).toEqual({
      kind: "key",
      publicKey: publicKey.export({ format: "pem", type: "spki" }),
      fingerprint: createHash("sha256").update(spki).digest("hex"),
    });
  });
});

describe("a signer with a key", () => {
  it.each(["Ed25519", "RSA 2048"] as const)("gives the same bytes each time, with %s", async (kind) => {
    const signer = open({ key: written("again.key", privatePem(keyKinds[kind]().privateKey)) });
    expect(await signer.bundle(statement)).toEqual(await signer.bundle(statement));
  });

  it("reads an encrypted key with COSIGN_PASSWORD, or with the password of its setting", async () => {
    const key = written("encrypted.key", privatePem(keyKinds["P-256"]().privateKey, "open sesame"));
    const password = { file: written("password", "open sesame\n") };
    const usual = open({ key }, { COSIGN_PASSWORD: "open sesame" });
    const named = open({ key, password }, { COSIGN_PASSWORD: "something else" });
    expect(await named.identity()).toEqual(await usual.identity());
  });

  it("reads a key as cosign writes it, also with an empty password", async () => {
    const { privateKey, publicKey } = keyKinds["P-256"]();
    const key = written("cosign.key", await writeKeyFile(privateKey, ""));
    const publicKeyPem = publicKey.export({ format: "pem", type: "spki" });
    expect(await open({ key }, { COSIGN_PASSWORD: "" }).identity()).toMatchObject({
      publicKey: publicKeyPem,
    });
    expect(await failureOf(open({ key }).identity())).toMatchObject({ code: "signer-unavailable" });
  });

  it("reads nothing before something is signed, and tries again after a failure", async () => {
    const key = join(folder, "later.key");
    const signer = open({ key });
    const failure = await failureOf(signer.bundle(statement));
    expect(failure).toMatchObject({ code: "signer-unavailable", where: key });
    written("later.key", privatePem(keyKinds["P-256"]().privateKey));
    await signer.bundle(statement);
  });

  it.each([
    ["without its password", {}, "signer-unavailable", /no password/],
    ["with another password", { COSIGN_PASSWORD: "close sesame" }, "signer-invalid", /password is wrong/],
  ])("does not sign %s", async (_, environment, code, message) => {
    const key = written("closed.key", privatePem(keyKinds["P-256"]().privateKey, "open sesame"));
    const failure = await failureOf(open({ key }, environment).bundle(statement));
    expect(failure).toMatchObject({ code, where: key });
    expect(failure.message).toMatch(message);
    expect(JSON.stringify([failure.message, failure.hint, String(failure.cause)])).not.toContain("sesame");
  });

  it.each([
    ["a public key", keyKinds["P-256"]().publicKey.export({ format: "pem", type: "spki" }).toString()],
    [
      "a key of RSA with 1024 bits",
      privatePem(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey),
    ],
    ["a key of another curve", privatePem(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey)],
    ["a key of X25519", privatePem(generateKeyPairSync("x25519").privateKey)],
    ["something else", "release"],
  ])("refuses %s", async (_, text) => {
    const failure = await failureOf(open({ key: written("wrong.key", text) }).bundle(statement));
    expect(failure.code).toBe("signer-invalid");
  });
});

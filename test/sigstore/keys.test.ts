import { execFileSync } from "node:child_process";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ASN1Obj } from "@sigstore/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  hashOfKey,
  isSignedBy,
  publicKeyOf,
  readPrivateKey,
  readPublicKey,
  writeKeyFile,
} from "../../src/sigstore/index.ts";

const where = "cosign.key";
const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const pairs: Record<string, () => { privateKey: KeyObject; publicKey: KeyObject }> = {
  "P-256": () => ec("P-256"),
  "P-384": () => ec("P-384"),
  "P-521": () => ec("P-521"),
  Ed25519: () => generateKeyPairSync("ed25519"),
  "RSA 2048": () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-keys-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function openssl(...args: string[]): string {
  const file = join(folder, `${Math.random()}.pem`);
  execFileSync("openssl", [...args, "-out", file], { stdio: "pipe" });
  return readFileSync(file, "utf8");
}

describe.each(Object.keys(pairs))("a key of %s", (kind) => {
  const { privateKey, publicKey } = (pairs[kind] ?? (() => ec("P-256")))();

  test("comes back from cosign's encrypted form", async () => {
    const file = await writeKeyFile(privateKey, "päss");
    expect(file).toMatch(/^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n[\w+/=\n]+-----END/);
    const read = await readPrivateKey(file, { where, password: "päss" });
    expect(read.equals(privateKey)).toBe(true);
    const older = file.replaceAll("SIGSTORE", "COSIGN");
    expect((await readPrivateKey(older, { where, password: "päss" })).equals(privateKey)).toBe(true);
  });

  test("comes back from PKCS#8, encrypted or not", async () => {
    const plain = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    expect((await readPrivateKey(plain, { where })).equals(privateKey)).toBe(true);
    const passphrase = "secret";
    const locked = privateKey.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase });
    const read = await readPrivateKey(locked.toString(), { where, password: passphrase });
    expect(read.equals(privateKey)).toBe(true);
    await expect(readPrivateKey(locked.toString(), { where })).rejects.toMatchObject({
      code: "password-missing",
    });
    await expect(readPrivateKey(locked.toString(), { where, password: "other" })).rejects.toMatchObject({
      code: "wrong-password",
    });
  });

  test("has one fingerprint, and verifies what it signed alone", () => {
    const known = readPublicKey(
      publicKey.export({ format: "pem", type: "spki" }).toString(),
      "key.pub",
      "ours",
    );
    expect(known).toMatchObject({ name: "ours", fingerprint: publicKeyOf(privateKey, where).fingerprint });
    const bytes = Buffer.from("what is signed");
    const signature = sign(hashOfKey(privateKey), bytes, privateKey);
    expect(isSignedBy(known.key, bytes, signature)).toBe(true);
    expect(isSignedBy(known.key, Buffer.from("what is not"), signature)).toBe(false);
    expect(isSignedBy(ec("P-256").publicKey, bytes, signature)).toBe(false);
    expect(isSignedBy(known.key, bytes, Buffer.alloc(0))).toBe(false);
  });
});

test("a signature of a large curve may go by SHA-256, as older clients sign", () => {
  const { privateKey, publicKey } = ec("P-384");
  const bytes = Buffer.from("x");
  expect(isSignedBy(publicKey, bytes, sign("sha256", bytes, privateKey))).toBe(true);
  expect(isSignedBy(publicKey, bytes, sign("sha512", bytes, privateKey))).toBe(false);
});

test("a signature of P-256 goes by SHA-256 alone", () => {
  const { privateKey, publicKey } = ec("P-256");
  const bytes = Buffer.from("x");
  expect(isSignedBy(publicKey, bytes, sign("sha1", bytes, privateKey))).toBe(false);
  expect(isSignedBy(publicKey, bytes, sign("sha384", bytes, privateKey))).toBe(false);
});

test("a public key in PKCS#1 is read", () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = publicKey.export({ format: "pem", type: "pkcs1" }).toString();
  expect(readPublicKey(pem, "key.pub").fingerprint).toBe(publicKeyOf(publicKey, "key.pub").fingerprint);
});

describe("keys of the forms that OpenSSL wrote before PKCS#8", () => {
  test("are read", async () => {
    const text = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout");
    expect(text).toContain("BEGIN EC PRIVATE KEY");
    expect((await readPrivateKey(text, { where })).asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  });

  test("are refused when they are encrypted", async () => {
    const { privateKey } = ec("P-256");
    const text = privateKey
      .export({ format: "pem", type: "sec1", cipher: "aes-128-cbc", passphrase: "x" })
      .toString();
    await expect(readPrivateKey(text, { where, password: "x" })).rejects.toMatchObject({
      code: "unsupported-key",
    });
  });
});

let written: Promise<string> | undefined;

/** A key file whose JSON is changed. */
async function changed(change: (json: { kdf: { params: Record<string, number> } }) => void): Promise<string> {
  written ??= writeKeyFile(ec("P-256").privateKey, "x");
  const file = await written;
  const [, body = ""] = /-----\n([\s\S]+)\n-----/.exec(file) ?? [];
  const json = JSON.parse(Buffer.from(body, "base64").toString());
  change(json);
  return file.replace(body, Buffer.from(JSON.stringify(json)).toString("base64"));
}

describe("what is no key, or would take too long", () => {
  test.each([
    ["N of a day", { N: 2 ** 30 }],
    ["N that is a number, and no strength", { N: 65_537 }],
    ["r of an hour", { r: 1024 }],
    ["p of an hour", { p: 1_000_000 }],
    ["N too weak", { N: 2 }],
    ["negative", { N: -1 }],
  ])("scrypt with %s is refused before any work", async (_, params) => {
    const text = await changed((json) => Object.assign(json.kdf.params, params));
    await expect(readPrivateKey(text, { where, password: "x" })).rejects.toMatchObject({
      code: "costly-key",
      where,
    });
  });

  test("PKCS#8 with rounds of a day is refused before any work", async () => {
    const { privateKey } = ec("P-256");
    const passphrase = "x";
    const der = privateKey.export({ format: "der", type: "pkcs8", cipher: "aes-256-cbc", passphrase });
    const root = ASN1Obj.parseBuffer(Buffer.from(der));
    // EncryptedPrivateKeyInfo { { PBES2, { { PBKDF2, { salt, rounds } }, cipher } }, data }
    const rounds = root.subs[0]?.subs[1]?.subs[0]?.subs[1]?.subs[1];
    Object.assign(rounds ?? {}, { value: Buffer.from([0x7f, 0xff, 0xff, 0xff]) });
    const fixed = root.toDER();
    const pem = `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${fixed.toString("base64")}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
    await expect(readPrivateKey(pem, { where, password: "x" })).rejects.toMatchObject({
      code: "costly-key",
      message: expect.stringContaining("2147483647 rounds"),
    });
  });

  test("PKCS#8 with scrypt is refused before any work", async () => {
    const key = join(folder, "plain.pem");
    execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", key], { stdio: "pipe" });
    const text = openssl("pkcs8", "-topk8", "-in", key, "-passout", "pass:x", "-scrypt");
    await expect(readPrivateKey(text, { where, password: "x" })).rejects.toMatchObject({
      code: "costly-key",
    });
  });

  test("PKCS#8 as OpenSSL writes it is opened", async () => {
    const key = join(folder, "plain-2.pem");
    execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", key], { stdio: "pipe" });
    const text = openssl("pkcs8", "-topk8", "-in", key, "-passout", "pass:x", "-iter", "100000");
    expect((await readPrivateKey(text, { where, password: "x" })).asymmetricKeyType).toBe("ed25519");
  });

  test("a wrong password is told apart from none, and the empty one is a password", async () => {
    const text = await writeKeyFile(ec("P-256").privateKey, "");
    expect((await readPrivateKey(text, { where, password: "" })).type).toBe("private");
    await expect(readPrivateKey(text, { where, password: "x" })).rejects.toMatchObject({
      code: "wrong-password",
    });
    await expect(readPrivateKey(text, { where })).rejects.toMatchObject({ code: "password-missing" });
  });

  test.each([
    ["nothing", ""],
    ["a public key", ec("P-256").publicKey.export({ format: "pem", type: "spki" }).toString()],
    [
      "no JSON",
      "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----",
    ],
    ["no PKCS#8", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"],
    ["a megabyte", "x".repeat(1024 * 1024)],
  ])("%s is no private key", async (_, text) => {
    await expect(readPrivateKey(text, { where, password: "x" })).rejects.toMatchObject({
      code: "invalid-key",
      where,
    });
  });

  const spki = ec("P-256").publicKey.export({ format: "pem", type: "spki" }).toString();
  test.each([
    ["nothing", "", "invalid-key"],
    ["two keys", spki + spki, "invalid-key"],
    [
      "a private key",
      ec("P-256").privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
      "invalid-key",
    ],
    ["no DER", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "invalid-key"],
    [
      "another curve",
      ec("secp256k1").publicKey.export({ format: "pem", type: "spki" }).toString(),
      "unsupported-key",
    ],
    [
      "a weak RSA key",
      generateKeyPairSync("rsa", { modulusLength: 1024 })
        .publicKey.export({ format: "pem", type: "spki" })
        .toString(),
      "unsupported-key",
    ],
    [
      "a key that signs nothing",
      generateKeyPairSync("x25519").publicKey.export({ format: "pem", type: "spki" }).toString(),
      "unsupported-key",
    ],
  ])("%s is no public key", (_, pem, code) => {
    expect(() => readPublicKey(pem, "key.pub")).toThrow(expect.objectContaining({ code, where: "key.pub" }));
  });
});

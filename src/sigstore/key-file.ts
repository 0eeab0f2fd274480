import { createPrivateKey, type KeyObject, randomBytes, type ScryptOptions, scrypt } from "node:crypto";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import * as z from "zod/mini";
import { messageOf } from "../errors/index.ts";
import { jsonIn } from "../oci/index.ts";
import { SigstoreError } from "./errors.ts";
import { sigstoreLimits } from "./limits.ts";
import { publicKeyOf } from "./public-key.ts";

/** How a private key is opened. */
export interface KeyFileOptions {
  /** What to name in errors: the file. */
  readonly where: string;
  /** May be empty, which is a password; `undefined` says that there is none. */
  readonly password?: string | undefined;
}

/**
 * Strengths of scrypt that cosign has written. Nothing else is tried: a file may ask for any number of rounds, and with others
 * opening it would take hours.
 */
const strengths: ReadonlySet<number> = new Set([32_768, 65_536, 131_072]);
/** What cosign writes today. */
const strength = 65_536;

const sealed = z.object({
  kdf: z.object({
    name: z.literal("scrypt"),
    params: z.object({ N: z.number(), r: z.number(), p: z.number() }),
    salt: z.string(),
  }),
  cipher: z.object({ name: z.literal("nacl/secretbox"), nonce: z.string() }),
  ciphertext: z.string(),
});

/**
 * A private key from its file: in cosign's encrypted form (`ENCRYPTED SIGSTORE PRIVATE KEY`, earlier `ENCRYPTED COSIGN PRIVATE
 * KEY`: JSON with scrypt and NaCl's secretbox around PKCS#8, as go-securesystemslib writes it), in PKCS#8, encrypted or not, or
 * in the forms that OpenSSL wrote before that.
 * @throws {SigstoreError} `password-missing`, `wrong-password`, `costly-key` for a file that would take too long to open,
 * `unsupported-key`, and `invalid-key` for everything else. No message says anything of what is in the file.
 */
export async function readPrivateKey(text: string, { where, password }: KeyFileOptions): Promise<KeyObject> {
  if (text.length > sigstoreLimits.keyFileBytes)
    throw new SigstoreError("invalid-key", "the file is too large for a key", { where, hint: expected });
  const [, label, body = ""] =
    /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----([\s\S]+?)-----END \1-----/.exec(text) ?? [];
  switch (label) {
    case "ENCRYPTED SIGSTORE PRIVATE KEY":
    case "ENCRYPTED COSIGN PRIVATE KEY":
      return opened(await unseal(body, where, password), where);
    case "ENCRYPTED PRIVATE KEY": {
      const { pkcs8Cost } = await import("./pkcs8-cost.ts");
      refuseCostly(pkcs8Cost(Buffer.from(body, "base64")), where);
      return encrypted(text, where, password);
    }
    case "PRIVATE KEY":
    case "EC PRIVATE KEY":
    case "RSA PRIVATE KEY":
      if (body.includes("Proc-Type"))
        throw new SigstoreError("unsupported-key", "it is encrypted in a form that is not safe any more", {
          where,
          hint: "write it as PKCS#8: openssl pkcs8 -topk8 -in OLD -out NEW",
        });
      return usable(
        create(() => createPrivateKey(text), where),
        where,
      );
    default:
      throw new SigstoreError("invalid-key", "it is no private key in PEM", { where, hint: expected });
  }
}

const expected = "expected a file that cosign generate-key-pair has written, or a key in PKCS#8";

/** A private key as a file of cosign's encrypted form, which cosign and all of Sigstore's clients read. */
export async function writeKeyFile(key: KeyObject, password: string): Promise<string> {
  const salt = randomBytes(32);
  const nonce = randomBytes(24);
  const secret = await derive(password, salt, { N: strength, r: 8, p: 1 });
  const ciphertext = xsalsa20poly1305(secret, nonce).encrypt(key.export({ format: "der", type: "pkcs8" }));
  const json = JSON.stringify({
    kdf: { name: "scrypt", params: { N: strength, r: 8, p: 1 }, salt: salt.toString("base64") },
    cipher: { name: "nacl/secretbox", nonce: nonce.toString("base64") },
    ciphertext: Buffer.from(ciphertext).toString("base64"),
  });
  const lines =
    Buffer.from(json)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  const label = "ENCRYPTED SIGSTORE PRIVATE KEY";
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

async function unseal(body: string, where: string, password: string | undefined): Promise<Uint8Array> {
  const read = sealed.safeParse(jsonIn(Buffer.from(body, "base64").toString("utf8")));
  if (!read.success) {
    throw new SigstoreError("invalid-key", "it is not in the form that cosign encrypts keys in", {
      where,
      hint: expected,
    });
  }
  const { kdf, cipher, ciphertext } = read.data;
  const { N, r, p } = kdf.params;
  if (!strengths.has(N) || r !== 8 || p !== 1) {
    refuseCostly(`scrypt with N=${N}, r=${r}, p=${p}; cosign writes N=${strength}, r=8, p=1`, where);
  }
  const salt = Buffer.from(kdf.salt, "base64");
  const nonce = Buffer.from(cipher.nonce, "base64");
  if (nonce.length !== 24 || salt.length === 0)
    throw new SigstoreError("invalid-key", "its salt or nonce is not of the right length", { where });
  if (password === undefined) throw passwordMissing(where);
  const secret = await derive(password, salt, { N, r, p });
  try {
    return xsalsa20poly1305(secret, nonce).decrypt(Buffer.from(ciphertext, "base64"));
  } catch {
    throw wrongPassword(where);
  }
}

function derive(
  password: string,
  salt: Uint8Array,
  cost: { N: number; r: number; p: number },
): Promise<Buffer> {
  // Node's own bound of memory is below what N=65536 takes.
  const options: ScryptOptions = { ...cost, maxmem: 256 * cost.N * cost.r };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, options, (fault, secret) =>
      fault === null ? resolve(secret) : reject(fault),
    );
  });
}

function opened(der: Uint8Array, where: string): KeyObject {
  return usable(
    create(() => createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" }), where),
    where,
  );
}

function encrypted(text: string, where: string, password: string | undefined): KeyObject {
  if (password === undefined) throw passwordMissing(where);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: text, passphrase: password });
  } catch {
    throw wrongPassword(where);
  }
  return usable(key, where);
}

function create(from: () => KeyObject, where: string): KeyObject {
  try {
    return from();
  } catch (cause) {
    throw new SigstoreError("invalid-key", `it is no private key: ${messageOf(cause)}`, {
      where,
      hint: expected,
    });
  }
}

function usable(key: KeyObject, where: string): KeyObject {
  publicKeyOf(key, where);
  return key;
}

function refuseCostly(cost: string | undefined, where: string): void {
  if (cost === undefined) return;
  throw new SigstoreError("costly-key", `its password is stretched in a way that is not tried: ${cost}`, {
    where,
    hint: "nobody needs that: whoever wrote the file may want to keep this process busy; write the key anew",
  });
}

function passwordMissing(where: string): SigstoreError {
  return new SigstoreError("password-missing", "the key is encrypted, and no password was given", {
    where,
    hint: "set COSIGN_PASSWORD, or say in the settings where the password is",
  });
}

function wrongPassword(where: string): SigstoreError {
  return new SigstoreError(
    "wrong-password",
    "the key does not open: the password is wrong, or the file is damaged",
    {
      where,
      hint: "give the password that the key was made with: COSIGN_PASSWORD, or the signer's password in the settings",
    },
  );
}

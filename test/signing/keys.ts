import { generateKeyPairSync, type KeyObject } from "node:crypto";

/** Key pairs of all kinds that sign, made when they are asked for. */
export const keyKinds = {
  "P-256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "P-384": () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  "P-521": () => generateKeyPairSync("ec", { namedCurve: "P-521" }),
  Ed25519: () => generateKeyPairSync("ed25519"),
  "RSA 2048": () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
} as const;

/** A private key as OpenSSL writes it; encrypted with a password. */
export function privatePem(key: KeyObject, password?: string): string {
  const form = { format: "pem", type: "pkcs8" } as const;
  const text =
    password === undefined
      ? key.export(form)
      : key.export({ ...form, cipher: "aes-256-cbc", passphrase: password });
  return text.toString();
}

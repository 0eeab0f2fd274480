import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { SecretError } from "../secrets/index.ts";
import { SigningError } from "./errors.ts";
import type { SignerOptions, SigningServices } from "./model.ts";
import { localKey, type SigningKey } from "./signing-key.ts";

const maxKeyFileBytes = 64 * 1024;
const encryptedPkcs8 = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const usualPassword = "COSIGN_PASSWORD";

/**
 * Opens the private key of a file: in cosign's encrypted form, or as PEM that OpenSSL writes (PKCS#8, encrypted or not).
 * @throws {SigningError} `signer-unavailable` when file or password cannot be read, `signer-invalid` for anything else.
 */
export async function openKeyFile(
  file: string,
  { password }: Pick<SignerOptions, "password">,
  { environment, secrets }: Pick<SigningServices, "environment" | "secrets">,
): Promise<SigningKey> {
  const read = await readNamed(file, maxKeyFileBytes).catch((cause: unknown) => {
    const code = errorCodeOf(cause);
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? messageOf(cause)})`;
    throw new SigningError("signer-unavailable", `the key file ${why}`, { where: file });
  });
  const pem = read.bytes.toString("utf8");
  const givenPassword = async (): Promise<string> => {
    if (password !== undefined) return secrets.read(password).catch(asUnavailable);
    const usual = environment[usualPassword];
    if (usual !== undefined) return usual;
    throw new SigningError("signer-unavailable", "the key is encrypted, and there is no password for it", {
      where: file,
      hint: `set ${usualPassword}, or say with the signer where its password is`,
    });
  };
  const privateKey = await privateKeyIn(pem, file, givenPassword);
  return localKey(privateKey, createPublicKey(privateKey), file);
}

async function privateKeyIn(pem: string, where: string, password: () => Promise<string>): Promise<KeyObject> {
  const isEncrypted = pem.includes(encryptedPkcs8);
  const passphrase = isEncrypted ? await password() : undefined;
  try {
    return createPrivateKey({ key: pem, format: "pem", passphrase });
  } catch {
    // Without a cause: OpenSSL's words are no help, and may quote the key.
    const what = isEncrypted ? "the password is wrong, or this is no private key" : "this is no private key";
    throw new SigningError("signer-invalid", what, {
      where,
      hint: "it is a file of cosign generate-key-pair, or PEM in PKCS#8's form",
    });
  }
}

function asUnavailable(error: unknown): never {
  if (!(error instanceof SecretError)) throw error;
  const { message, where, hint } = error;
  throw new SigningError("signer-unavailable", `its password: ${message}`, { where, hint, cause: error });
}

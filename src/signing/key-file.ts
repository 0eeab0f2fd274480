import { errorCodeOf, readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { SecretError } from "../secrets/index.ts";
import { publicKeyOf, readPrivateKey, SigstoreError, sigstoreLimits } from "../sigstore/index.ts";
import { SigningError } from "./errors.ts";
import type { SignerOptions, SigningServices } from "./model.ts";
import { localKey, type SigningKey } from "./signing-key.ts";

const usualPassword = "COSIGN_PASSWORD";

/**
 * Opens the private key of a file: in cosign's encrypted form, or as PEM that OpenSSL writes (PKCS#8, encrypted or not). The
 * password is asked for only where the key needs one.
 * @throws {SigningError} `signer-unavailable` when file or password cannot be read, `signer-invalid` for anything else.
 */
export async function openKeyFile(
  file: string,
  { password }: Pick<SignerOptions, "password">,
  { environment, secrets }: Pick<SigningServices, "environment" | "secrets">,
): Promise<SigningKey> {
  const read = await readNamed(file, sigstoreLimits.keyFileBytes).catch((cause: unknown) => {
    const code = errorCodeOf(cause);
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? messageOf(cause)})`;
    throw new SigningError("signer-unavailable", `the key file ${why}`, { where: file });
  });
  const pem = read.bytes.toString("utf8");
  const isEncrypted = pem.includes("-----BEGIN ENCRYPTED ");
  const given = !isEncrypted
    ? undefined
    : password === undefined
      ? environment[usualPassword]
      : await secrets.read(password).catch(asUnavailable);
  try {
    const privateKey = await readPrivateKey(pem, { where: file, password: given });
    return localKey(privateKey, publicKeyOf(privateKey, file));
  } catch (error) {
    if (!(error instanceof SigstoreError)) throw error;
    const { message, where, hint } = error;
    const code = error.code === "password-missing" ? "signer-unavailable" : "signer-invalid";
    throw new SigningError(code, message, { where, hint });
  }
}

function asUnavailable(error: unknown): never {
  if (!(error instanceof SecretError)) throw error;
  const { message, where, hint } = error;
  throw new SigningError("signer-unavailable", `its password: ${message}`, { where, hint, cause: error });
}

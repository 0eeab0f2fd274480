import { errorCodeOf, readNamed } from "../../disk/index.ts";
import { RegistryError } from "../errors.ts";

const maxFileBytes = 1024 * 1024;

/**
 * The text of a file that holds secrets or says where they are, at most 1 MiB; `undefined` when there is none.
 * `shown` names it in messages, which never hold any of its content.
 * @throws {RegistryError} `credential-source`.
 */
export async function readCredentialFile(file: string, shown: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = (await readNamed(file, maxFileBytes)).bytes;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const message =
      code === "EFBIG"
        ? `a credentials file of more than ${maxFileBytes} bytes`
        : `credentials cannot be read: ${code ?? "unknown error"}`;
    throw new RegistryError("credential-source", message, { where: shown });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RegistryError("credential-source", "the credentials file is not UTF-8", { where: shown });
  }
}

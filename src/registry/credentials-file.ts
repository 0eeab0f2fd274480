import { createReadStream } from "node:fs";
import { RegistryError } from "./errors.ts";

const longestFile = 1024 * 1024;

/**
 * The text of a file that holds secrets or says where they are, at most 1 MiB; `undefined` when there is none.
 * `shown` names it in messages, which never hold any of its content.
 * @throws {RegistryError} `credential-source`.
 */
export async function readSecretFile(file: string, shown: string): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(file, { end: longestFile })) chunks.push(chunk);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new RegistryError("credential-source", `credentials cannot be read: ${code}`, { where: shown });
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length > longestFile) {
    throw new RegistryError("credential-source", `a credentials file of more than ${longestFile} bytes`, {
      where: shown,
    });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RegistryError("credential-source", "the credentials file is not UTF-8", { where: shown });
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

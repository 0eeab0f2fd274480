import { readNamed } from "../../disk/index.ts";
import { ForgeError } from "../errors.ts";
import { isToken } from "./environment.ts";
import type { FoundToken } from "./token.ts";

const maxFileBytes = 1024 * 1024;

/**
 * The text of a file that may hold a secret, at most 1 MiB, and whether others than its owner can read it; `undefined` when there is none.
 * @throws {ForgeError} `token-missing` when it cannot be read. No message holds any of its content.
 */
export async function readFileIfThere(path: string) {
  const unreadable = (why: string) =>
    new ForgeError("token-missing", `the file cannot be read: ${why}`, { where: path });
  try {
    const { bytes, mode } = await readNamed(path, maxFileBytes);
    // Windows has no such bits.
    const bits = process.platform === "win32" ? 0 : mode;
    const readableBy = bits & 0o004 ? "everybody" : bits & 0o040 ? "group" : "owner";
    return { text: bytes.toString(), readableBy };
  } catch (error) {
    if (error instanceof ForgeError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "EFBIG") throw unreadable(`it has more than ${maxFileBytes} bytes`);
    throw unreadable(code);
  }
}

/**
 * The token in a file that holds nothing else. A file that everybody can read is refused; of one that its group can read there is a
 * warning.
 * @throws {ForgeError} `token-missing`.
 */
export async function readTokenFile(path: string): Promise<FoundToken> {
  const file = await readFileIfThere(path);
  const missing = (message: string, hint: string) =>
    new ForgeError("token-missing", message, { where: path, hint });
  if (file === undefined) throw missing("there is no such file", "write the token into it, with mode 600");
  if (file.readableBy === "everybody") {
    throw missing(
      "everybody on this machine can read the token in it",
      `chmod 600 it; whoever could read it may have its token. A secret that Kubernetes mounts needs defaultMode: 0400`,
    );
  }
  const token = file.text.trim();
  if (!isToken(token))
    throw missing("it holds no token", "it has to hold one word, the token, and nothing else");
  const warnings = file.readableBy === "group" ? [`${path} can be read by its group: chmod 600 it`] : [];
  return { token, source: path, warnings };
}

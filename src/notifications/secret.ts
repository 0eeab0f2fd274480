import { readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import type { SecretSetting } from "../settings/index.ts";
import { NotificationError } from "./errors.ts";

const maxSecretBytes = 64 * 1024;

/** Reads a secret anew for each use, so that it can be replaced. @throws {NotificationError} `no-secret`. */
export async function readSecret(
  { file, variable = "" }: SecretSetting,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const where = file ?? `$${variable}`;
  const missing = (why: string, cause?: unknown) =>
    new NotificationError("no-secret", `there is no address or secret: ${why}`, { where, cause });
  if (file === undefined) {
    const text = (environment[variable] ?? "").trim();
    if (text === "") throw missing("the variable is empty");
    return text;
  }
  const read = await readNamed(file, maxSecretBytes).catch((cause: unknown) => {
    throw missing(messageOf(cause), cause);
  });
  const text = read.bytes.toString("utf8").trim();
  if (text === "") throw missing("the file is empty");
  return text;
}

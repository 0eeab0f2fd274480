import { readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { ClientError } from "./errors.ts";

const maxTokenBytes = 4096;

/**
 * The token for a server: `$WAYBILL_TOKEN`, or what the file holds that `$WAYBILL_TOKEN_FILE` names. It has no place on a command line,
 * which everybody on the machine can see. @throws {ClientError} `token-unusable`.
 */
export async function serverToken(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { WAYBILL_TOKEN: given, WAYBILL_TOKEN_FILE: file } = environment;
  if (given) return given.trim();
  if (!file) return undefined;
  try {
    return new TextDecoder().decode((await readNamed(file, maxTokenBytes)).bytes).trim();
  } catch (cause) {
    throw new ClientError("token-unusable", `the token cannot be read: ${messageOf(cause)}`, {
      where: file,
      hint: "look at $WAYBILL_TOKEN_FILE",
      cause,
    });
  }
}

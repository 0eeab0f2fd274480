import { homedir } from "node:os";
import { messageOf } from "../../errors/index.ts";
import { checkedHost, type ForgeSettings, settingsOf } from "../address.ts";
import { ForgeError } from "../errors.ts";
import type { ForgeKind } from "../forge.ts";
import { tokenOfCommandLine } from "./command-lines.ts";
import { isToken, tokenOfEnvironment } from "./environment.ts";
import { readTokenFile } from "./file.ts";

/** A token, and where it came from. The token itself belongs into no message. */
export interface FoundToken {
  readonly token: string;
  /** The name of a variable or the path of a file. */
  readonly source: string;
  /** What somebody should mend about it, as sentences. */
  readonly warnings: readonly string[];
}

/** Where a token is looked for. */
export interface TokenPlaces {
  /** Names of variables and their values; `process.env` when left out. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** A host that is configured as a kind gets that kind's tokens. */
  readonly settings?: ForgeSettings | undefined;
  /** The host that the user has named, on the command line for example; a remote's URL in a checkout names none. */
  readonly namedHost?: string | undefined;
  /** A file that holds the token and nothing else. */
  readonly file?: string | undefined;
  /** Reads a secret that settings refer to. */
  readonly readSecret?: ((reference: string) => Promise<string>) | undefined;
}

/**
 * The token for a forge: of a file that was named, of the environment, or of what the forge's own command line has stored. A token
 * that may be meant for another host is not used: a checkout names hosts, and must not decide where tokens go.
 * @throws {ForgeError} `token-missing`, with the places that were looked at in its hint.
 */
export async function findToken(
  host: string,
  kind: ForgeKind,
  places: TokenPlaces = {},
): Promise<FoundToken> {
  const name = checkedHost(host);
  const { environment = process.env, settings, namedHost, file } = places;
  if (file !== undefined) return readTokenFile(file);
  const reference = settingsOf(settings, name)?.tokenFrom;
  if (reference !== undefined) return keptElsewhere(reference, name, places.readSecret);
  const isNamed = namedHost !== undefined && checkedHost(namedHost) === name;
  const isConfigured = settingsOf(settings, name)?.kind === kind;
  const inEnvironment = tokenOfEnvironment(name, kind, environment, { isNamed, isConfigured });
  if (inEnvironment.token !== undefined) return inEnvironment.token;
  const stored = await tokenOfCommandLine(name, kind, environment, environment.HOME || homedir());
  if (stored.token !== undefined) return stored.token;
  throw new ForgeError("token-missing", `there is no token for ${name}`, {
    where: name,
    hint: [...inEnvironment.remarks, ...stored.remarks].join("; "),
  });
}

/** @throws {ForgeError} `token-missing`. */
async function keptElsewhere(
  reference: string,
  host: string,
  readSecret: TokenPlaces["readSecret"],
): Promise<FoundToken> {
  const failure = (why: string, cause?: unknown) =>
    new ForgeError("token-missing", `there is no token for ${host}: ${why}`, { where: reference, cause });
  const read = await readSecret?.(reference).catch((cause: unknown) => {
    throw failure(messageOf(cause), cause);
  });
  const token = read?.trim() ?? "";
  if (isToken(token)) return { token, source: reference, warnings: [] };
  throw failure("what is kept there is none");
}

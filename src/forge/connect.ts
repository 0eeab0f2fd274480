import type { Listener } from "../events/index.ts";
import type { GitCredential } from "../git/index.ts";
import type { Network } from "../http/index.ts";
import type { ForgeHostSettings, ForgeSettings } from "./address.ts";
import { ForgeError } from "./errors.ts";
import type { Forge, ForgeKind } from "./forge.ts";
import { installationTokens, openAsApp, type TokenPurpose } from "./github/app.ts";
import { forgeKindOf } from "./kind.ts";
import { openForge, openForgeOf } from "./open.ts";
import type { RemoteRepository } from "./remote.ts";
import { isToken } from "./token/environment.ts";
import { readTokenFile } from "./token/file.ts";
import { givenToken } from "./token/source.ts";
import { type FoundToken, findToken } from "./token/token.ts";
import type { ForgeWait, WireTiming } from "./wire.ts";

/** Which forge is spoken to, and as whom. */
export interface ConnectOptions {
  /** What the host is; as it is configured, by its name, or as it says itself when it is left out. */
  readonly kind?: ForgeKind | undefined;
  readonly settings: ForgeSettings;
  /** Where tokens are; `process.env` when left out. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** A file that holds the token and nothing else. */
  readonly tokenFile?: string | undefined;
  /** Reads a secret that settings refer to. */
  readonly readSecret?: ((reference: string) => Promise<string>) | undefined;
  readonly network?: Network | undefined;
  /** What is done there: who only reads is shown a token that cannot write, where there is one. For writing when left out. */
  readonly purpose?: TokenPurpose | undefined;
  /** It is only looked at, so that a public one needs no token. */
  readonly readOnly?: boolean | undefined;
  /** Gives up what is under way. */
  readonly signal?: AbortSignal | undefined;
  readonly listener?: Listener<ForgeWait> | undefined;
  readonly timing?: Partial<WireTiming> | undefined;
}

/** A forge that is spoken to for somebody. */
export interface ConnectedForge {
  readonly forge: Forge;
  /** Whose token it is, where there is one; without it, what everybody may see is all that there is. */
  readonly token: Omit<FoundToken, "token"> | undefined;
  /** Why there is none, where one was looked for and may be missing. */
  readonly missing?: ForgeError | undefined;
  /** What Git shows to the forge over HTTP; none where nobody has a token. */
  readonly credential?: GitCredential | undefined;
}

/** Names under which forges take a token as a password. */
const tokenUsers: Readonly<Record<ForgeKind, string>> = {
  github: "x-access-token",
  gitlab: "oauth2",
  gitea: "x-access-token",
};

/**
 * Opens the forge of a repository that the user has named, with the token that the user has for it: for its API and for Git.
 * @throws {ForgeError} when there is no token, or nobody knows the forge.
 */
export async function connectForge(
  { host, path }: RemoteRepository,
  options: ConnectOptions,
): Promise<ConnectedForge> {
  const { settings, environment, network, signal, listener, timing } = options;
  const own = settings[host];
  const kind = options.kind ?? (await forgeKindOf(host, settings, timing, network));
  let missing: ForgeError | undefined;
  const { purpose = "writing" } = options;
  const isApp = kind === "github" && own?.app !== undefined && options.tokenFile === undefined;
  if (isApp && own?.app !== undefined) {
    const identity = { app: own.app, host, http: own.http, network, signal, timing };
    const token = installationTokens(identity, path, purpose);
    const opened = { kind, host, token, network, http: own.http, signal, listener, timing };
    const forge = openForgeOf(opened, openAsApp(identity));
    return {
      forge,
      token: { source: `the app ${own.app.id}`, warnings: [] },
      credential: { origin: forge.origin, user: tokenUsers[kind], token: token.current },
    };
  }
  const reading = purpose === "reading" && options.tokenFile === undefined ? own?.readingToken : undefined;
  const find = (): Promise<FoundToken> =>
    reading === undefined
      ? findToken(host, kind, {
          environment,
          settings: { ...settings, [host]: { ...own, kind } },
          namedHost: host,
          file: options.tokenFile,
          readSecret: options.readSecret,
        })
      : readReadingToken(reading, environment ?? process.env);
  const found = await find().catch((error: unknown) => {
    const mayDoWithout =
      options.readOnly === true && options.tokenFile === undefined && reading === undefined;
    if (!mayDoWithout || !(error instanceof ForgeError) || error.code !== "token-missing") throw error;
    missing = error;
    return undefined;
  });
  const token = found && givenToken(found.token, async () => (await find()).token);
  const forge = openForge({ kind, host, token, network, http: own?.http, signal, listener, timing });
  if (found === undefined || token === undefined) return { forge, token: undefined, missing };
  return {
    forge,
    token: { source: found.source, warnings: found.warnings },
    credential: { origin: forge.origin, user: tokenUsers[kind], token: token.current },
  };
}

/** The token that the settings name for those who only read. @throws {ForgeError} `token-missing`: another one is not used instead. */
async function readReadingToken(
  { file, variable = "" }: NonNullable<ForgeHostSettings["readingToken"]>,
  environment: NodeJS.ProcessEnv,
): Promise<FoundToken> {
  if (file !== undefined) return readTokenFile(file);
  const token = environment[variable]?.trim() ?? "";
  if (isToken(token)) return { token, source: variable, warnings: [] };
  throw new ForgeError("token-missing", `${variable} holds no token`, {
    hint: "the settings name it for those who only read: put a token there",
  });
}

import type { Listener } from "../events/index.ts";
import type { Network } from "../http/index.ts";
import { addressOf, originOf } from "./address.ts";
import { type ForgeClient, openClient } from "./client.ts";
import { ForgeError } from "./errors.ts";
import type { Forge, ForgeKind } from "./forge.ts";
import { openGitHub } from "./github/forge.ts";
import { openGitLab } from "./gitlab/forge.ts";
import { checkedPath } from "./remote.ts";
import { type ForgeTokenSource, givenToken } from "./token/source.ts";
import { type ForgeWait, openWire, type WireTiming } from "./wire.ts";

/** What a forge is opened with. */
export interface ForgeOptions {
  readonly kind: ForgeKind;
  /** `host` or `host:port`. */
  readonly host: string;
  /** Sent to the forge's API and nowhere else. Without one, what everybody may see is all that there is. */
  readonly token?: string | ForgeTokenSource | undefined;
  /** Plain HTTP. Without it, only loopback addresses are spoken to without TLS. */
  readonly http?: boolean | undefined;
  /** How it is reached; by the environment of this process without it. */
  readonly network?: Network | undefined;
  /** Gives up what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Is told before the forge is waited for. */
  readonly listener?: Listener<ForgeWait> | undefined;
  readonly timing?: Partial<WireTiming> | undefined;
}

/**
 * A forge, as the owner of a token sees it. Nothing is asked before the first of its methods is called.
 * @throws {ForgeError} `forge-unknown` when the host is none, `token-missing` when the token is empty.
 */
export function openForge(options: ForgeOptions): Forge {
  return openForgeOf(options, undefined);
}

/** The same. @param asApp Its API as the app itself, where the token is one of an app's. */
export function openForgeOf(options: ForgeOptions, asApp: ForgeClient | undefined): Forge {
  const { kind, token } = options;
  const { host, api } = addressOf(kind, options.host, options.http);
  const origin = originOf(host, options.http);
  if (typeof token === "string" && !/^[\x21-\x7e]+$/.test(token)) {
    const message = `the token for ${host} is empty, or holds characters that no token has`;
    throw new ForgeError("token-missing", message, { where: host });
  }
  const { network, signal, listener, timing } = options;
  const source = typeof token === "string" ? givenToken(token) : token;
  const wire = openWire({ kind, host, api, token: source, network, signal, listener, timing });
  const client = openClient(kind, api, wire);
  const asked = kind === "gitlab" ? openGitLab(client) : openGitHub(client, kind, api, asApp);
  return {
    kind,
    host,
    origin,
    user: once(asked.user),
    async repository(path) {
      const found = await asked.repository(checkedPath(path));
      // A forge goes by the name that it has for itself: what it is asked at under another one gets the credential there.
      return { ...found, cloneUrl: `${origin}/${found.path}.git` };
    },
    project: asked.project,
    isMember: asked.isMember,
    accountOf: asked.accountOf,
  };
}

/** Does it once, and once more only after a failure. */
function once<T>(start: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= start().catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };
}

import * as z from "zod/mini";
import { isLoopbackHost } from "../../http/index.ts";
import { localSecrets, type Secrets } from "../../secrets/index.ts";
import { AccessError } from "../errors.ts";
import type { ProviderFetch } from "../fetch.ts";
import type { ProviderSettings } from "../model.ts";
import type { PersonIdentity } from "../people.ts";
import { openGitHubProvider } from "./github.ts";
import { openOpenIdProvider } from "./openid.ts";
import type { Provider } from "./provider.ts";

/** How people log in. Methods throw {@link AccessError}. */
export interface Logins {
  /** Names of providers, in the order of the settings. */
  readonly providers: readonly string[];
  /**
   * Begins a login.
   * @param returnTo A path of this server that the person comes back to in the end.
   * @returns where the browser is sent, and what it has to keep until it comes back.
   * @throws {AccessError} `provider-unknown`, `public-url-unsafe`, `login-unavailable`.
   */
  begin(provider: string, returnTo: string): Promise<{ readonly url: string; readonly kept: string }>;
  /**
   * Ends it.
   * @param query What the browser has come back with, and what it has kept.
   * @throws {AccessError} `provider-unknown`, `login-refused`, `login-unavailable`.
   */
  finish(
    provider: string,
    query: string,
    kept: string,
  ): Promise<{ readonly identity: PersonIdentity; readonly returnTo: string }>;
}

/** What {@link Logins.begin} needs. */
export interface ProviderLogins {
  readonly providers: readonly ProviderSettings[];
  /** The address that people's browsers know the server by, which is never read off a request. */
  readonly publicUrl: URL;
  readonly fetch: ProviderFetch;
  readonly environment: NodeJS.ProcessEnv;
  /** Where the secrets of clients are; files and variables alone without it. */
  readonly secrets?: Secrets | undefined;
  readonly now: () => Date;
}

/** Milliseconds in which a login has to come to its end. */
export const loginWithin = 10 * 60_000;

const keptSchema = z.object({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  until: z.number(),
});

/** Opens the way in for people. No provider is asked for anything yet. */
export function openLogins({
  providers,
  publicUrl,
  fetch,
  environment,
  secrets = localSecrets(environment),
  now,
}: ProviderLogins): Logins {
  const opened = new Map<string, Provider>(
    providers.map((settings) => [
      settings.name,
      settings.kind === "github"
        ? openGitHubProvider(settings, fetch, secrets)
        : openOpenIdProvider(settings, fetch, secrets),
    ]),
  );
  const find = (name: string): Provider => {
    const provider = opened.get(name);
    if (provider !== undefined) return provider;
    throw new AccessError("provider-unknown", "nobody of that name vouches for people here", {
      hint: opened.size === 0 ? "no provider is configured" : `there is ${[...opened.keys()].join(", ")}`,
    });
  };
  const callbackOf = (name: string) =>
    new URL(`${publicUrl.pathname.replace(/\/$/, "")}/auth/${encodeURIComponent(name)}/callback`, publicUrl);

  return {
    providers: [...opened.keys()],
    async begin(name, returnTo) {
      const provider = find(name);
      refuseUnsafe(publicUrl);
      const { url, pending } = await provider.begin(callbackOf(name).href);
      const kept = {
        provider: name,
        ...pending,
        returnTo: localPath(returnTo),
        until: now().getTime() + loginWithin,
      };
      return { url: url.href, kept: Buffer.from(JSON.stringify(kept)).toString("base64url") };
    },
    async finish(name, query, kept) {
      const provider = find(name);
      const begun = readKept(kept);
      if (begun === undefined || begun.provider !== name || begun.until <= now().getTime()) {
        throw new AccessError("login-refused", "this login was not begun here, or too long ago", {
          hint: "begin it again, in the same browser",
        });
      }
      const returned = callbackOf(name);
      returned.search = query;
      const identity = await provider.finish(returned, begun);
      return { identity, returnTo: localPath(begun.returnTo) };
    },
  };
}

function readKept(kept: string): z.output<typeof keptSchema> | undefined {
  try {
    return keptSchema.parse(JSON.parse(Buffer.from(kept, "base64url").toString("utf8")));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.core.$ZodError) return undefined;
    throw error;
  }
}

/** A path of this server, whatever was asked for: `//host` and `/\host` lead a browser elsewhere. */
export function localPath(path: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && path.length <= 2_000 ? path : "/";
}

/**
 * A session's cookie belongs to one host and to TLS alone, which browsers do without for `localhost` only.
 * @throws {AccessError} `public-url-unsafe`.
 */
export function refuseUnsafe({ protocol, hostname, origin }: URL): void {
  if (protocol === "https:" || isLoopbackHost(hostname)) return;
  throw new AccessError("public-url-unsafe", `nobody can log in over plain HTTP at ${origin}`, {
    where: origin,
    hint: "put TLS in front of the server and name that address as its public one; tokens work meanwhile",
  });
}

import { createPrivateKey, type KeyObject } from "node:crypto";
import * as z from "zod/mini";
import { readNamed } from "../../disk/index.ts";
import { messageOf } from "../../errors/index.ts";
import { type AppSettings, addressOf } from "../address.ts";
import { type ForgeClient, openClient } from "../client.ts";
import { ForgeError } from "../errors.ts";
import type { ForgeOptions } from "../open.ts";
import { unlessNotFound } from "../people.ts";
import { ownerAndName } from "../remote.ts";
import type { ForgeTokenSource } from "../token/source.ts";
import { openWire } from "../wire.ts";

/** What a token is for: to read alone, or to write statuses, comments, labels and branches as well. */
export type TokenPurpose = "reading" | "writing";

/** What is asked for of what the app was granted (https://docs.github.com/rest/authentication/permissions-required-for-github-apps). */
const wanted: Readonly<Record<TokenPurpose, Readonly<Record<string, "read" | "write">>>> = {
  reading: {
    ...({ metadata: "read", contents: "read", pull_requests: "read" } as const),
    ...({ statuses: "read", members: "read" } as const),
  },
  writing: {
    ...({ metadata: "read", contents: "write", pull_requests: "write", issues: "write" } as const),
    ...({ statuses: "write", members: "read", repository_hooks: "read" } as const),
  },
};

const installationSchema = z.object({ id: z.number(), permissions: z.record(z.string(), z.string()) });
const tokenSchema = z.object({
  token: z.string().check(z.regex(/^[\x21-\x7e]{1,4096}$/)),
  expires_at: z.string(),
});

/** GitHub takes ten minutes at most, by its own clock. */
const assertedFor = 9 * 60;
const clockSkew = 60;
/** Milliseconds before its end at which a token is replaced: a run that has just got it goes on with it for a while. */
const replacedBefore = 10 * 60_000;
/** Milliseconds between two renewals after a refusal: a forge that refuses every token is not asked for one each time. */
const renewedEach = 5_000;
const maxKeyBytes = 64 * 1024;

/** Tokens of this process, each with the milliseconds at which it is to be replaced, and was made in the place of one that was refused: all who need one share it. */
const issued = new Map<
  string,
  { readonly token: string; readonly until: number; readonly renewedAt?: number | undefined }
>();
const maxIssued = 1_000;

/** An app of GitHub: who it is on one forge. */
export interface AppIdentity extends Pick<ForgeOptions, "host" | "http" | "network" | "signal" | "timing"> {
  readonly app: AppSettings;
  readonly now?: () => number;
}

/** What is signed by the key of an app speaks for the app itself, for some minutes. @throws {ForgeError} `token-missing`. */
async function assertionOf({ id, privateKeyFile }: AppSettings, now: number): Promise<string> {
  const { SignJWT } = await import("jose");
  const seconds = Math.floor(now / 1000);
  return new SignJWT({})
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .setIssuer(id)
    .setIssuedAt(seconds - clockSkew)
    .setExpirationTime(seconds + assertedFor)
    .sign(await keyIn(privateKeyFile));
}

async function keyIn(file: string): Promise<KeyObject> {
  const missing = (why: string) =>
    new ForgeError("token-missing", `the private key of the app ${why}`, {
      where: file,
      hint: "make one on the page of the app, and keep it in a file that only this user can read",
    });
  const { bytes, mode } = await readNamed(file, maxKeyBytes).catch((error: unknown) => {
    throw missing(`cannot be read: ${messageOf(error)}`);
  });
  if (process.platform !== "win32" && (mode & 0o004) !== 0)
    throw missing("can be read by everybody: chmod 600 it");
  try {
    const key = createPrivateKey(bytes);
    if (key.asymmetricKeyType === "rsa") return key;
  } catch {
    // What the parser says of it may quote it.
  }
  throw missing("is no RSA key in PEM");
}

/** The API of the forge, as the app itself. */
export function openAsApp({ app, host: named, http, now = Date.now, ...options }: AppIdentity): ForgeClient {
  const { host, api } = addressOf("github", named, http);
  const token: ForgeTokenSource = {
    current: () => assertionOf(app, now()),
    renewed: async () => undefined,
  };
  return openClient("github", api, openWire({ ...options, kind: "github", host, api, token }));
}

/**
 * Tokens of the app's installation at a repository, narrowed to it and to what they are for; of an organization (a path without a name),
 * to what they are for alone. They live for an hour: each is replaced before its end, and when it was refused.
 */
export function installationTokens(
  identity: AppIdentity,
  path: string,
  purpose: TokenPurpose,
): ForgeTokenSource {
  const { host, app, now = Date.now } = identity;
  const client = openAsApp(identity);
  const key = JSON.stringify([host, identity.http, app.id, app.privateKeyFile, path.toLowerCase(), purpose]);
  let making: Promise<string> | undefined;

  const installation = async (): Promise<z.infer<typeof installationSchema>> => {
    const asked = path.includes("/")
      ? client.ask("GET /repos/{owner}/{repo}/installation", ownerAndName(path), installationSchema)
      : client.ask("GET /orgs/{org}/installation", { org: path }, installationSchema);
    const found = await unlessNotFound(asked);
    if (found !== undefined) return found;
    throw new ForgeError("token-missing", `the app ${app.id} is not installed for ${path}`, {
      where: host,
      hint: "install it there, on the page of the app, and let it have the repository",
    });
  };

  const make = async (renewedAt?: number): Promise<string> => {
    const { id, permissions: granted } = await installation();
    const permissions = Object.fromEntries(
      Object.entries(wanted[purpose]).flatMap(([name, level]) => {
        const has = Object.hasOwn(granted, name) ? granted[name] : undefined;
        return has === undefined ? [] : [[name, has === "read" ? "read" : level]];
      }),
    );
    const narrowed = path.includes("/") ? { repositories: [ownerAndName(path).repo] } : {};
    const made = await client.ask(
      "POST /app/installations/{id}/access_tokens",
      { id, ...narrowed, permissions },
      tokenSchema,
    );
    const end = Date.parse(made.expires_at);
    // The oldest goes first.
    issued.delete(key);
    issued.set(key, { token: made.token, until: end - replacedBefore, renewedAt });
    for (const old of issued.keys()) if (issued.size > maxIssued) issued.delete(old);
    return made.token;
  };
  const made = (renewedAt?: number): Promise<string> => {
    making ??= make(renewedAt).finally(() => {
      making = undefined;
    });
    return making;
  };

  return {
    async current() {
      const known = issued.get(key);
      return known !== undefined && known.until > now() ? known.token : made();
    },
    async renewed(refused) {
      const known = issued.get(key);
      if (known !== undefined && known.token !== refused) return known.token;
      if (known?.renewedAt !== undefined && now() - known.renewedAt < renewedEach) return undefined;
      return made(now());
    },
  };
}

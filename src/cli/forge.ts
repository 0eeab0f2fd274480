import { type Command, Option } from "commander";
import type { Forge, ForgeKind, ForgeProject } from "../forge/index.ts";
import type { GitCredential } from "../git/index.ts";
import { UsageError } from "./failure.ts";
import { fetchFor } from "./registries.ts";
import type { Session } from "./session.ts";

/** How the command line says which forge is spoken to, and as whom. */
export interface ForgeOptions {
  readonly forge?: ForgeKind;
  readonly tokenFile?: string;
}

/** Adds the options of commands that speak to a forge. */
export function addForgeOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--forge <kind>", "what the host is; asked of the host itself when left out").choices([
        "github",
        "gitlab",
        "gitea",
      ]),
    )
    .addOption(
      new Option(
        "--token-file <file>",
        "file with a token; see docs/forges.md for where else one is looked for",
      ),
    );
}

/** A forge, and the repository on it that the command line names. */
export interface ForgePlace {
  readonly forge: Forge;
  readonly path: string;
  /** What Git shows to the forge over HTTP. */
  readonly credential: GitCredential;
}

/** Names under which forges take a token as a password. */
const tokenUsers: Readonly<Record<ForgeKind, string>> = {
  github: "x-access-token",
  gitlab: "oauth2",
  gitea: "x-access-token",
};

/**
 * Opens the forge of a repository: `https://host/owner/name`, or the same without `https://`.
 * @throws {UsageError} when it names none, {@link ForgeError} when there is no token or nobody knows the forge.
 */
export async function openForgeFor(
  session: Session,
  repository: string,
  options: ForgeOptions,
): Promise<ForgePlace> {
  const { parseRemote } = await import("../forge/index.ts");
  const text = /^[\w+]+:\/\/|^[^/]+@[^/]+:/.test(repository) ? repository : `https://${repository}`;
  const found = parseRemote(text);
  if (found === undefined) {
    throw new UsageError(`${repository} is no repository on a forge`, "write it as https://host/owner/name");
  }
  return openForgeAt(session, found, options);
}

async function openForgeAt(
  session: Session,
  { host, path }: { readonly host: string; readonly path: string },
  options: ForgeOptions,
): Promise<ForgePlace> {
  const { findToken, forgeKindOf, openForge } = await import("../forge/index.ts");
  const { env: environment, terminal } = session;
  const { forges } = await session.settings();
  const fetch = await fetchFor(session);
  const own = forges[host];
  const kind = options.forge ?? (await forgeKindOf(host, forges, undefined, fetch));
  const { token, source, warnings } = await findToken(host, kind, {
    environment,
    settings: { ...forges, [host]: { ...own, kind } },
    namedHost: host,
    ...(options.tokenFile === undefined ? {} : { file: options.tokenFile }),
  });
  for (const warning of warnings) terminal.warn(warning);
  terminal.detail(`the token for ${host} is that of ${source}`);
  const http = own?.http;
  const forge = openForge({
    kind,
    host,
    token,
    fetch,
    ...(http === undefined ? {} : { http }),
    onWait: ({ reason, milliseconds }) =>
      terminal.note(`waiting ${Math.ceil(milliseconds / 1000)} s for ${host} (${reason})`),
  });
  const credential = { origin: forge.origin, user: tokenUsers[kind], token };
  return { forge, path, credential };
}

/** A pull request that the command line names. */
export interface PullRequestPlace {
  readonly forge: Forge;
  readonly project: ForgeProject;
  readonly number: number;
}

/** Where forges show pull requests: `…/pull/1`, `…/pulls/1`, `…/-/merge_requests/1`, and pages below. */
const address = /^(https?:\/\/[^?#]+?)\/(?:pull|pulls|-\/merge_requests)\/(\d{1,9})(?:[/?#].*)?$/;

/** @throws {UsageError} when it is no address of a pull request, and as {@link openForgeFor}. */
export async function openPullRequest(
  session: Session,
  url: string,
  options: ForgeOptions,
): Promise<PullRequestPlace> {
  const [, repository, number] = address.exec(url) ?? [];
  if (repository === undefined) {
    throw new UsageError(`${url} is no address of a pull request`, "copy it from the browser");
  }
  const { forge, path } = await openForgeFor(session, repository, options);
  return { forge, project: forge.project(path), number: Number(number) };
}

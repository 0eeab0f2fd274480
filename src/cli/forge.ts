import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Listener } from "../events/index.ts";
import type { Forge, ForgeProject, ForgeWait } from "../forge/index.ts";
import type { GitCredential } from "../git/index.ts";
import { UsageError } from "./failure.ts";
import { networkFor } from "./registries.ts";
import type { Session } from "./session.ts";
import { how, type None, type OptionsOf, unrecorded } from "./verb.ts";

interface ForgeListener {
  readonly listener?: Listener<ForgeWait>;
}

/** Adds the options of verbs that speak to a forge: which it is, and as whom. */
export function withForge<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command
    .addOption(
      how("--forge <kind>", "what the host is; asked of the host itself when left out").choices([
        "github",
        "gitlab",
        "gitea",
      ]),
    )
    .addOption(
      unrecorded(
        how("--token-file <file>", "file with a token; see docs/forges.md for where else one is looked for"),
      ),
    );
}

export type ForgeFlags = OptionsOf<typeof withForge<[], None>>;

export interface ForgePlace {
  readonly forge: Forge;
  readonly path: string;
  /** What Git shows to the forge over HTTP; none where nobody has a token. */
  readonly credential?: GitCredential | undefined;
}

/**
 * Opens the forge of a repository: `https://host/owner/name`, or the same without `https://`.
 * @throws {UsageError} when it names none, {@link ForgeError} when there is no token or nobody knows the forge.
 */
export async function openForgeFor(
  session: Session,
  repository: string,
  options: ForgeFlags &
    ForgeListener & {
      /** It is only looked at, so that a public one needs no token. */
      readonly readOnly?: boolean;
    },
): Promise<ForgePlace> {
  const { connectForge, parseRemote } = await import("../forge/index.ts");
  const named = parseRemote(
    /^[\w+]+:\/\/|^[^/]+@[^/]+:/.test(repository) ? repository : `https://${repository}`,
  );
  if (named === undefined) {
    throw new UsageError(`${repository} is no repository on a forge`, "write it as https://host/owner/name");
  }
  const { host, path } = named;
  const { env: environment, terminal } = session;
  const whole = await session.settings();
  const { forge, credential, token, missing } = await connectForge(named, {
    kind: options.forge,
    settings: whole.forges,
    environment,
    tokenFile: options.tokenFile,
    readSecret: async (reference) => {
      const { openCredentialSources } = await import("../registry/index.ts");
      return openCredentialSources({ settings: whole, environment }).secrets.read({ reference });
    },
    network: await networkFor(session),
    readOnly: options.readOnly,
    listener: (event) => {
      options.listener?.(event);
      terminal.note(`waiting ${Math.ceil(event.milliseconds / 1000)} s for ${host} (${event.reason})`);
    },
  });
  if (missing !== undefined) {
    terminal.note(`${missing.message}: what is public is looked at without one`);
  }
  for (const warning of token?.warnings ?? []) terminal.warn(warning);
  if (token !== undefined) terminal.detail(`the token for ${host} is that of ${token.source}`);
  return credential === undefined ? { forge, path } : { forge, path, credential };
}

export interface PullRequestPlace extends Pick<ForgePlace, "credential"> {
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
  options: ForgeFlags & ForgeListener,
): Promise<PullRequestPlace> {
  const [, repository, number] = address.exec(url) ?? [];
  if (repository === undefined) {
    throw new UsageError(`${url} is no address of a pull request`, "copy it from the browser");
  }
  const { forge, path: named, credential } = await openForgeFor(session, repository, options);
  const { path } = await forge.repository(named);
  if (path.toLowerCase() !== named.toLowerCase()) session.terminal.warn(`${named} is called ${path} now`);
  return { ...{ forge, project: forge.project(path), number: Number(number) }, credential };
}

/** An address as it may be shown and kept: who logs in by it, and the password, are left out, whatever signs these have. */
export function withoutUser(address: string): string {
  const at = address.lastIndexOf("@");
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(address)?.[0] ?? "";
  const isUsual = at < 0 || address.slice(scheme.length, at) === "git";
  return isUsual ? address : `${scheme}${address.slice(at + 1)}`;
}

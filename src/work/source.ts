import { join } from "node:path";
import {
  type ConnectedForge,
  connectForge,
  ForgeError,
  type ForgeProject,
  parseRemote,
  type TokenPurpose,
} from "../forge/index.ts";
import { type GitCredential, listRemote, type Mirror, openMirror } from "../git/index.ts";
import type { Network } from "../http/index.ts";
import { openCredentialSources } from "../registry/index.ts";
import type { WorkEnvironment } from "./model.ts";

/** A repository that a run is about: its mirror, and the forge that it is on. */
export interface RunSource {
  readonly url: string;
  /** Up to date when it is opened. @throws {GitError} */
  mirror(): Promise<Mirror>;
  /** Asks Git whether the repository can be read, and no more. @throws {GitError} */
  reach(): Promise<void>;
  /**
   * What Git shows to the repository; `undefined` where everybody may read it, as far as anybody knows. The forge's API is not asked for it:
   * what was pushed is found also while that does not answer.
   * @throws {ForgeError}
   */
  credential(): Promise<GitCredential | undefined>;
  /** Where it is on a forge; `undefined` for what is on none, or on one that nobody has a token for. @throws {ForgeError} */
  forge(): Promise<SourceForge | undefined>;
}

/** A repository on a forge that may be written to. */
export interface SourceForge extends ConnectedForge {
  readonly project: ForgeProject;
}

/** How forges are reached: by the same proxies and authorities as registries. */
export function networkOf({
  settings,
  environment,
}: Pick<WorkEnvironment, "settings" | "environment">): Network {
  return { environment, tlsOf: (host) => settings.hosts[host]?.tls };
}

/** The repository behind a job's URL. Nothing is asked before it is needed. */
export function sourceAt(
  url: string,
  work: Pick<WorkEnvironment, "settings" | "environment" | "folder" | "credentialSources">,
  signal?: AbortSignal,
  purpose?: TokenPurpose,
): RunSource {
  const { settings, environment, folder } = work;
  const sources = work.credentialSources ?? openCredentialSources({ settings, environment });
  const connect = async (): Promise<(ConnectedForge & { readonly path: string }) | undefined> => {
    const remote = parseRemote(url);
    if (remote === undefined) return undefined;
    try {
      const network = networkOf(work);
      const found = await connectForge(remote, {
        ...{ settings: settings.forges, environment, network, signal },
        readSecret: (reference) => sources.secrets.read({ reference }),
        ...{ purpose, readOnly: true },
      });
      return found.credential === undefined ? undefined : { ...found, path: remote.path };
    } catch (error) {
      if (error instanceof ForgeError && error.code === "forge-unknown") return undefined;
      throw error;
    }
  };
  const connected = once(connect);
  const credentialOf = async (): Promise<GitCredential | undefined> => (await connected())?.credential;
  return {
    url,
    credential: credentialOf,
    forge: once(async () => {
      const found = await connected();
      if (found === undefined) return undefined;
      const { path: named, ...connection } = found;
      const { path } = await found.forge.repository(named);
      return { ...connection, project: found.forge.project(path) };
    }),
    async reach() {
      await listRemote(url, { credential: await credentialOf(), environment, signal });
    },
    mirror: once(async () => {
      // What everybody may read needs no forge that answers.
      const credential = await credentialOf().catch(() => undefined);
      const { maxMirrorBytes: maxBytes } = settings.serve;
      const place = { folder: join(folder, "mirrors"), maxBytes, url };
      const mirror = openMirror({ ...place, credential, environment, signal });
      await mirror.fetch();
      return mirror;
    }),
  };
}

/** Milliseconds for which a forge, its token and a repository's name there are believed to be what they were. */
const believedFor = 10 * 60_000;

/**
 * The sources of a process that lives on: each is connected to once for a while, so that a forge is asked who it is and a token looked
 * for now and then, and tokens that are replaced are found.
 */
export function openSources(
  work: Pick<WorkEnvironment, "settings" | "environment" | "folder" | "credentialSources">,
  signal?: AbortSignal,
): (url: string) => RunSource {
  const known = new Map<string, { readonly source: RunSource; readonly until: number }>();
  return (url) => {
    const now = performance.now();
    const found = known.get(url);
    if (found !== undefined && found.until > now) return found.source;
    for (const [old, { until }] of known) if (until <= now) known.delete(old);
    // Many that listen to one signal are taken for a leak.
    const source = sourceAt(url, work, signal && AbortSignal.any([signal]));
    known.set(url, { source, until: now + believedFor });
    return source;
  };
}

/** Does it once, and once more only after a failure. */
function once<Result>(start: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  return () => {
    running ??= start().catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };
}

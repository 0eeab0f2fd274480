import { join } from "node:path";
import {
  type ConnectedForge,
  connectForge,
  ForgeError,
  type ForgeProject,
  parseRemote,
} from "../forge/index.ts";
import { listRemote, type Mirror, openMirror } from "../git/index.ts";
import type { Network } from "../http/index.ts";
import type { WorkEnvironment } from "./model.ts";

/** A repository that a run is about: its mirror, and the forge that it is on. */
export interface RunSource {
  readonly url: string;
  /** Up to date when it is opened. @throws {GitError} */
  mirror(): Promise<Mirror>;
  /** Asks Git whether the repository can be read, and no more. @throws {GitError} */
  reach(): Promise<void>;
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
  work: Pick<WorkEnvironment, "settings" | "environment" | "folder">,
  signal?: AbortSignal,
): RunSource {
  const { settings, environment, folder } = work;
  const connect = async (): Promise<SourceForge | undefined> => {
    const remote = parseRemote(url);
    if (remote === undefined) return undefined;
    try {
      const network = networkOf(work);
      const found = await connectForge(remote, {
        ...{ settings: settings.forges, environment, network, signal },
        readOnly: true,
      });
      if (found.credential === undefined) return undefined;
      const { path } = await found.forge.repository(remote.path);
      return { ...found, project: found.forge.project(path) };
    } catch (error) {
      if (error instanceof ForgeError && error.code === "forge-unknown") return undefined;
      throw error;
    }
  };
  const forge = once(connect);
  return {
    url,
    forge,
    async reach() {
      const credential = (await forge())?.credential;
      await listRemote(url, { credential, environment, signal });
    },
    mirror: once(async () => {
      // What everybody may read needs no forge that answers.
      const credential = (await forge().catch(() => undefined))?.credential;
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
  work: Pick<WorkEnvironment, "settings" | "environment" | "folder">,
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

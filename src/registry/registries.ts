import { WaybillError } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import { Company, defaultTiming, headerOf, type Timing, type Trace, untilAborted } from "../http/index.ts";
import { parseRepository, type RepositoryName, repositoryFault, splitRepository } from "../oci/index.ts";
import {
  defaultSettings,
  folderPrefix,
  type HostSettings,
  locate,
  type Settings,
} from "../settings/index.ts";
import type { CredentialStore } from "./credentials/credential.ts";
import { openCredentials } from "./credentials/credentials.ts";
import { canonicalHost } from "./credentials/key.ts";
import type { LoginOptions } from "./credentials/login.ts";
import { RegistryError } from "./errors.ts";
import type { RegistryEvent } from "./events.ts";
import { endpointOf } from "./host/endpoint.ts";
import { createHostClient, type HostClient } from "./host/host-client.ts";
import type { PaceOf } from "./host/quotas.ts";
import { openLayout } from "./layout/layout.ts";
import type { ImagePlace } from "./place.ts";
import { refusal } from "./remote/answer.ts";
import { catalogOf } from "./remote/catalog.ts";
import { HostedRepository } from "./remote/remote-repository.ts";
import type { Repository } from "./repository.ts";
import { demandLeave, type Ending, type HostWork, watching } from "./watched.ts";

/** How registries are reached, and who is told of requests. */
export interface RegistriesOptions extends Ending {
  /** {@link defaultSettings} when left out. */
  readonly settings?: Settings;
  /** Those that the user has for other tools ({@link openCredentials}) when left out. */
  readonly credentials?: CredentialStore;
  /** Where proxies and credentials are named; `process.env` when left out. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly listener?: Listener<RegistryEvent> | undefined;
  readonly trace?: Trace | undefined;
  /** The pace of each quota of a host, where it is shared with others; one of this process's own when left out. */
  readonly paceOf?: PaceOf | undefined;
  /**
   * Whether a host (`host` or `host:port`) may be at an address that only we reach. All may when it is left out; those that the
   * settings name always may.
   */
  readonly mayBePrivate?: ((host: string) => boolean) | undefined;
}

/** All registries of one run: one policy object per host, shared by all its repositories. */
export interface Registries {
  /** The repository of that name, where the settings' `locations` say it is. */
  repository(name: RepositoryName): Repository;
  /** The repository that somebody has named: as {@link repository} has it, or the image layout in a folder. */
  at(place: Pick<ImagePlace, "repository" | "folder">): Repository;
  /**
   * The repositories at and below a prefix (a host, or a host with a path), by the names they are asked for by: what
   * the catalog of the host lists where the settings' `locations` say that they are.
   * @param onMisnamed Is told of each name that is listed and that no repository may have.
   * @throws {RegistryError} `unsupported` where there is no catalog, as for folders.
   */
  catalog(prefix: string, onMisnamed?: () => void): AsyncIterable<RepositoryName>;
  /**
   * Asks a host for nothing but to be let in (distribution specification, "Determining Support").
   * @throws {RegistryError} when it does not let us in, or is no registry.
   */
  greet(host: string): Promise<void>;
  /** What repositories were asked for and have not answered. */
  underWay(): readonly HostWork[];
  close(): Promise<void>;
}

/**
 * The registries of a run, as settings, environment and the user's credentials describe them. Opens nothing yet: hosts are
 * connected to when their repositories are first used.
 * @param timing How long to wait for what; tests have less time.
 */
export function openRegistries(options: RegistriesOptions = {}, timing: Timing = defaultTiming): Registries {
  const { settings = defaultSettings, environment = process.env, trace, listener = () => {} } = options;
  const { credentials = openCredentials({ settings, environment, trace }) } = options;
  const hosts = new Map<string, HostClient>();
  const company = new Company(timing.firstBackoff);
  const repositories = new Map<string, Repository>();

  const settingsOf = (host: string): HostSettings | undefined =>
    settings.hosts[host] ?? settings.hosts[canonicalHost(host)];

  const isNamed = (host: string): boolean =>
    settingsOf(host) !== undefined || settings.locations.some(({ at }) => at.split("/", 1)[0] === host);

  const clientOf = (host: string): HostClient => {
    const own = settingsOf(host);
    const publicOnly = options.mayBePrivate !== undefined && !isNamed(host) && !options.mayBePrivate(host);
    const endpoint = { ...endpointOf(host, own), publicOnly };
    const known = hosts.get(endpoint.host);
    if (known !== undefined) return known;
    const client = createHostClient({
      endpoint,
      settingsOf: (other) => (other === endpoint.host ? own : settingsOf(other)),
      credentials,
      environment,
      trace,
      listener,
      timing,
      company,
      paceOf: options.paceOf,
      beforeWrite: options.mayWrite && (() => demandLeave(options)),
    });
    hosts.set(endpoint.host, client);
    return client;
  };

  const open = (name: RepositoryName): Repository => {
    const place = locate(settings.locations, name);
    if (place.kind === "folder") return openLayout(place.folder, name, { root: place.root });
    return new HostedRepository(clientOf(splitRepository(place.repository).host), name, place.repository);
  };

  const close = async (): Promise<void> => {
    await Promise.all([...hosts.values()].map((client) => client.close()));
  };
  const untilCut = untilAborted(options.cut, () => void close());
  const { watched, underWay } = watching(options, untilCut);

  const opened = (key: string, openNow: () => Repository): Repository => {
    const known = repositories.get(key);
    if (known !== undefined) return known;
    const repository = watched(openNow());
    repositories.set(key, repository);
    return repository;
  };
  const repository = (name: RepositoryName): Repository => opened(name, () => open(name));

  return {
    repository,
    at: ({ repository: name, folder }) =>
      folder === undefined
        ? repository(name)
        : opened(`${folderPrefix}${folder}`, () => openLayout(folder, name)),
    async *catalog(prefix, onMisnamed) {
      const { host, above } = catalogPlace(settings, prefix);
      try {
        for await (const path of catalogOf(clientOf(host))) {
          if (!`${path}/`.startsWith(above)) continue;
          const rest = path.slice(above.length);
          const name = rest === "" ? prefix : `${prefix}/${rest}`;
          if (!isRepository(name)) onMisnamed?.();
          else if (isAt(settings, name, `${host}/${path}`)) yield name;
        }
      } catch (error) {
        throw error instanceof WaybillError ? error.placedAt({ registry: host }) : error;
      }
    },
    async greet(host) {
      const client = clientOf(host);
      const { origin } = client.endpoint;
      const access = { path: "", scopes: [] };
      const url = new URL("/v2/", origin);
      const answer = await client.send({ kind: "token", method: "GET", url, access, where: host });
      if (answer.status !== 200) throw await refusal({ client, name: host, path: "" }, answer, "logging in");
      if (!/^text\/html\b/i.test(headerOf(answer, "content-type") ?? "")) return;
      throw new RegistryError(
        "unexpected-response",
        "it answers with a page for people, as no registry does",
        {
          where: host,
          hint: "look for a typing error in the host, and whether something before it wants a login of its own",
        },
      );
    },
    underWay,
    close,
  };
}

/** Shows a credential to a registry and to nobody else: what a login is tried by. */
export function loginAttempt(
  options: Omit<RegistriesOptions, "credentials">,
  timing?: Timing,
): LoginOptions["attempt"] {
  return async (host, credential) => {
    let isAsked = false;
    const lookup: CredentialStore["lookup"] = async (other) => {
      if (canonicalHost(other) !== host) return undefined;
      isAsked = true;
      return credential;
    };
    const registries = openRegistries({ ...options, credentials: { lookup } }, timing);
    try {
      await registries.greet(host);
      return isAsked;
    } finally {
      await registries.close();
    }
  };
}

/** The host that lists what is below a prefix, and the path there, with a slash unless it is empty. */
function catalogPlace(settings: Settings, prefix: string): { host: string; above: string } {
  // A registry may be a host without any path, which no repository is: what its images share is its place.
  const place = locate(settings.locations, parseRepository(`${prefix}/${anyImage}`));
  if (place.kind === "folder") {
    throw new RegistryError("unsupported", "a folder has no catalog of repositories", {
      where: `oci:${place.root}`,
    });
  }
  const { host, path } = splitRepository(place.repository);
  return { host, above: path.slice(0, -anyImage.length) };
}

const anyImage = "any-image";

function isRepository(name: string): name is RepositoryName {
  return repositoryFault(name) === undefined;
}

/** Whether the settings put a repository at this place, and not at another one with a location of its own. */
function isAt({ locations }: Settings, name: RepositoryName, place: string): boolean {
  const found = locate(locations, name);
  return found.kind === "remote" && found.repository === place;
}

import { z } from "zod";
import { parseRepository, type RepositoryName, repositoryFault, splitRepository } from "../oci/index.ts";
import { type HostSettings, locate, type Settings } from "../settings/index.ts";
import { readBody } from "./body.ts";
import type { CredentialStore } from "./credential.ts";
import { RegistryError } from "./errors.ts";
import type { RegistryListener } from "./events.ts";
import { endpointOf } from "./host/endpoint.ts";
import { createHostClient, type HostClient } from "./host/host-client.ts";
import { openLayout } from "./layout.ts";
import { nextPage, pages } from "./remote/pagination.ts";
import { createRemoteRepository } from "./remote/remote-repository.ts";
import type { Repository } from "./repository.ts";

/** How registries are reached, and who is told of requests. */
export interface RegistriesOptions {
  readonly settings: Settings;
  readonly credentials: CredentialStore;
  /** Where proxies are named; `process.env` by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly listener?: RegistryListener;
}

/** All registries of one run: one policy object per host, shared by all its repositories. */
export interface Registries {
  /** The repository of that name, where the settings' `locations` say it is. */
  repository(name: RepositoryName): Repository;
  /**
   * The repositories at and below a prefix (a host, or a host with a path), by the names they are asked for by: what
   * the catalog of the host lists where the settings' `locations` say that they are.
   * @throws {RegistryError} `unsupported` where there is no catalog, as for folders.
   */
  catalog(prefix: string): AsyncIterable<RepositoryName>;
  close(): Promise<void>;
}

const catalogSchema = z.object({ repositories: z.array(z.string()).nullish() });
const catalogBytes = 64 * 1024 * 1024;

/** Opens nothing yet: hosts are connected to when their repositories are first used. */
export function openRegistries(options: RegistriesOptions): Registries {
  const { settings, credentials, environment = process.env, listener = () => {} } = options;
  const hosts = new Map<string, HostClient>();
  const repositories = new Map<RepositoryName, Repository>();

  const clientOf = (host: string): HostClient => {
    const hostSettings: HostSettings = settings.hosts[host] ?? {};
    const endpoint = endpointOf(host, hostSettings);
    const known = hosts.get(endpoint.host);
    if (known !== undefined) return known;
    const client = createHostClient(endpoint, hostSettings, credentials, environment, listener);
    hosts.set(endpoint.host, client);
    return client;
  };

  const open = (name: RepositoryName): Repository => {
    const place = locate(settings.locations, name);
    if (place.kind === "folder") return openLayout(place.folder, name, { root: place.root });
    return createRemoteRepository(clientOf(splitRepository(place.repository).host), name, place.repository);
  };

  return {
    repository(name) {
      const known = repositories.get(name);
      if (known !== undefined) return known;
      const repository = open(name);
      repositories.set(name, repository);
      return repository;
    },
    async *catalog(prefix) {
      const { host, above } = catalogPlace(settings, prefix);
      for await (const path of catalogOf(clientOf(host))) {
        if (!`${path}/`.startsWith(above)) continue;
        const rest = path.slice(above.length);
        const name = rest === "" ? prefix : `${prefix}/${rest}`;
        if (isRepository(name) && isAt(settings, name, `${host}/${path}`)) yield name;
      }
    },
    async close() {
      await Promise.all([...hosts.values()].map((client) => client.close()));
    },
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

/** Paths of all repositories of a host. */
async function* catalogOf(client: HostClient): AsyncGenerator<string> {
  const { host, origin } = client.endpoint;
  const first = new URL("/v2/_catalog?n=1000", origin);
  const read = async (url: URL) => {
    const response = await client.send({ kind: "list", method: "GET", url, scopes: [] });
    const text = (await readBody(response.body, catalogBytes, host)).toString("utf8");
    if (response.status !== 200) {
      const message = `the registry does not list its repositories (${response.status})`;
      throw new RegistryError("unsupported", message, { where: host });
    }
    return { page: parseCatalog(text, host), next: nextPage(response, host) };
  };
  for await (const page of pages(first, host, read)) yield* page;
}

function parseCatalog(text: string, where: string): readonly string[] {
  try {
    return catalogSchema.parse(JSON.parse(text)).repositories ?? [];
  } catch (cause) {
    const message = "the registry's list of repositories is not what the specification says";
    throw new RegistryError("unexpected-response", message, { where, cause });
  }
}

function isRepository(name: string): name is RepositoryName {
  return repositoryFault(name) === undefined;
}

/** Whether the settings put a repository at this place, and not at another one with a location of its own. */
function isAt({ locations }: Settings, name: RepositoryName, place: string): boolean {
  const found = locate(locations, name);
  return found.kind === "remote" && found.repository === place;
}

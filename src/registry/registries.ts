import { z } from "zod";
import { isHost, parseRepository, type RepositoryName, splitRepository } from "../oci/index.ts";
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
  /** Paths of the repositories of a host, where it has a catalog. */
  catalog(host: string): AsyncIterable<string>;
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
    async *catalog(host) {
      if (!isHost(host))
        throw new RegistryError("unsupported", `${JSON.stringify(host)} is no registry host`);
      const client = clientOf(host);
      const first = new URL("/v2/_catalog?n=1000", client.endpoint.origin);
      const read = async (url: URL) => {
        const response = await client.send({ kind: "list", method: "GET", url, scopes: [] });
        const text = (await readBody(response.body, catalogBytes, host)).toString("utf8");
        if (response.status !== 200) {
          throw new RegistryError(
            "unsupported",
            `the registry does not list its repositories (${response.status})`,
            { where: host },
          );
        }
        const page = catalogSchema.parse(JSON.parse(text)).repositories ?? [];
        return { page, next: nextPage(response, host) };
      };
      for await (const page of pages(first, host, read))
        yield* page.filter((path) => isRepository(`${host}/${path}`));
    },
    async close() {
      await Promise.all([...hosts.values()].map((client) => client.close()));
    },
  };
}

function isRepository(name: string): boolean {
  try {
    parseRepository(name);
    return true;
  } catch {
    return false;
  }
}

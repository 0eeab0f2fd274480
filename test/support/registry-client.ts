import { onTestFinished } from "vitest";
import { defaultTiming, type Timing } from "../../src/http/timing.ts";
import { parseRepository } from "../../src/oci/index.ts";
import type { CredentialStore } from "../../src/registry/credentials/credential.ts";
import type { RegistryEvent, Repository } from "../../src/registry/index.ts";
import { openRegistries } from "../../src/registry/registries.ts";
import { defaultSettings, type HostSettings } from "../../src/settings/index.ts";
import { type Script, serve } from "./scripted-server.ts";

/** What a test changes about talking to a server. */
export interface ClientOptions {
  readonly settings?: HostSettings;
  readonly credentials?: CredentialStore;
  /** Where proxies are named. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Told of everything, as it happens. */
  readonly listener?: (event: RegistryEvent) => void;
  /** Instead of the usual times, of which the backoff and what lists of referrers take are short here. */
  readonly timing?: Partial<Timing>;
}

/** Registries of which one server is talked to in a way of its own, and everything that they report. */
export function clientOf(host: string, options: ClientOptions = {}) {
  const events: RegistryEvent[] = [];
  const registries = openRegistries(
    {
      settings: { ...defaultSettings, hosts: { [host]: options.settings ?? {} } },
      credentials: options.credentials ?? { lookup: async () => undefined },
      environment: options.environment ?? {},
      listener: (event) => {
        events.push(event);
        options.listener?.(event);
      },
    },
    { ...defaultTiming, firstBackoff: 1, maxBackoff: 5, settle: 20, ...options.timing },
  );
  return {
    registries,
    repository: (path = "team/app") => registries.repository(parseRepository(`${host}/${path}`)),
    /** A repository on another host. */
    repositoryAt: (other: string, path: string) => registries.repository(parseRepository(`${other}/${path}`)),
    /** The kinds of the requests that were answered. */
    requests: () => events.flatMap((event) => (event.type === "request" ? [event.kind] : [])),
    retries: () => events.flatMap((event) => (event.type === "retry" ? [event.reason] : [])),
    faults: () => events.flatMap((event) => (event.type === "retry" ? [event.fault] : [])),
    unanswered: () => events.filter((event) => event.type === "unanswered"),
    pauses: () => events.filter((event) => event.type === "waiting"),
    close: () => registries.close(),
  };
}

/** A server that answers as a test wants it to, and registries that talk to it in their own way; all end with the test. */
export async function openScripted(script: Script, options: ClientOptions = {}) {
  const server = await serve(script);
  const client = clientOf(server.host, options);
  onTestFinished(client.close);
  return { ...client, server };
}

/** A repository that does some things in another way. */
export function withOwn(repository: Repository, own: Partial<Repository>): Repository {
  return new Proxy(repository, {
    get: (target, property) => Reflect.get(property in own ? own : target, property),
  });
}

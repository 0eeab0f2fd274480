import type { AccessSettings } from "../access/index.ts";
import type { DatabaseAddress } from "../database/index.ts";
import type { NotificationSettings } from "../notifications/index.ts";
import type { CredentialSources } from "../registry/index.ts";
import type { JobsPlace, Settings } from "../settings/index.ts";
import type { RetentionRule } from "../store/index.ts";
import type { WebhookSource } from "../webhooks/index.ts";
import type { Log } from "./log.ts";

/** What a process does of all that a server does. */
export const serverRoles = ["web", "scheduler", "worker"] as const;

/**
 * - `web` answers requests: the API, deliveries of webhooks.
 * - `scheduler` looks at remotes, pull requests and the clock, and keeps order among runs and records.
 * - `worker` carries runs out.
 */
export type ServerRole = (typeof serverRoles)[number];

/** What a server is told, all of it settled. */
export interface ServeOptions {
  readonly version: string;
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  /** What rules of credentials and references to secrets mean, for all who use them in this process. */
  readonly credentialSources: CredentialSources;
  readonly roles: ReadonlySet<ServerRole>;
  /** A folder of this machine, absolute. */
  readonly data: string;
  readonly database: DatabaseAddress;
  /** A folder, or `s3://BUCKET/PREFIX`. */
  readonly objects: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** By the address that is listened at when it is left out. */
  readonly publicUrl: URL | undefined;
  /** Addresses and networks of proxies that are believed about where a request comes from. */
  readonly trustedProxies: readonly string[];
  readonly jobs: JobsPlace;
  readonly concurrency: number;
  readonly capacities: Readonly<Record<string, number>>;
  readonly retention: readonly RetentionRule[];
  readonly webhooks: readonly WebhookSource[];
  readonly access: AccessSettings;
  readonly notifications: NotificationSettings;
  /** Milliseconds that runs get to end what they have begun, when the process stops. */
  readonly grace: number;
  /** Milliseconds for which it still answers when it stops and says that it is not ready: until nobody sends requests here any more. */
  readonly drain: number;
  readonly log: Log;
}

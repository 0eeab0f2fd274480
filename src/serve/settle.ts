import { dirname, join, resolve } from "node:path";
import { accessShape, closedAccess } from "../access/index.ts";
import type { DatabaseAddress } from "../database/index.ts";
import { noNotifications, notificationsShape } from "../notifications/index.ts";
import { type CredentialSources, openCredentialSources } from "../registry/index.ts";
import type { Shape } from "../schema/index.ts";
import { SecretError, type SecretSetting } from "../secrets/index.ts";
import { filePath, readSection, type WrittenSection } from "../settings/index.ts";
import type { WebhookSource } from "../webhooks/index.ts";
import { ServeError } from "./errors.ts";
import type { Log } from "./log.ts";
import { type ServeOptions, type ServerRole, serverRoles } from "./options.ts";

/** What a command line says, which goes before the settings. */
export interface GivenOptions extends Pick<ServeOptions, "version" | "settings" | "environment" | "grace"> {
  /** Where data is when nobody says it, absolute. */
  readonly usualData: string;
  readonly data?: string | undefined;
  /** A URL. */
  readonly database?: string | undefined;
  readonly roles?: readonly ServerRole[] | undefined;
  readonly listen?: ServeOptions["listen"] | undefined;
  readonly publicUrl?: string | undefined;
  /** A folder. */
  readonly jobs?: string | undefined;
  readonly concurrency?: number | undefined;
  readonly log: Log;
}

const usualConcurrency = 4;
const usualListen = { host: "127.0.0.1", port: 8080 };
/** What people know a server by when nobody says it. */
export const usualUrl = `http://${usualListen.host}:${usualListen.port}`;
/** The folder of job files where nobody names one, as for other commands. */
const usualJobs = "jobs";

/**
 * All that a server needs to know, of the command line, the settings and the environment, in this order, else as a laptop needs it.
 * Secrets are read.
 * @throws {ServeError}, {@link SettingsError}.
 */
export async function settleOptions(given: GivenOptions): Promise<ServeOptions> {
  const { version, settings, environment, grace, log } = given;
  const { serve } = settings;
  const data = dataOf(given);
  const publicUrl = given.publicUrl ?? serve.publicUrl;
  const credentialSources = openCredentialSources({ settings, environment });
  return {
    ...{ version, settings, environment, credentialSources, grace, log, data },
    roles: new Set(given.roles ?? serverRoles),
    database: await settleDatabase(given),
    objects: serve.objects ?? data,
    listen: given.listen ?? (serve.listen === undefined ? usualListen : addressOf(serve.listen)),
    publicUrl: publicUrl === undefined ? undefined : new URL(publicUrl),
    trustedProxies: serve.trustedProxies ?? [],
    jobs:
      given.jobs === undefined
        ? (serve.jobs ?? { folder: resolve(usualJobs) })
        : { folder: resolve(given.jobs) },
    drain: Math.min((serve.drainSeconds ?? 0) * 1000, grace),
    concurrency: given.concurrency ?? serve.concurrency ?? usualConcurrency,
    capacities: serve.capacities ?? {},
    retention: serve.retention ?? [],
    webhooks: await Promise.all(
      Object.entries(serve.webhooks ?? {}).map(
        async ([name, secrets]): Promise<WebhookSource> => ({
          name,
          secrets: await Promise.all(
            secrets.map((secret) => secretOf(secret, `serve.webhooks.${name}`, credentialSources)),
          ),
        }),
      ),
    ),
    access: sectionOf(serve.access, accessShape, closedAccess),
    notifications: sectionOf(serve.notifications, notificationsShape, noNotifications),
  };
}

/** What a section says that is read here. @throws {SettingsError} */
export function sectionOf<Value>(
  section: WrittenSection | undefined,
  shape: (path: Shape<string>) => Shape<Value>,
  missing: Value,
): Value {
  if (section === undefined) return missing;
  const folder = dirname(resolve(section.where.replace(/:\d+$/, "")));
  return readSection(section, shape(filePath(folder, "A file.")));
}

function dataOf({
  data,
  usualData,
  settings,
}: Pick<GivenOptions, "data" | "usualData" | "settings">): string {
  return data === undefined ? (settings.serve.data ?? usualData) : resolve(data);
}

/**
 * Which database a server has.
 * @throws {ServeError} `invalid-database`, `secret-missing`.
 */
export async function settleDatabase(
  given: Pick<GivenOptions, "database" | "environment" | "settings" | "data" | "usualData">,
): Promise<DatabaseAddress> {
  const { database, environment, settings } = given;
  const { serve } = settings;
  const url =
    database ??
    (environment.WAYBILL_DATABASE || undefined) ??
    serve.database ??
    (await keptDatabase(serve, openCredentialSources({ settings, environment })));
  if (url === undefined) return { folder: join(dataOf(given), "database") };
  if (/^postgres(?:ql)?:\/\//.test(url)) return { url };
  throw new ServeError("invalid-database", "what is named is no URL of a PostgreSQL server", {
    hint: "such as postgres://user@host/waybill; without one, a database is kept in the data folder",
  });
}

function addressOf(text: string): ServeOptions["listen"] {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}

/** The URL of a database that is kept as a secret. */
async function keptDatabase(
  { databaseFile: file, databaseFrom: reference }: GivenOptions["settings"]["serve"],
  sources: CredentialSources,
): Promise<string | undefined> {
  if (file === undefined && reference === undefined) return undefined;
  return secretOf(
    { file, reference },
    file === undefined ? "serve.databaseFrom" : "serve.databaseFile",
    sources,
  );
}

/** A secret, without the line end of its file. @throws {ServeError} `secret-missing`. */
export async function secretOf(
  place: SecretSetting,
  what: string,
  { secrets }: Pick<CredentialSources, "secrets">,
): Promise<string> {
  return secrets.read(place).catch((cause: unknown) => {
    if (!(cause instanceof SecretError)) throw cause;
    const { message, where, hint = "put it there, and nothing else; only this server need read it" } = cause;
    throw new ServeError("secret-missing", `the secret of ${what} cannot be had: ${message}`, {
      ...{ where, hint, cause },
    });
  });
}

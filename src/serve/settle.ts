import { dirname, join, resolve } from "node:path";
import { accessShape, closedAccess, type SecretPlace } from "../access/index.ts";
import type { DatabaseAddress } from "../database/index.ts";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { noNotifications, notificationsShape } from "../notifications/index.ts";
import type { Shape } from "../schema/index.ts";
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
/** The folder of job files where nobody names one, as for other commands. */
const usualJobs = "jobs";
const maxSecretBytes = 64 * 1024;

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
  return {
    ...{ version, settings, environment, grace, log, data },
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
            secrets.map((secret) => secretOf(secret, `serve.webhooks.${name}`, environment)),
          ),
        }),
      ),
    ),
    access: sectionOf(serve.access, accessShape, closedAccess),
    notifications: sectionOf(serve.notifications, notificationsShape, noNotifications),
  };
}

/** What a section says that is read here. @throws {SettingsError} */
function sectionOf<Value>(
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
  const { database, environment } = given;
  const { serve } = given.settings;
  const url =
    database ??
    (environment.WAYBILL_DATABASE || undefined) ??
    serve.database ??
    (serve.databaseFile === undefined
      ? undefined
      : await secretOf({ file: serve.databaseFile }, "serve.databaseFile", environment));
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

/** A secret, without the line end of its file. @throws {ServeError} `secret-missing`. */
export async function secretOf(
  { file, variable }: SecretPlace,
  what: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const where = file ?? `$${variable}`;
  const missing = (reason: string, cause?: unknown): ServeError =>
    new ServeError("secret-missing", `the secret of ${what} ${reason}`, {
      where,
      hint: "put it there, and nothing else; only this server need read it",
      cause,
    });
  if (file === undefined) {
    const value = variable === undefined ? undefined : environment[variable];
    if (value) return value;
    throw missing("is not in the environment");
  }
  const found = await readNamed(file, maxSecretBytes).catch((error: unknown) => {
    const code = errorCodeOf(error);
    throw missing(code === "ENOENT" ? "is not there" : "cannot be read", error);
  });
  const text = new TextDecoder().decode(found.bytes).replace(/\r?\n$/, "");
  if (text !== "") return text;
  throw missing("is empty");
}

import type { DatabaseAddress } from "../database/index.ts";
import type { ServerBackup } from "../serve/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder, withDataFolder } from "./recorded.ts";
import { withConnection, withServer } from "./server.ts";
import type { Session } from "./session.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const withDatabase = (command: Blank) =>
  withDataFolder(command).addOption(
    how.common("--database <url>", "a PostgreSQL server, in place of the embedded database"),
  );

const defineBackup = (command: Blank) =>
  withServer(withDatabase(command)).argument("<file>", "where the backup goes");

export const serveBackup = verb({
  name: "backup",
  summary: "write all that the database of a server has into a file",
  examples: [
    [
      "waybill serve backup waybill.backup --server http://127.0.0.1:8080",
      "by a server that runs; for an admin",
    ],
    ["waybill serve backup waybill.backup", "the embedded database, while no server runs"],
    ["waybill serve backup --database postgres://waybill@db/waybill waybill.backup", "while servers run"],
  ],
  exits: {
    [exitCodes.asDesired]: "the file has all of it, as it was at one moment",
    [exitCodes.nothingDone]: "it could not be made; what had the name before is as it was",
  },
  page: "database.md",
  define: defineBackup,
  async run(session: Session, file: string, options: OptionsOf<typeof defineBackup>): Promise<ExitCode> {
    const made = await backUp(session, file, options);
    return say(session, made, `${inWords(made)} of ${made.where} are in ${file}`);
  },
});

async function backUp(
  session: Session,
  file: string,
  { server: url, ...place }: OptionsOf<typeof defineBackup>,
): Promise<ServerBackup> {
  if (url === undefined) {
    const { backupServer } = await import("../serve/index.ts");
    return backupServer(await addressOf(session, place), file);
  }
  if (place.database !== undefined || place.dataDir !== undefined) {
    throw new UsageError("--server, --database and --data-dir name different places", "give one of them");
  }
  return withConnection(session, url, async (server) => {
    const { fetchBackup } = await import("../client/index.ts");
    return { where: server.url, ...(await fetchBackup(server, file)) };
  });
}

const defineRestore = (command: Blank) => withDatabase(command).argument("<file>", "a backup");

export const serveRestore = verb({
  name: "restore",
  summary: "put a backup where no database is yet",
  description: "put a backup into an empty database, or into a folder that has none yet",
  examples: [
    ["waybill serve restore waybill.backup --data-dir /srv/new", "into a new folder"],
    ["waybill serve restore waybill.backup --database postgres://waybill@db/waybill", "or to a server"],
  ],
  exits: {
    [exitCodes.asDesired]: "all of it is there",
    [exitCodes.nothingDone]: "nothing of it is",
  },
  page: "database.md",
  define: defineRestore,
  async run(session: Session, file: string, options: OptionsOf<typeof withDatabase>): Promise<ExitCode> {
    const { restoreServer } = await import("../serve/index.ts");
    const restored = await restoreServer(await addressOf(session, options), file);
    return say(session, restored, `${inWords(restored)} of ${file} are in ${restored.where}`);
  },
});

async function addressOf(
  session: Session,
  { database, dataDir: data }: OptionsOf<typeof withDatabase>,
): Promise<DatabaseAddress> {
  const { settleDatabase } = await import("../serve/index.ts");
  const [settings, usualData] = [await session.settings(), await dataFolder(session, undefined)];
  return settleDatabase({ settings, environment: session.env, usualData, data, database });
}

function inWords({ rows, tables }: ServerBackup): string {
  return `${rows} rows of ${tables} tables`;
}

async function say(session: Session, made: ServerBackup, text: string): Promise<ExitCode> {
  await deliver(session, { text: ({ print }) => print(text), json: () => asJson(made) });
  return exitCodes.asDesired;
}

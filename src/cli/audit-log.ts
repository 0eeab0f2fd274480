import type { AuditVerdict } from "../access/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder, withDataFolder } from "./recorded.ts";
import { withConnection, withServer } from "./server.ts";
import type { Session } from "./session.ts";
import { type Blank, family, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withDataFolder(withServer(command))
    .addOption(how.common("--database <url>", "a PostgreSQL server, in place of the embedded database"))
    .addOption(
      how.common(
        "--head <head>",
        "an end of the log that was noted earlier, as NUMBER:HASH; it has to be there",
      ),
    );

const verify = verb({
  name: "verify",
  summary: "say whether the log of who did what is as it was written",
  description:
    "read the whole log of who did what, and say whether anything was changed, removed or reordered",
  examples: [
    ["waybill audit-log verify --server https://waybill.example.org", "by a server that runs; for an admin"],
    ["waybill audit-log verify", "in the data folder of a server that is stopped"],
    [
      "waybill audit-log verify --database postgres://waybill@db/waybill --head 812:4be1…",
      "up to a noted end",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "nothing was changed; its end is printed, to be noted elsewhere",
    [exitCodes.nothingDone]: "it could not be read",
    [exitCodes.notAsDesired]: "something was changed, removed or reordered",
  },
  page: "access.md",
  define,
  run: verifyLog,
});

export const auditLog = family({
  name: "audit-log",
  summary: "the log of who did what at a server",
  examples: verify.examples,
  page: "access.md",
  below: [verify],
});

async function verifyLog(session: Session, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const { formatHead } = await import("../access/index.ts");
  const { entries, head, fault } = await verdictOf(session, options);
  await deliver(session, {
    text: async (terminal) => {
      if (fault === undefined) terminal.print(`${entries} entries, none changed, removed or reordered`);
      else terminal.print(`${fault.kind}: ${fault.message}`);
      if (fault === undefined && head !== undefined) {
        terminal.print(formatHead(head));
        terminal.note("keep this line elsewhere: --head says later whether all up to it is still as it was");
      }
    },
    json: () => asJson({ format: "waybill-audit-verdict/1", entries, head, fault }),
  });
  return fault === undefined ? exitCodes.asDesired : exitCodes.notAsDesired;
}

async function verdictOf(session: Session, options: OptionsOf<typeof define>): Promise<AuditVerdict> {
  const { server: url, database, dataDir, head: written } = options;
  const { parseHead, verifyAuditLog } = await import("../access/index.ts");
  const head = written === undefined ? undefined : parseHead(written);
  if (written !== undefined && head === undefined) {
    throw new UsageError("--head is the end of a log", "write it as it was printed: NUMBER:HASH");
  }
  if ([url, database, dataDir].filter((place) => place !== undefined).length > 1) {
    throw new UsageError("--server, --database and --data-dir name different places", "give one of them");
  }
  if (url !== undefined) {
    return withConnection(session, url, async (server) => {
      const { auditVerdict } = await import("../client/index.ts");
      return auditVerdict(server, written);
    });
  }
  const { DatabaseError, openDatabase } = await import("../database/index.ts");
  const { join } = await import("node:path");
  const folder = join(await dataFolder(session, dataDir), "database");
  const address = database === undefined ? { folder } : { url: database };
  const db = await openDatabase(address).catch((error: unknown) => {
    if (!(error instanceof DatabaseError) || error.code !== "locked") throw error;
    const hint = "a server that runs is asked itself: waybill audit-log verify --server URL";
    throw new DatabaseError("locked", error.message, { where: error.where, hint, cause: error });
  });
  try {
    return await verifyAuditLog(db, { noted: head });
  } finally {
    await db.close();
  }
}

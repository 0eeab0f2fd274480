import { resolve } from "node:path";
import type { Database } from "../../database/index.ts";
import { eventsArtifact, type RunEnd, type TimedRun } from "../model.ts";
import { checkJobName, placeOfRun } from "../prow/places.ts";
import { recordFiles } from "../prow/record.ts";
import { adoptRuns } from "./adopt.ts";
import { type Context, drainOwn } from "./context.ts";
import { findRow } from "./find.ts";
import { keepEnded } from "./keep.ts";
import { listRuns } from "./list.ts";
import type { RecordEnds, RunDatabase } from "./model.ts";
import type { RunDatabaseOptions } from "./open.ts";
import { bytesOfStream } from "./read-stream.ts";
import { retain } from "./retain.ts";
import { type RecordRow, recordOf } from "./rows.ts";
import { closeRecord, startRun } from "./start.ts";
import { streams } from "./streams.ts";
import { openFollowers } from "./tail.ts";
import { timesOf } from "./times.ts";

/** The runs in a database. */
export function runDatabase(db: Database, { objects, spool }: RunDatabaseOptions): RunDatabase {
  const context: Context = { db, objects, spool: resolve(spool), underWay: new Map() };
  const followers = openFollowers(context);
  return {
    where: objects.where,
    async start(request) {
      checkJobName(request.job);
      // Refs that make no folder are refused before anything is written.
      placeOfRun(request, "0");
      return startRun(context, request);
    },
    find: async (name) => storedRun(context, await findRow(context, name)),
    list: (query) => listRuns(context, query),
    follow: (id, { what = "log", from = 0, onMore }) =>
      followers.follow({ id, name: what === "log" ? "log" : "event" }, from, onMore),
    ...recordEnds,
    keepEnded: () => keepEnded(context),
    adopt: () => adoptRuns(context),
    retain: (rules, options) => retain(context, rules, options),
    async release() {
      const own = [...context.underWay.values()];
      // What cannot be brought now stays in the files of this machine.
      await Promise.allSettled(own.map(({ drained }) => drained()));
      for (const { abandon } of own) abandon();
      await followers.release();
    },
  };
}

/** What of the runs needs the database alone. */
export const recordEnds: RecordEnds = {
  close: (sql, id, end) => closeRecord(sql, id, end, new Date()),
  async endOf(sql, id, attempt) {
    const [row] = await sql.query<{ result: RunEnd["result"]; revision: string | null }>(
      `SELECT result, finished ->> 'revision' AS revision FROM run_record
        WHERE id = $1 AND attempt = $2 AND result <> 'PENDING'`,
      [id, attempt],
    );
    return row && { result: row.result, revision: row.revision ?? undefined };
  },
};

const maxArtifacts = 10_000;

function storedRun(context: Context, row: RecordRow): TimedRun {
  const { db, objects } = context;
  const { id, place } = row;
  const folder = `${place}/${recordFiles.artifacts}/`;
  const written = (): Promise<void> => drainOwn(context, id);
  const hasEvents = async () => {
    await written();
    const [found] = await db.query<{ bytes: string }>(
      "SELECT event_bytes AS bytes FROM run_record WHERE id = $1",
      [id],
    );
    return Number(found?.bytes ?? 0) > 0;
  };
  return {
    record: recordOf(row, objects.where),
    async *log(from = 0) {
      await written();
      yield* bytesOfStream(db, objects, { id, name: "log" }, from);
    },
    logTimes: (from, to) => timesOf(context, { id, place }, from, to),
    async *events(from) {
      if (await hasEvents()) yield* bytesOfStream(db, objects, { id, name: "event" }, from);
    },
    async artifacts() {
      const found = new Set<string>();
      for await (const { path } of objects.list(folder, { isDeep: true })) {
        if (found.size >= maxArtifacts) break;
        found.add(path.slice(folder.length));
      }
      if (await hasEvents()) found.add(eventsArtifact);
      return [...found].sort();
    },
    async artifact(path) {
      const steps = path.split("/");
      if (steps.some((step) => step === "" || step === "." || step === "..")) return undefined;
      if (`${recordFiles.artifacts}/${path}` === streams.event.path && (await hasEvents())) {
        return bytesOfStream(db, objects, { id, name: "event" }, 0);
      }
      return (await objects.get(`${folder}${path}`))?.body;
    },
  };
}

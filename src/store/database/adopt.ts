import pLimit from "p-limit";
import { documentsAt, jobsInBucket, type PlacedRun, runsOfJob } from "../prow/bucket.ts";
import { readDocuments, recordFiles } from "../prow/record.ts";
import type { Context } from "./context.ts";
import { fits } from "./find.ts";
import { streams } from "./streams.ts";

/** Runs whose documents are read at the same time. */
const atOnce = 8;

/** Makes runs known that the objects have and the database has not, if they have ended. @returns How many. */
export async function adoptRuns(context: Context): Promise<number> {
  const { db, objects } = context;
  let adopted = 0;
  for (const job of await jobsInBucket(objects)) {
    const rows = await db.query<{ id: string }>("SELECT id FROM run_record WHERE job = $1", [job]);
    const known = new Set(rows.map(({ id }) => id));
    const placed = await runsOfJob(objects, job, new Date(0));
    const unknown = placed.filter(({ id }) => fits(id) && !known.has(id));
    const done = await pLimit(atOnce).map(unknown, (run) => adopt(context, run));
    adopted += done.filter(Boolean).length;
  }
  return adopted;
}

/** `false` for a run that may go on, and for one whose id another run has. */
async function adopt({ db, objects }: Context, { id, job, place }: PlacedRun): Promise<boolean> {
  const documents = await documentsAt(objects, place);
  if (documents.finished === undefined) return false;
  const { startedAt, finishedAt, result } = readDocuments(id, documents);
  const sizes = { [streams.log.path]: 0, [streams.event.path]: 0, artifacts: 0 };
  for await (const { path, size = 0 } of objects.list(`${place}/`, { isDeep: true })) {
    const own = path.slice(place.length + 1);
    if (own in sizes) sizes[own] = size;
    else if (own.startsWith(`${recordFiles.artifacts}/`)) sizes.artifacts += size;
  }
  const at = finishedAt ?? startedAt ?? new Date(0);
  const { started = {}, finished, prowJob = {} } = documents;
  const rows = await db.query(
    `INSERT INTO run_record (id, job, place, attempt, is_queued, result, started, prow_job, finished, began_at, ended_at, seen_at,
                             log_bytes, kept_log_bytes, event_bytes, kept_event_bytes, artifact_bytes, is_spooled, is_kept)
     VALUES ($1, $2, $3, 1, false, $4, $5, $6, $7, $8, $9, $9, $10, $10, $11, $11, $12, false, true)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [
      ...[id, job, place, result],
      ...[started, prowJob, finished].map((document) => JSON.stringify(document)),
      ...[startedAt ?? at, at, sizes[streams.log.path], sizes[streams.event.path], sizes.artifacts],
    ],
  );
  return rows.length > 0;
}

import { directoryOfPlace } from "../prow/places.ts";
import { recordFiles } from "../prow/record.ts";
import type { Context } from "./context.ts";
import { jobsOf } from "./find.ts";
import type { RemovedRuns } from "./model.ts";
import { type RetainedRun, type RetentionRule, ruleFor, runsToRemove } from "./retention.ts";

interface PlacedRecord extends RetainedRun {
  readonly place: string;
}

/** Removes what the rules say, job by job, the oldest first. */
export async function retain(
  context: Context,
  rules: readonly RetentionRule[],
  { held = new Set<string>(), now = new Date() }: { held?: ReadonlySet<string>; now?: Date } = {},
): Promise<RemovedRuns> {
  let [runs, bytes] = [0, 0];
  for (const job of await jobsOf(context)) {
    const rule = ruleFor(job, rules);
    if (rule === undefined) continue;
    const removed = runsToRemove(await runsOf(context, job), rule, { held, now }).toReversed();
    for (const run of removed) {
      await remove(context, job, run);
      runs += 1;
      bytes += run.bytes;
    }
  }
  return { runs, bytes };
}

async function runsOf({ db }: Context, job: string): Promise<readonly PlacedRecord[]> {
  const rows = await db.query<{
    id: string;
    place: string;
    ended_at: Date | null;
    is_kept: boolean;
    bytes: number;
  }>(
    `SELECT id, place, is_kept, CASE WHEN result <> 'PENDING' THEN ended_at END AS ended_at,
            (log_bytes + event_bytes + artifact_bytes)::float8 AS bytes
       FROM run_record WHERE job = $1 ORDER BY id DESC`,
    [job],
  );
  return rows.map(({ id, place, ended_at, is_kept, bytes }) => ({
    ...{ id, place, bytes, isKept: is_kept },
    endedAt: ended_at ?? undefined,
  }));
}

/** Removes a run so that nobody is led to half of one; what a crash leaves goes the next time, for the row goes last. */
async function remove({ db, objects }: Context, job: string, { id, place }: PlacedRecord): Promise<void> {
  const directory = directoryOfPlace(place, job);
  if (!place.startsWith(`${directory}/`)) await objects.delete(`${directory}/${id}.txt`);
  const finished = `${place}/${recordFiles.finished}`;
  for await (const { path } of objects.list(`${place}/`, { isDeep: true })) {
    if (path !== finished) await objects.delete(path);
  }
  // Without it, what is left would look like a run that goes on.
  await objects.delete(finished);
  await db.transaction(async (sql) => {
    const gone = await sql.query("DELETE FROM run_record WHERE id = $1 AND is_kept RETURNING id", [id]);
    if (gone.length > 0) await sql.query("DELETE FROM run_chunk WHERE run = $1", [id]);
  });
}

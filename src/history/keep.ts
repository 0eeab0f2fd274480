import { type Database, jsonText, type Sql } from "../database/index.ts";
import { messageOf } from "../errors/index.ts";
import { isAskedFor } from "../production/index.ts";
import type { QueuedRun } from "../queue/index.ts";
import { RunError, type RunStore } from "../store/index.ts";
import type { ImageEvent, RunStory, TellingRun, ToldPull } from "./model.ts";
import { storyOf } from "./story.ts";

/** Kinds of runs that do something to images. */
const tellingKinds: ReadonlySet<string> = new Set(["build", "propose", "review", "promote", "verify"]);

/** Rows of one statement. */
const batch = 500;
/** Runs that are told in one pass. */
const runsAtOnce = 50;
/** Looks at a record without what it should have: it may be on its way to where it is kept. */
const maxTries = 5;

/**
 * Notes that what a run has done to images is to be told. To be called in the transaction in which it ends: it is not forgotten, whoever
 * dies afterwards.
 */
export async function noteToldRun(
  sql: Sql,
  run: Pick<
    QueuedRun,
    "id" | "job" | "kind" | "repo" | "commit" | "pull" | "endedAt" | "details" | "attempt"
  >,
): Promise<void> {
  if (!tellingKinds.has(run.kind) || run.attempt === 0) return;
  const commit = typeof run.details?.revision === "string" ? run.details.revision : run.commit;
  await sql.query(
    `INSERT INTO history_run (run, job, kind, repo, commit, pull, ended_at, due)
     VALUES ($1, $2, $3, $4, $5, $6, $7, now()) ON CONFLICT (run) DO NOTHING`,
    [run.id, run.job, run.kind, run.repo, commit, run.pull, run.endedAt ?? new Date()],
  );
}

interface DueRow {
  readonly run: string;
  readonly job: string;
  readonly kind: string;
  readonly repo: string | null;
  readonly commit: string | null;
  readonly pull: number | null;
  readonly ended_at: Date;
  readonly tries: number;
}

/**
 * Tells what ended runs have done to images, as their records have it. Doing it again changes nothing.
 * @returns How many runs were told. Throws what the first failed with whose record could not be read: it is read again later, and holds up
 * no other run.
 */
export async function tellEndedRuns(db: Database, runs: Pick<RunStore, "find">): Promise<number> {
  const due = await db.query<DueRow>(
    `SELECT run, job, kind, repo, commit, pull, ended_at, tries FROM history_run
     WHERE due <= now() ORDER BY run LIMIT ${runsAtOnce}`,
  );
  let told = 0;
  const failures: unknown[] = [];
  for (const row of due) {
    try {
      if (await tell(db, runs, row)) told += 1;
    } catch (error) {
      failures.push(error);
      await putOff(db, row, messageOf(error));
    }
  }
  const [first] = failures;
  if (first !== undefined) throw first;
  return told;
}

/** Has the records of all runs read anew, as far as they are kept. @returns How many runs that is. */
export async function retellRuns(sql: Sql): Promise<number> {
  const rows = await sql.query(
    "UPDATE history_run SET due = now(), tries = 0, why = NULL WHERE due IS NULL RETURNING run",
  );
  return rows.length;
}

async function tell(db: Database, runs: Pick<RunStore, "find">, row: DueRow): Promise<boolean> {
  const run = runOf(row);
  const stored = await runs.find(`${run.job}/${run.id}`).catch((error: unknown) => {
    if (error instanceof RunError && error.code === "unknown-run") return undefined;
    throw error;
  });
  const story = stored && (await storyOf(run, stored));
  if (story === undefined && stored !== undefined && row.tries + 1 < maxTries) {
    await putOff(db, row, undefined);
    return false;
  }
  await db.transaction(async (sql) => {
    if (story !== undefined) await write(sql, run, story);
    await sql.query(
      "UPDATE history_run SET due = NULL, why = $2, commit = coalesce($3, commit) WHERE run = $1",
      [run.id, story === undefined ? "its record does not say it" : story.why, story?.commit],
    );
  });
  return true;
}

/** A minute later at first, an hour in the end. */
async function putOff(sql: Sql, { run, tries }: DueRow, why: string | undefined): Promise<void> {
  const minutes = Math.min(60, 2 ** Math.min(tries, 6));
  await sql.query(
    `UPDATE history_run SET tries = tries + 1, due = now() + $2 * interval '1 minute', why = $3 WHERE run = $1`,
    [run, minutes, why?.slice(0, 500)],
  );
}

function runOf({ run: id, job, kind, repo, commit, pull, ended_at: endedAt }: DueRow): TellingRun {
  return {
    ...{ id, job, kind, endedAt },
    ...{ repo: repo ?? undefined, commit: commit ?? undefined, pull: pull ?? undefined },
  };
}

async function write(
  sql: Sql,
  run: TellingRun,
  { events, mirrors, projects, pull }: RunStory,
): Promise<void> {
  if (pull !== undefined) await writePull(sql, run, pull);
  for (const rows of inBatches([...mirrors].map(([name, image]) => ({ name, image })))) {
    await sql.query(
      `INSERT INTO history_mirror (name, image)
       SELECT name, image FROM jsonb_to_recordset($1::jsonb) AS told (name text, image text)
       ON CONFLICT DO NOTHING`,
      [jsonText(rows)],
    );
  }
  for (const rows of inBatches(events)) await writeEvents(sql, run, await withImages(sql, rows));
  for (const rows of inBatches([...(projects ?? [])].map(([name, project]) => ({ name, project })))) {
    await sql.query(
      `UPDATE history_image SET project = told.project
       FROM jsonb_to_recordset($1::jsonb) AS told (name text, project text)
       WHERE history_image.name = told.name AND history_image.project IS DISTINCT FROM told.project`,
      [jsonText(rows)],
    );
  }
}

/**
 * Events with the images that they are about: a pull request names an image without its registry, a verification the repository where
 * something was found.
 */
async function withImages(sql: Sql, events: readonly ImageEvent[]): Promise<readonly ImageEvent[]> {
  const named = events.filter(({ kind }) => kind === "proposed" || kind === "found");
  if (named.length === 0) return events;
  const rows = await sql.query<{ name: string; digest: string; image: string }>(
    `SELECT told.name, told.digest, found.image
     FROM jsonb_to_recordset($1::jsonb) AS told (name text, digest text) CROSS JOIN LATERAL (
       SELECT image FROM history_mirror WHERE history_mirror.name = told.name
       UNION ALL
       SELECT image FROM history_event WHERE history_event.digest = told.digest
         AND right(history_event.image, length(told.name) + 1) = '/' || told.name
       LIMIT 1
     ) AS found`,
    [jsonText(named.map(({ image: name, digest }) => ({ name, digest })))],
  );
  const found = new Map(rows.map(({ name, digest, image }) => [`${name}@${digest}`, image]));
  return events.map((event) => ({
    ...event,
    image: found.get(`${event.image}@${event.digest}`) ?? event.image,
  }));
}

async function writeEvents(sql: Sql, run: TellingRun, events: readonly ImageEvent[]): Promise<void> {
  const rows = jsonText(events);
  const values = [rows, run.id, run.endedAt];
  // Runs are told in any order: what is told first need not have come first.
  await sql.query(
    `INSERT INTO history_event AS kept (image, digest, kind, key, run, at, last_run, last_at, details)
     SELECT DISTINCT ON (image, digest, kind, key) image, digest, kind, key, $2::bigint, $3::timestamptz, $2::bigint, $3::timestamptz, details
     FROM jsonb_to_recordset($1::jsonb) AS told (image text, digest text, kind text, key text, details jsonb)
     ON CONFLICT (image, digest, kind, key) DO UPDATE SET
       run = CASE WHEN excluded.at < kept.at THEN excluded.run ELSE kept.run END,
       at = least(excluded.at, kept.at),
       last_run = CASE WHEN excluded.last_at > kept.last_at THEN excluded.last_run ELSE kept.last_run END,
       details = CASE WHEN excluded.last_at >= kept.last_at THEN excluded.details ELSE kept.details END,
       last_at = greatest(excluded.last_at, kept.last_at)
     WHERE excluded.run <> kept.run OR excluded.run <> kept.last_run OR excluded.details <> kept.details`,
    values,
  );
  await sql.query(
    `INSERT INTO history_image AS kept (name, last_at)
     SELECT DISTINCT image, $3::timestamptz FROM jsonb_to_recordset($1::jsonb) AS told (image text)
     WHERE $2::bigint IS NOT NULL
     ON CONFLICT (name) DO UPDATE SET last_at = greatest(excluded.last_at, kept.last_at)`,
    values,
  );
  await sql.query(
    `INSERT INTO history_tag AS kept (image, tag, digest, run, at)
     SELECT DISTINCT ON (image, tag, digest) image, tag, digest, $2::bigint, $3::timestamptz
     FROM jsonb_to_recordset($1::jsonb) AS told (image text, digest text, kind text, details jsonb)
     CROSS JOIN LATERAL jsonb_array_elements_text(details -> 'tags') AS tag
     WHERE kind IN ('built', 'promoted')
     ON CONFLICT (image, tag, digest) DO UPDATE SET run = excluded.run, at = excluded.at WHERE excluded.at < kept.at`,
    values,
  );
}

async function writePull(sql: Sql, run: TellingRun, pull: ToldPull): Promise<void> {
  const { url, number, title, author, commit, edgesHash, verdict, approvals, uncovered } = pull;
  const isJudged = verdict !== undefined;
  await sql.query(
    `INSERT INTO history_pull AS kept (url, number, repo, title, author, commit, edges_hash, verdict, approvals, uncovered, run, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11, $12)
     ON CONFLICT (url) DO UPDATE SET title = excluded.title, author = excluded.author, repo = excluded.repo, commit = excluded.commit,
       edges_hash = excluded.edges_hash, verdict = excluded.verdict, approvals = excluded.approvals,
       uncovered = excluded.uncovered, run = excluded.run, at = excluded.at
     WHERE excluded.verdict IS NOT NULL AND (kept.verdict IS NULL OR excluded.at >= kept.at)`,
    [
      ...[url, number, isJudged ? run.repo : undefined, title, author, commit, edgesHash, verdict],
      ...[jsonText(approvals), jsonText(uncovered), run.id, run.endedAt],
    ],
  );
}

function* inBatches<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += batch) yield rows.slice(from, from + batch);
}

/** Forgets what happened before a time to images to which nothing has happened since, and which manifests do not ask for any more. */
export async function forgetHistory(db: Database, before: Date): Promise<void> {
  await db.transaction(async (sql) => {
    await sql.query(
      `DELETE FROM history_event AS old WHERE last_at < $1 AND NOT EXISTS (
         SELECT FROM history_event AS newer WHERE newer.digest = old.digest AND newer.last_at >= $1)
       AND NOT ${isAskedFor("old.digest")}`,
      [before],
    );
    for (const table of ["history_tag", "history_contents"]) {
      await sql.query(
        `DELETE FROM ${table} AS old WHERE NOT EXISTS (
           SELECT FROM history_event AS kept WHERE kept.image = old.image AND kept.digest = old.digest)`,
      );
    }
    await sql.query(
      "DELETE FROM history_run WHERE ended_at < $1 AND due IS NULL AND NOT EXISTS (SELECT FROM history_event WHERE history_event.run = history_run.run)",
      [before],
    );
    await sql.query(
      "DELETE FROM history_pull WHERE at < $1 AND NOT EXISTS (SELECT FROM history_event WHERE key = url AND kind IN ('proposed', 'reviewed'))",
      [before],
    );
    await sql.query(
      "DELETE FROM history_image WHERE last_at < $1 AND NOT EXISTS (SELECT FROM history_event WHERE image = name)",
      [before],
    );
    await sql.query(
      "DELETE FROM history_mirror AS old WHERE NOT EXISTS (SELECT FROM history_image AS kept WHERE kept.name = old.image)",
    );
  });
}

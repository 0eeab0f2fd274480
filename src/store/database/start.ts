import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import type { Sql } from "../../database/index.ts";
import { bootMark, makeFolder, processMark } from "../../disk/index.ts";
import { RunError, unwritable } from "../errors.ts";
import type { Run } from "../model.ts";
import {
  type Document,
  endedProwJob,
  finishedDocument,
  prowJob,
  startedDocument,
} from "../prow/documents.ts";
import { placeOfRun } from "../prow/places.ts";
import { readDocuments } from "../prow/record.ts";
import { isRunId, snowflake } from "../prow/snowflake.ts";
import { type Context, spoolOf } from "./context.ts";
import { fenced, takenOver } from "./mine.ts";
import type { RunAttempt } from "./model.ts";
import { openRun } from "./open-run.ts";
import { isCrashed, type RecordRow } from "./rows.ts";
import { logChannel, streams } from "./streams.ts";

/** What a run that was begun, or is gone on with, is opened from. */
export interface BegunAttempt {
  readonly id: string;
  readonly attempt: number;
  readonly uuid: string;
  readonly place: string;
  readonly startedAt: Date;
  /** Bytes that its log and its events have already. */
  readonly bases: { readonly log: number; readonly event: number };
}

/** Begins a run, or goes on with it. The request has been checked. @throws {RunError} */
export async function startRun(context: Context, request: RunAttempt): Promise<Run> {
  const clock = request.now ?? (() => new Date());
  const { db } = context;
  try {
    const begun = await db.transaction(async (sql) => {
      if (request.id !== undefined) return goOn(sql, request, request.id, clock());
      await closeCrashed(sql, request.job);
      return beginNew(sql, request, clock());
    });
    const { folder, artifacts } = spoolOf(context, begun.id, begun.attempt);
    await rm(folder, { recursive: true, force: true });
    await makeFolder(artifacts);
    return openRun(context, request, begun, clock);
  } catch (error) {
    throw unwritable(error, db.where);
  }
}

async function beginNew(sql: Sql, request: RunAttempt, startedAt: Date): Promise<BegunAttempt> {
  for (let at = 0; ; at += 1) {
    const begun = await insert(sql, request, snowflake(startedAt.getTime(), at), startedAt);
    if (begun !== undefined) return begun;
  }
}

async function goOn(sql: Sql, request: RunAttempt, id: string, now: Date): Promise<BegunAttempt> {
  if (!isRunId(id) || BigInt(id) >= 1n << 63n) {
    throw new RunError("run-unwritable", `${JSON.stringify(id.slice(0, 40))} is no id of a run`);
  }
  await fenced(sql, id, request.fence);
  return (await insert(sql, request, id, now)) ?? takeUp(sql, request, id);
}

/** `undefined` when the id is another run's. */
async function insert(
  sql: Sql,
  request: RunAttempt,
  id: string,
  startedAt: Date,
): Promise<BegunAttempt | undefined> {
  const { job, attempt = 1 } = request;
  const uuid = randomUUID();
  const place = placeOfRun(request, id);
  const started = startedDocument(request, startedAt, { process: processMark(), boot: bootMark() });
  const rows = await sql.query(
    `INSERT INTO run_record (id, job, place, attempt, is_queued, started, prow_job, began_at, seen_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now()) ON CONFLICT (id) DO NOTHING RETURNING id`,
    [
      ...[id, job, place, attempt, request.id !== undefined],
      ...[started, prowJob(request, { name: uuid, id, startedAt }), startedAt],
    ],
  );
  if (rows.length === 0) return undefined;
  return { id, attempt, uuid, place, startedAt, bases: { log: 0, event: 0 } };
}

interface EarlierRow {
  readonly job: string;
  readonly place: string;
  readonly attempt: number;
  readonly uuid: string;
  readonly began_at: Date;
  readonly log_bytes: string;
  readonly event_bytes: string;
}

/** Goes on with a run of an earlier attempt. One that had ended goes on as well: its queue does not know of the end. */
async function takeUp(sql: Sql, request: RunAttempt, id: string): Promise<BegunAttempt> {
  const [row] = await sql.query<EarlierRow>(
    `SELECT job, place, attempt, prow_job #>> '{metadata,name}' AS uuid, began_at, log_bytes, event_bytes
       FROM run_record WHERE id = $1 FOR UPDATE`,
    [id],
  );
  const { attempt = (row?.attempt ?? 0) + 1, job } = request;
  if (row === undefined || row.job !== job || row.attempt > attempt) throw takenOver(id);
  const { uuid, place, began_at: startedAt } = row;
  const line = Buffer.from(`\n--- attempt ${attempt} of this run begins ---\n`);
  const logBytes = Number(row.log_bytes);
  await sql.query("INSERT INTO run_chunk (run, stream, at, bytes) VALUES ($1, $2, $3, $4)", [
    ...[id, streams.log.number, logBytes, line],
  ]);
  const log = logBytes + line.length;
  await sql.query(
    `UPDATE run_record SET attempt = $2, log_bytes = $3, prow_job = $4, result = 'PENDING', finished = NULL,
            ended_at = NULL, is_kept = false, is_spooled = true, seen_at = now() WHERE id = $1`,
    [id, attempt, log, prowJob(request, { name: uuid, id, startedAt })],
  );
  await sql.query("SELECT pg_notify($1, $2)", [logChannel, id]);
  return { id, attempt, uuid, place, startedAt, bases: { log, event: Number(row.event_bytes) } };
}

/** Gives runs of a job whose process has ended without a last word the end they lack, so that nobody waits for them. */
async function closeCrashed(sql: Sql, job: string): Promise<void> {
  const rows = await sql.query<Pick<RecordRow, "id" | "is_queued" | "result" | "started" | "seen_at">>(
    `SELECT id, is_queued, result, started, seen_at FROM run_record
      WHERE job = $1 AND result = 'PENDING' AND NOT is_queued ORDER BY id FOR UPDATE`,
    [job],
  );
  for (const row of rows.filter(isCrashed)) {
    const metadata = { reason: "the process that did the run ended without a last word" };
    await closeRecord(sql, row.id, { result: "ABORTED", metadata }, row.seen_at);
  }
}

/** Ends a record that goes on, whoever it is that went on with it. */
export async function closeRecord(
  sql: Sql,
  id: string,
  end: Parameters<typeof finishedDocument>[0],
  at: Date,
): Promise<void> {
  const [row] = await sql.query<{ started: unknown; prow_job: Document }>(
    "SELECT started, prow_job FROM run_record WHERE id = $1 AND result = 'PENDING' FOR UPDATE",
    [id],
  );
  if (row === undefined) return;
  const told = readDocuments(id, { started: row.started, finished: undefined, prowJob: row.prow_job });
  await sql.query(
    "UPDATE run_record SET result = $2, finished = $3, prow_job = $4, ended_at = $5 WHERE id = $1",
    [id, end.result, finishedDocument(end, told, at), endedProwJob(row.prow_job, end.result, at), at],
  );
  await sql.query("SELECT pg_notify($1, $2)", [logChannel, id]);
}

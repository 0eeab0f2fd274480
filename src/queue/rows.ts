import type { Sql } from "../database/index.ts";
import type { RunType } from "../store/index.ts";
import { QueueError } from "./errors.ts";
import type { QueuedRun, RunAbort, RunCause, RunDetails, RunProgress, RunResult, RunState } from "./model.ts";

/** A row of `queue_run`. */
interface Row {
  readonly id: string;
  readonly job: string;
  readonly kind: string;
  readonly type: RunType;
  readonly repo: string | null;
  readonly ref: string | null;
  readonly commit: string | null;
  readonly pull: number | null;
  readonly author: string | null;
  readonly key: string;
  readonly priority: number;
  readonly mutex: string | null;
  readonly max_concurrency: number | null;
  readonly capacity: string | null;
  readonly shadow: boolean | null;
  readonly timeout_seconds: number | null;
  readonly input: unknown;
  readonly causes: readonly RunCause[];
  readonly more_causes: number;
  readonly rerun_of: string | null;
  readonly state: RunState;
  readonly held: string | null;
  readonly not_before: Date | null;
  readonly asked_at: Date;
  readonly attempt: number;
  readonly crashes: number;
  readonly worker: string | null;
  readonly started_at: Date | null;
  readonly abort: RunAbort | null;
  readonly progress: RunProgress | null;
  readonly result: RunResult | null;
  readonly details: RunDetails | null;
  readonly ended_at: Date | null;
}

/** Carries out a statement whose rows are whole rows of `queue_run`. */
export async function runsOf(sql: Sql, text: string, values: readonly unknown[]): Promise<QueuedRun[]> {
  const rows = await sql.query<Row>(text, values);
  return rows.map(runOf);
}

/** The run with this id, locked until the transaction ends. Throws {@link QueueError} `unknown-run`. */
export async function lockedRun(sql: Sql, id: string): Promise<QueuedRun> {
  return readRun(sql, id, "FOR UPDATE");
}

/** The run with this id. Throws {@link QueueError} `unknown-run`. */
export async function readRun(sql: Sql, id: string, lock: "" | "FOR UPDATE" = ""): Promise<QueuedRun> {
  const isId = /^[0-9]{1,18}$|^[1-8][0-9]{18}$/.test(id);
  const [run] = isId ? await runsOf(sql, `SELECT * FROM queue_run WHERE id = $1 ${lock}`, [id]) : [];
  if (run !== undefined) return run;
  throw new QueueError("unknown-run", `no run has the id ${id}`, {
    hint: "list the runs; those that ended long ago are forgotten here, and may still be in the records",
  });
}

function runOf(row: Row): QueuedRun {
  return {
    id: row.id,
    job: row.job,
    kind: row.kind,
    type: row.type,
    repo: row.repo ?? undefined,
    ref: row.ref ?? undefined,
    commit: row.commit ?? undefined,
    pull: row.pull ?? undefined,
    author: row.author ?? undefined,
    key: row.key,
    priority: row.priority,
    mutex: row.mutex ?? undefined,
    maxConcurrency: row.max_concurrency ?? undefined,
    capacity: row.capacity ?? undefined,
    shadow: row.shadow ?? undefined,
    timeoutSeconds: row.timeout_seconds ?? undefined,
    state: row.state,
    result: row.result ?? undefined,
    held: row.held ?? undefined,
    notBefore: row.not_before ?? undefined,
    attempt: row.attempt,
    crashes: row.crashes,
    causes: row.causes,
    moreCauses: row.more_causes,
    input: row.input,
    askedAt: row.asked_at,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    worker: row.worker ?? undefined,
    abort: row.abort ?? undefined,
    progress: row.progress ?? undefined,
    details: row.details ?? undefined,
    rerunOf: row.rerun_of ?? undefined,
  };
}

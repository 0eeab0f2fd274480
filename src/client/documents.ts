import * as z from "zod/mini";
import type { RecordedRun } from "../store/index.ts";

const text = z.optional(z.string());
const time = z.pipe(
  z.iso.datetime(),
  z.transform((written: string) => new Date(written)),
);

/** A run, as far as the command line shows it; what else an answer has is for others. */
export const runSchema = z.object({
  id: z.string().check(z.regex(/^[0-9]{1,20}$/)),
  job: z.string(),
  state: z.enum(["held", "waiting", "running", "ended"]),
  result: z.optional(z.enum(["SUCCESS", "FAILURE", "ABORTED", "ERROR"])),
  summary: text,
  revision: text,
  held: text,
  abort: z.optional(z.object({ who: z.string() })),
  waiting: z.optional(z.object({ text: z.string() })),
  causes: z.optional(z.array(z.object({ text: z.string() })).check(z.maxLength(1_000))),
  startedAt: z.optional(time),
  endedAt: z.optional(time),
});

/** A run as an answer has it. */
export type AnsweredRun = z.output<typeof runSchema>;

export const pageSchema = z.object({ items: z.array(runSchema).check(z.maxLength(500)), next: text });

/** A page of runs, with what a history needs of each. */
export const historySchema = z.object({
  items: z
    .array(
      z.extend(runSchema, {
        type: z.string(),
        repo: text,
        ref: text,
        commit: text,
        pull: z.optional(z.int()),
        askedAt: time,
      }),
    )
    .check(z.maxLength(500)),
  next: text,
});

const recordSchema = z.object({
  result: z.enum(["SUCCESS", "FAILURE", "ABORTED", "PENDING", "CRASHED"]),
  head: z.optional(
    z.object({
      ...{ verb: z.string(), by: z.string(), subject: z.string(), commit: text },
      options: z.optional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
    }),
  ),
  refs: z.optional(
    z.object({
      ...{ org: z.string(), repo: z.string(), base_ref: z.string(), base_sha: text, repo_link: text },
      pulls: z.optional(
        z.array(z.object({ number: z.int(), author: text, sha: z.string(), title: text, head_ref: text })),
      ),
    }),
  ),
  revision: text,
  planHash: text,
  startedAt: z.optional(time),
  finishedAt: z.optional(time),
});

export const shownSchema = z.extend(runSchema, {
  record: z.optional(recordSchema),
  artifacts: z.optional(z.array(z.string()).check(z.maxLength(10_000))),
});

/** A run as an answer has it that is about it alone. */
export type ShownRun = z.output<typeof shownSchema>;

export const askedSchema = z.object({
  id: z.string(),
  outcome: z.enum(["queued", "coalesced"]),
  state: z.enum(["held", "waiting"]),
});

/** What became of asking for a run. */
export type AskedDocument = z.output<typeof askedSchema>;

/** A run as a record, and what the queue knows beside it. */
export interface ServedRun extends RecordedRun {
  readonly state: AnsweredRun["state"];
  /** Why it does not run yet. */
  readonly waits: string | undefined;
  /** What came of it, in one line. */
  readonly summary: string | undefined;
  /** What it was asked for by, the newest last. */
  readonly causes: readonly string[];
}

/** A run as a record, so that it is shown as those of this machine are. */
export function recordOf(run: AnsweredRun, url: string): ServedRun {
  const { id, job, result, revision, startedAt, endedAt: finishedAt, state, summary, causes = [] } = run;
  return {
    ...{ state, summary, waits: run.waiting?.text ?? run.held, causes: causes.map(({ text }) => text) },
    ...{ id, job, where: `${url}/runs/${id}`, log: `${url}/api/v1/runs/${id}/log` },
    // A record has no word for what Waybill itself could not do.
    result: result === "ERROR" ? "FAILURE" : (result ?? "PENDING"),
    ...{ startedAt, finishedAt, head: undefined, refs: undefined, revision, planHash: undefined },
  };
}

/** The same with all that its record says. */
export function shownRecord(run: ShownRun, url: string): ServedRun {
  const { record } = run;
  const own = recordOf(run, url);
  if (record === undefined) return own;
  const { head, refs, revision = own.revision, planHash, finishedAt } = record;
  return { ...own, head, refs, revision, planHash, finishedAt, startedAt: record.startedAt ?? own.startedAt };
}

import { z } from "@hono/zod-openapi";
import { maxCrashes, type QueuedRun, type RunTry, type RunWaiting } from "../queue/index.ts";
import type { RecordedRun } from "../store/index.ts";
import { waitingInWords } from "./waiting.ts";

/** Digits of a run. */
export const runIdSchema = z
  .string()
  .regex(/^[0-9]{1,20}$/)
  .openapi({ example: "1384977461019676672" });

/** Digits of a number that a database keeps: for what is looked for by it. */
export const rowNumberSchema = z
  .string()
  .regex(/^[0-9]{1,19}$/)
  .refine((digits) => digits.padStart(19, "0") <= maxRowNumber, "it is larger than any that is given");

const maxRowNumber = "9223372036854775807";

/** The same in a path of a route whose answer is no JSON of ours. */
export const idInPath = ":id{[0-9]{1,20}}";

export const jobNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,200}$/)
  .openapi({ example: "push-snoopdb" });

/** Text of one line, without what no database keeps. */
export const lineSchema = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u);

/** Values that a filter may have several of. */
const maxWords = 50;

/** Words with commas between them, each of one line. */
export const wordsSchema = (most: number) =>
  lineSchema(10_000)
    .transform((text, context) => {
      const words = wordsOf(text);
      if (words.length > 0 && words.length <= maxWords && words.every((word) => word.length <= most))
        return words;
      context.addIssue({
        code: "custom",
        message: `it is 1 to ${maxWords} words, of ${most} letters at most`,
      });
      return z.NEVER;
    })
    .openapi({ type: "string" });

/** Some of these words, with commas between them. */
export const oneOfSchema = <const Word extends string>(known: readonly [Word, ...Word[]]) =>
  lineSchema(500)
    .transform((text, context) => {
      const words = wordsOf(text);
      const found = known.filter((word) => words.includes(word));
      if (found.length > 0 && words.every((word) => found.includes(word as Word))) return found;
      context.addIssue({
        code: "custom",
        message: `it is one of ${known.join(", ")}, or several with commas`,
      });
      return z.NEVER;
    })
    .openapi({ type: "string", example: known.slice(0, 2).join(",") });

function wordsOf(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** Years of four digits, which databases and programs write alike. */
const isKeepable = (time: Date): boolean => time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999;

/** A time of a row, as it was given. */
export const rowTimeSchema = z.iso.datetime().refine((text) => isKeepable(new Date(text)));

const time = z.iso.datetime().openapi({ example: "2026-11-29T10:00:00.000Z" });

/** A time that something is asked for by: a day, or a time with its zone. */
export const moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })])
  .transform((text) => new Date(text))
  .refine(isKeepable, "its year is one from 1 to 9999")
  .openapi({ type: "string", example: "2026-11-29" });

export const runStates = ["held", "waiting", "running", "ended"] as const;
export const runTypes = ["postsubmit", "periodic", "presubmit", "batch"] as const;
export const runResults = ["SUCCESS", "FAILURE", "ABORTED", "ERROR"] as const;

const causeSchema = z
  .object({
    by: z.enum(["push", "pull-request", "clock", "registry", "hand", "comment", "after", "retry"]),
    text: z.string(),
    at: z.string(),
    who: z.string().optional(),
    failures: z
      .int()
      .optional()
      .openapi({ description: "Of a retry: how often it has failed in a row before." }),
  })
  .openapi("Cause");

export const runSchema = z
  .object({
    id: runIdSchema,
    job: z.string(),
    kind: z.string().openapi({ example: "promote" }),
    type: z.enum(runTypes),
    state: z.enum(runStates),
    result: z.enum(runResults).optional(),
    summary: z.string().optional().openapi({ description: "What came of it, in one line." }),
    repo: z.string().optional(),
    ref: z.string().optional().openapi({ example: "refs/heads/main" }),
    commit: z.string().optional(),
    revision: z.string().optional().openapi({ description: "The commit that it was carried out at." }),
    pull: z.int().optional(),
    author: z.string().optional().openapi({ description: "Who opened the pull request." }),
    shadow: z.boolean().optional().openapi({ description: "It plans and records, and writes nothing." }),
    priority: z.number(),
    mutex: z.string().optional(),
    held: z.string().optional().openapi({ description: "Why it waits for a person." }),
    waiting: z
      .object({ for: z.string(), text: z.string(), run: z.string().optional() })
      .optional()
      .openapi({ description: "Why it does not run yet." }),
    attempt: z.int().openapi({ description: "How often it was started." }),
    crashes: z.int().openapi({ description: "Attempts whose worker died." }),
    retry: z.object({ attempt: z.int(), of: z.int().optional() }).optional().openapi({
      description: "Of a run that is tried again: which time it is, and of how many before it is given up.",
    }),
    causes: z.array(causeSchema),
    moreCauses: z.int(),
    askedAt: time,
    startedAt: time.optional(),
    endedAt: time.optional(),
    notBefore: time.optional(),
    worker: z.string().optional(),
    progress: z
      .object({
        text: z.string().openapi({ example: "12 of 200 copied" }),
        done: z.int().optional(),
        total: z.int().optional(),
        at: z.string(),
      })
      .optional()
      .openapi({ description: "How far it is, while it runs." }),
    abort: z.object({ who: z.string(), why: z.string(), at: z.string() }).optional(),
    rerunOf: runIdSchema.optional(),
  })
  .openapi("Run");

/** A run as the API has it. */
export type RunDocument = z.infer<typeof runSchema>;

/** A run as the API has it: what its kind was given stays inside. */
export function runDocument(run: QueuedRun, waiting?: RunWaiting): RunDocument {
  const { id, job, kind, type, state, result, repo, ref, commit, pull, author } = run;
  const { shadow, priority, mutex, held } = run;
  const { attempt, crashes, causes, moreCauses, worker, progress, abort, rerunOf, details } = run;
  const { askedAt, startedAt, endedAt, notBefore } = run;
  const revision = typeof details?.revision === "string" ? details.revision : undefined;
  return {
    ...{ id, job, kind, type, state, result, summary: details?.summary, repo, ref, commit },
    ...{
      revision: revision ?? commit,
      pull,
      author,
      shadow,
      priority,
      mutex,
      held,
      attempt,
      crashes,
      moreCauses,
    },
    waiting: waiting && {
      for: waiting.for,
      text: waitingInWords(waiting),
      run: "run" in waiting ? waiting.run : undefined,
    },
    causes: [...causes],
    askedAt: askedAt.toISOString(),
    startedAt: startedAt?.toISOString(),
    endedAt: endedAt?.toISOString(),
    notBefore: notBefore?.toISOString(),
    ...{ worker, progress, abort, rerunOf, retry: retryOf(run) },
  };
}

/** That a run is tried again: because its worker died, or because it has failed for what may pass. */
function retryOf({ state, crashes, causes }: QueuedRun): RunDocument["retry"] {
  if (state === "ended") return undefined;
  if (crashes > 0) return { attempt: crashes + 1, of: maxCrashes };
  const failures = causes.findLast(({ by }) => by === "retry")?.failures;
  return failures === undefined ? undefined : { attempt: failures + 1 };
}

const option = z.union([z.string(), z.number(), z.boolean()]);

/** What the record of a run says beside what the queue knows. */
export const recordSchema = z
  .object({
    where: z.string(),
    log: z.string(),
    result: z.string(),
    head: z
      .object({
        verb: z.string(),
        by: z.string(),
        subject: z.string(),
        commit: z.string().optional(),
        options: z.record(z.string(), option).optional(),
      })
      .optional(),
    refs: z
      .object({
        org: z.string(),
        repo: z.string(),
        base_ref: z.string(),
        base_sha: z.string().optional(),
        repo_link: z.string().optional(),
        pulls: z
          .array(
            z.object({
              number: z.int(),
              author: z.string().optional(),
              sha: z.string(),
              title: z.string().optional(),
              head_ref: z.string().optional(),
            }),
          )
          .optional(),
      })
      .optional(),
    revision: z.string().optional(),
    planHash: z.string().optional(),
    startedAt: time.optional(),
    finishedAt: time.optional(),
  })
  .openapi("Record");

const trySchema = z
  .object({
    attempt: z.int(),
    worker: z.string(),
    startedAt: time,
    endedAt: time.optional(),
    ending: z
      .enum([...runResults, "handed-over", "died"])
      .optional()
      .openapi({
        description: "How the run ended in it, or that its worker gave it back, or died.",
      }),
  })
  .openapi("Attempt");

/** An attempt of a run as the API has it. */
export type TryDocument = z.infer<typeof trySchema>;

/** A run with what is recorded of it. */
export const shownRunSchema = runSchema.extend({
  input: z
    .looseObject({})
    .optional()
    .openapi({ description: "What it was asked for with: its job as its file had it then." }),
  attempts: z.array(trySchema).openapi({ description: "The first one first; of very many, the last 100." }),
  record: recordSchema.optional(),
  artifacts: z
    .array(z.string())
    .optional()
    .openapi({ description: "Missing while the objects that records are kept in cannot be read." }),
});

/** A run as the API shows it by itself. */
export type ShownRunDocument = z.infer<typeof shownRunSchema>;

export function tryDocument({ startedAt, endedAt, ...attempt }: RunTry): TryDocument {
  return { ...attempt, startedAt: startedAt.toISOString(), endedAt: endedAt?.toISOString() };
}

export function recordDocument(record: RecordedRun): z.infer<typeof recordSchema> {
  const { where, log, result, head, refs, revision, planHash, startedAt, finishedAt } = record;
  return {
    ...{ where, log, result, revision, planHash },
    head: head && { ...head, options: head.options && { ...head.options } },
    refs: refs && { ...refs, pulls: refs.pulls && [...refs.pulls] },
    startedAt: startedAt?.toISOString(),
    finishedAt: finishedAt?.toISOString(),
  };
}

export { time as timeSchema };

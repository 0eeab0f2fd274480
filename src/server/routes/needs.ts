import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { listRemotes, listRetries } from "../../triggers/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import { addList } from "../lists/list.ts";
import type { ServerParts } from "../model.ts";
import { jobNameSchema, runIdSchema, timeSchema } from "../schemas.ts";

const needSchema = z
  .object({
    kind: z.enum([
      "server",
      "worker",
      "jobs",
      "job-file",
      "held",
      "credential",
      "remote",
      "webhook",
      "given-up",
      "failing",
    ]),
    subject: z.string().openapi({ description: "What it is about: a job, a file, a repository." }),
    text: z.string().openapi({ description: "What is wrong, or waits." }),
    hint: z.string().optional().openapi({ description: "What to do about it." }),
    since: timeSchema.optional(),
    job: jobNameSchema.optional(),
    run: runIdSchema.optional(),
  })
  .openapi("Need");

/** What does not go on before somebody does something about it, as the API has it. */
export type NeedDocument = z.infer<typeof needSchema>;

const retrySchema = z
  .object({
    job: jobNameSchema,
    ref: z.string().optional(),
    failures: z.int().openapi({ description: "In a row." }),
    since: timeSchema.optional(),
    dueAt: timeSchema.optional().openapi({ description: "Not there when nobody asks for it any more." }),
    run: runIdSchema.openapi({ description: "The run that failed last." }),
    summary: z.string(),
  })
  .openapi("Retry");

/** A promotion that has failed and is asked for again by itself, as the API has it. */
export type RetryDocument = z.infer<typeof retrySchema>;

/** Held runs that are listed: those that have waited longest. */
const maxHeld = 100;
/** Failures in a row after which a job is somebody's business. */
const failuresOfConcern = 2;

/** The routes of what goes wrong again and again, and of what waits for a person. */
export function addNeeds(api: OpenAPIHono<Env>, parts: ServerParts): void {
  addList(api, {
    ...{ path: "/retries", tag: "queue", item: retrySchema, params: {}, filters: {} },
    summary: "Promotions that have failed and are asked for again by themselves",
    async read(c, { limit }) {
      demand(c, parts, "read");
      const found = await listRetries(parts.db);
      const items = found.slice(0, limit).map(({ job, ref, failures, since, dueAt, run, summary }) => ({
        ...{ job, ref, failures, run, summary },
        ...{ since: since?.toISOString(), dueAt: dueAt?.toISOString() },
      }));
      return { items };
    },
  });

  addList(api, {
    ...{ path: "/needs", tag: "queue", item: needSchema, params: {}, filters: {} },
    summary: "What does not go on before a person does something about it",
    async read(c, { limit }) {
      demand(c, parts, "read");
      return { items: (await needsOf(parts)).slice(0, limit) };
    },
  });
}

/** The worst first: what stops everything, what waits for a decision, what fails. */
async function needsOf(parts: ServerParts): Promise<readonly NeedDocument[]> {
  const { queue, db } = parts;
  const jobs = parts.jobs.current();
  const [unready, workers, destinations, held, remotes, retries, failing] = await Promise.all([
    parts.whyUnready(),
    queue.workers(),
    parts.state.destinations(),
    queue.list({ state: "held", order: "oldest", limit: maxHeld }),
    listRemotes(db),
    listRetries(db),
    queue.failing(jobs.jobs.map(({ job }) => job.name)),
  ]);
  const { trouble, problems } = jobs;
  return [
    ...(unready === undefined ? [] : [{ kind: "server" as const, subject: "this server", text: unready }]),
    ...(workers.length > 0
      ? []
      : [
          {
            ...{ kind: "worker" as const, subject: "workers", text: "no worker is there" },
            hint: "what waits begins when one is: start a process with the role worker",
          },
        ]),
    ...(trouble === undefined
      ? []
      : [
          {
            ...{ kind: "jobs" as const, subject: jobs.where, hint: trouble.hint },
            ...{
              text: `all jobs are those of an earlier time: ${trouble.message}`,
              since: trouble.since.toISOString(),
            },
          },
        ]),
    ...problems.map(({ file, since, kept }) => ({
      ...{ kind: "job-file" as const, subject: file, since: since.toISOString() },
      text:
        kept.length === 0
          ? "it has errors"
          : `it has errors; these jobs count as they were: ${kept.join(", ")}`,
    })),
    ...held.runs.map(({ id, job, held = "", askedAt }) => ({
      ...{ kind: "held" as const, subject: job, text: held, since: askedAt.toISOString(), job, run: id },
    })),
    ...destinations.flatMap(({ host, status, refused }) =>
      // What it answered since to something else it may still refuse; what it answered to last is what is known.
      refused === undefined || refused.status !== status
        ? []
        : [
            {
              ...{ kind: "credential" as const, subject: host, since: refused.at },
              text: `it refuses what it is shown (${refused.status})`,
              hint: "a credential has ended, or lacks the right: see what is shown to it in the settings",
            },
          ],
    ),
    ...remotes.flatMap(({ url, what, unread }) =>
      unread === undefined
        ? []
        : [
            {
              ...{ kind: "remote" as const, subject: url, since: unread.since.toISOString() },
              text: `${what === "pulls" ? "its pull requests" : "it"} cannot be read: ${unread.failure.message}`,
              hint: unread.failure.hint,
            },
          ],
    ),
    ...remotes.flatMap(({ url, hook }) =>
      hook === undefined
        ? []
        : [
            {
              ...{ kind: "webhook" as const, subject: url, since: hook.since.toISOString() },
              ...{ text: hook.message, hint: hook.hint },
            },
          ],
    ),
    ...retries
      .filter(({ dueAt }) => dueAt === undefined)
      .map(({ job, failures, run, summary, since }) => ({
        ...{ kind: "given-up" as const, subject: job, job, run, since: since?.toISOString() },
        text: `nobody asks for it any more after ${failures} failures in a row: ${summary}`,
        hint: "find out why, then run it again",
      })),
    ...failing
      .filter(({ failures }) => failures >= failuresOfConcern)
      .map(({ run, failures, since }) => ({
        ...{ kind: "failing" as const, subject: run.job, job: run.job, run: run.id },
        since: since.toISOString(),
        text: `${failures} failures in a row: ${run.details?.summary ?? "nobody says why"}`,
      })),
  ];
}

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { documentOfJob, type JobDiagnostic, type LocatedJob, nextTime } from "../../jobs/index.ts";
import { tellings } from "../../notifications/index.ts";
import { askByHand } from "../../triggers/index.ts";
import { demand, demandSomebody, doing, findLocated, rightsOf } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import { pageOfNamed } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json, jsonBody } from "../responses.ts";
import { jobNameSchema, lineSchema, runDocument, runSchema, timeSchema } from "../schemas.ts";
import { askedSchema } from "./runs.ts";

const tags = ["jobs"];
const params = z.object({ name: jobNameSchema });

const jobDocument = z
  .looseObject({ name: z.string(), repo: z.string() })
  .openapi({ description: "The job as its file has it." });

const jobSchema = z
  .object({
    job: jobDocument,
    kind: z.string(),
    file: z.string(),
    line: z.int(),
    next: timeSchema.optional().openapi({ description: "When the clock starts it next." }),
    lastRun: runSchema.optional().openapi({ description: "The newest, however far it is." }),
    lastSuccess: runSchema.optional().openapi({ description: "The newest that ended well." }),
    lastFailure: runSchema.optional().openapi({ description: "The newest that failed." }),
  })
  .openapi("Job");

/** A job as lists of the API have it. */
export type ListedJobDocument = z.infer<typeof jobSchema>;

const jobProblemSchema = z
  .object({
    file: z.string(),
    line: z.int(),
    column: z.int(),
    severity: z.enum(["error", "warning", "info"]),
    message: z.string(),
    hint: z.string().optional(),
    job: z.string().optional().openapi({ description: "The job that is left out." }),
  })
  .openapi("JobProblem");

const fileProblemSchema = z
  .object({
    file: z.string(),
    since: timeSchema,
    commit: z.string().optional().openapi({ description: "The commit at which it was first seen so." }),
    good: z
      .object({ at: timeSchema, commit: z.string().optional() })
      .optional()
      .openapi({ description: "When it was last read without errors: its jobs are those of then." }),
    kept: z.array(z.string()).openapi({ description: "Jobs of it that count as they were before." }),
  })
  .openapi("JobFileProblem");

const troubleSchema = z
  .object({
    code: z.string(),
    since: timeSchema,
    message: z.string(),
    hint: z.string(),
    commit: z.string().optional().openapi({ description: "What `accept` takes." }),
  })
  .openapi("JobSourceTrouble");

const jobSourceSchema = z
  .object({
    where: z.string(),
    commit: z.string().optional().openapi({ description: "The commit that was read, of a branch." }),
    jobs: z.int().openapi({ description: "How many there are." }),
    files: z.array(fileProblemSchema).openapi({ description: "Files with errors." }),
    problems: z.array(jobProblemSchema).openapi({ description: "All that was found in the files." }),
    trouble: troubleSchema.optional().openapi({ description: "Why all jobs are those of an earlier time." }),
  })
  .openapi("JobSource");

/** Where jobs come from, as the API has it. */
export type JobSourceDocument = z.infer<typeof jobSourceSchema>;

const sourceRoute = createRoute({
  method: "get",
  path: "/job-source",
  tags,
  summary: "Where the jobs come from, and what is wrong with their files",
  responses: { 200: json(jobSourceSchema, "As it was last read."), ...failures },
});

const statisticsSchema = z
  .object({
    runs: z.int().openapi({ description: "That ended, and that nobody stopped: the last 100 at most." }),
    succeeded: z.int(),
    medianSeconds: z.number().optional().openapi({ description: "Of those that succeeded." }),
  })
  .openapi("JobStatistics");

const shownJobSchema = jobSchema.extend({ runs: z.array(runSchema), statistics: statisticsSchema });

/** A job as the API shows it by itself. */
export type ShownJobDocument = z.infer<typeof shownJobSchema>;

const showRoute = createRoute({
  method: "get",
  path: "/jobs/{name}",
  tags,
  summary: "A job, and its last runs",
  request: { params },
  responses: { 200: json(shownJobSchema, "The job."), ...failures },
});

const commitSchema = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);

const acceptRoute = createRoute({
  method: "post",
  path: "/jobs/accept",
  tags,
  summary: "Take a branch of jobs that was pushed with force",
  request: { body: jsonBody(z.strictObject({ commit: commitSchema })) },
  responses: { 204: { description: "It is read at the next look." }, ...failures },
});

const readRoute = createRoute({
  method: "post",
  path: "/jobs/read",
  tags,
  summary: "Read the files of the jobs now",
  responses: { 202: { description: "All processes of the server read them." }, ...failures },
});

const startRoute = createRoute({
  method: "post",
  path: "/jobs/{name}/runs",
  tags,
  summary: "Run a job by hand",
  request: {
    params,
    body: {
      ...jsonBody(
        z.strictObject({
          ref: z
            .string()
            .regex(/^[^\s\p{Cc}\p{Cs}~^:?*[\\]{1,400}$/u)
            .optional()
            .openapi({ description: "A branch or a tag; what the job says without it.", example: "v1.0.0" }),
        }),
      ),
      required: false,
    },
  },
  responses: { 202: json(askedSchema, "The run that was asked for."), ...failures },
});

const promotionSchema = z
  .object({
    state: z.enum(["promoted", "waiting", "failed", "unknown"]),
    text: z.string(),
    run: z.string().optional(),
  })
  .openapi("PromotionState");

const promotedRoute = createRoute({
  method: "get",
  path: "/jobs/{name}/commits/{commit}",
  tags,
  summary: "Whether a promotion job has brought a commit to production",
  request: { params: params.extend({ commit: commitSchema }) },
  responses: { 200: json(promotionSchema, "How far it is."), ...failures },
});

const previewSchema = z
  .object({
    rule: z.string(),
    receiver: z.string(),
    to: z.string().openapi({ description: "Where it goes, without what is secret of it." }),
    body: z.string(),
  })
  .openapi("NotificationPreview");

/** Runs of a job that are shown with it. */
const lastRuns = 50;

/** The routes of jobs. */
export function addJobs(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { jobs, queue } = parts;
  const documentOf = (located: LocatedJob) => {
    const { job, file, line } = located;
    const next = job.clock && nextTime(job.clock, timeOf(parts))?.toISOString();
    const document: z.infer<typeof jobDocument> = { ...documentOfJob(job), name: job.name, repo: job.repo };
    return { job: document, kind: job.work.kind, file, line, next };
  };
  /** Jobs with how they went, all of them by three queries. */
  const documentsOf = async (found: readonly LocatedJob[]) => {
    const names = found.map(({ job }) => job.name);
    const [last, succeeded, failed] = await Promise.all([
      queue.lastRuns(names),
      queue.lastRuns(names, "SUCCESS"),
      queue.lastRuns(names, "FAILURE"),
    ]);
    const shown = (runs: typeof last, name: string) => {
      const run = runs.get(name);
      return run && runDocument(run);
    };
    return found.map((located) => {
      const { name } = located.job;
      return {
        ...{ ...documentOf(located), lastRun: shown(last, name) },
        ...{ lastSuccess: shown(succeeded, name), lastFailure: shown(failed, name) },
      };
    });
  };

  addList(api, {
    ...{ path: "/jobs", tag: "jobs", item: jobSchema, params: {} },
    summary: "The jobs as they are now, by name",
    filters: {
      kind: z
        .string()
        .regex(/^[a-z]{1,32}$/)
        .optional(),
      repo: lineSchema(500).optional().openapi({ description: "URL of the repository." }),
      search: lineSchema(200)
        .optional()
        .openapi({ description: "What stands somewhere in the name, the repository or the file." }),
      after: jobNameSchema.optional(),
    },
    async read(c, { kind, repo, search = "", ...page }) {
      demand(c, parts, "read");
      const wanted = search.toLowerCase();
      const found = jobs
        .current()
        .jobs.filter(
          ({ job, file }) =>
            (kind === undefined || job.work.kind === kind) &&
            (repo === undefined || job.repo === repo) &&
            `${job.name} ${job.repo} ${file}`.toLowerCase().includes(wanted),
        );
      const { items, next } = pageOfNamed(found, page, ({ job }) => job.name);
      return { items: await documentsOf(items), next };
    },
  });

  api.openapi(sourceRoute, async (c) => {
    demand(c, parts, "read");
    const { where, commit, jobs: found, diagnostics, problems, trouble } = jobs.current();
    const files = problems.map(({ file, since, commit: first, good, kept }) => ({
      ...{ file, since: since.toISOString(), commit: first, kept: [...kept] },
      good: good && { at: good.at.toISOString(), commit: good.commit },
    }));
    return c.json(
      {
        ...{ where, commit, jobs: found.length, files, problems: diagnostics.map(problemDocument) },
        trouble: trouble && { ...trouble, since: trouble.since.toISOString() },
      },
      200,
    );
  });

  api.openapi(acceptRoute, async (c) => {
    demand(c, parts, "manage");
    const { commit } = c.req.valid("json");
    await doing(c, parts, async (sql) => {
      await jobs.accept(sql, commit);
      return { result: undefined, done: { act: "jobs.accept", subject: "jobs", after: { commit } } };
    });
    return c.body(null, 204);
  });

  api.openapi(readRoute, async (c) => {
    demand(c, parts, "run");
    await doing(c, parts, async (sql) => {
      await jobs.readNow(sql);
      return { result: undefined, done: { act: "jobs.read", subject: "jobs" } };
    });
    return c.body(null, 202);
  });

  api.openapi(showRoute, async (c) => {
    demand(c, parts, "read");
    const located = locatedOf(parts, c.req.valid("param").name);
    const { name } = located.job;
    const [{ runs }, statistics, [document = documentOf(located)]] = await Promise.all([
      queue.list({ job: name, limit: lastRuns }),
      queue.statistics(name),
      documentsOf([located]),
    ]);
    return c.json({ ...document, runs: runs.map((run) => runDocument(run)), statistics }, 200);
  });

  api.openapi(startRoute, async (c) => {
    demandSomebody(c, parts);
    const { name } = c.req.valid("param");
    const { job } = locatedOf(parts, name);
    const { name: who } = demand(c, parts, "run", await rightsOf(c, parts, name));
    const ref = c.req.valid("json")?.ref;
    const by = { who, at: timeOf(parts), from: "hand" } as const;
    const asked = await doing(c, parts, async (sql) => {
      const result = await askByHand(sql, job, { ref }, by);
      return { result, done: { act: "job.run", subject: `job/${name}`, after: { ...result, ref } } };
    });
    return c.json({ ...asked }, 202);
  });

  addList(api, {
    ...{ path: "/jobs/{name}/notifications", tag: "jobs", item: previewSchema },
    summary: "What would be told of a job, to whom, and in which words; nothing is sent",
    params: { name: jobNameSchema },
    filters: { telling: z.enum(tellings).default("failing") },
    async read(c, { telling }, { name }) {
      demand(c, parts, "manage");
      return { items: await parts.previewOf(locatedOf(parts, name).job, telling) };
    },
  });

  api.openapi(promotedRoute, async (c) => {
    demand(c, parts, "read");
    const { name, commit } = c.req.valid("param");
    return c.json(await parts.promotionOf(locatedOf(parts, name).job, commit), 200);
  });
}

function locatedOf({ jobs, publicUrl }: ServerParts, name: string): LocatedJob {
  const found = findLocated(jobs, name);
  if (found !== undefined) return found;
  throw new ServerError("unknown-job", "no job has that name", {
    hint: `see those there are: waybill jobs --server ${publicUrl.origin}, or GET /api/v1/jobs`,
  });
}

function problemDocument({ file, at, severity, message, hint, job }: JobDiagnostic) {
  const { line, column } = at ?? { line: 1, column: 1 };
  return { file, line, column, severity, message, hint, job };
}

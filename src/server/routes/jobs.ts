import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { documentOfJob, type JobDiagnostic, type LocatedJob, nextTime } from "../../jobs/index.ts";
import { tellings } from "../../notifications/index.ts";
import { askByHand } from "../../triggers/index.ts";
import { demand, demandSomebody, doing, findLocated, rightsOf } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { ServerError } from "../errors.ts";
import type { ServerParts } from "../model.ts";
import { failures, json, jsonBody } from "../responses.ts";
import { jobNameSchema, runDocument, runSchema, timeSchema } from "../schemas.ts";
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
  })
  .openapi("Job");

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

const jobSetSchema = z.object({
  where: z.string(),
  commit: z.string().optional(),
  jobs: z.array(jobSchema),
  problems: z.array(jobProblemSchema),
  files: z.array(fileProblemSchema).openapi({ description: "Files with errors." }),
  trouble: troubleSchema.optional().openapi({ description: "Why all jobs are those of an earlier time." }),
});

const listRoute = createRoute({
  method: "get",
  path: "/jobs",
  tags,
  summary: "All jobs as they are now, and what is wrong with their files",
  responses: {
    200: json(jobSetSchema, "The jobs."),
    ...failures,
  },
});

const showRoute = createRoute({
  method: "get",
  path: "/jobs/{name}",
  tags,
  summary: "A job, and its last runs",
  request: { params },
  responses: { 200: json(jobSchema.extend({ runs: z.array(runSchema) }), "The job."), ...failures },
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

const previewRoute = createRoute({
  method: "get",
  path: "/jobs/{name}/notifications",
  tags,
  summary: "What would be told of a job, to whom, and in which words; nothing is sent",
  request: { params, query: z.object({ telling: z.enum(tellings).default("failing") }) },
  responses: {
    200: json(z.object({ notifications: z.array(previewSchema) }), "By rule and receiver."),
    ...failures,
  },
});

/** Runs of a job that are shown with it. */
const lastRuns = 20;

/** The routes of jobs. */
export function addJobs(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { jobs, queue } = parts;
  const documentOf = (located: LocatedJob) => {
    const { job, file, line } = located;
    const next = job.clock && nextTime(job.clock, timeOf(parts))?.toISOString();
    const document: z.infer<typeof jobDocument> = { ...documentOfJob(job), name: job.name, repo: job.repo };
    return { job: document, kind: job.work.kind, file, line, next };
  };
  /** Jobs with how they went, all of them by two queries. */
  const documentsOf = async (found: readonly LocatedJob[]) => {
    const names = found.map(({ job }) => job.name);
    const [last, succeeded] = await Promise.all([queue.lastRuns(names), queue.lastRuns(names, "SUCCESS")]);
    return found.map((located) => {
      const [run, success] = [last.get(located.job.name), succeeded.get(located.job.name)];
      const lastRun = run && runDocument(run);
      return { ...documentOf(located), lastRun, lastSuccess: success && runDocument(success) };
    });
  };

  api.openapi(listRoute, async (c) => {
    demand(c, parts, "read");
    const { where, commit, jobs: found, diagnostics, problems, trouble } = jobs.current();
    return c.json(
      {
        ...{ where, commit, jobs: await documentsOf(found), problems: diagnostics.map(problemDocument) },
        files: problems.map(({ file, since, kept }) => ({
          file,
          since: since.toISOString(),
          kept: [...kept],
        })),
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

  api.openapi(showRoute, async (c) => {
    demand(c, parts, "read");
    const located = locatedOf(parts, c.req.valid("param").name);
    const { runs } = await queue.list({ job: located.job.name, limit: lastRuns });
    const [document = documentOf(located)] = await documentsOf([located]);
    return c.json({ ...document, runs: runs.map((run) => runDocument(run)) }, 200);
  });

  api.openapi(startRoute, async (c) => {
    demandSomebody(c, parts);
    const { name } = c.req.valid("param");
    const { job } = locatedOf(parts, name);
    const { name: who } = demand(c, parts, "run", await rightsOf(parts, name));
    const ref = c.req.valid("json")?.ref;
    const by = { who, at: timeOf(parts), from: "hand" } as const;
    const asked = await doing(c, parts, async (sql) => {
      const result = await askByHand(sql, job, { ref }, by);
      return { result, done: { act: "job.run", subject: `job/${name}`, after: { ...result, ref } } };
    });
    return c.json({ ...asked }, 202);
  });

  api.openapi(previewRoute, async (c) => {
    demand(c, parts, "manage");
    const [{ name }, { telling }] = [c.req.valid("param"), c.req.valid("query")];
    const notifications = await parts.previewOf(locatedOf(parts, name).job, telling);
    return c.json({ notifications: [...notifications] }, 200);
  });

  api.openapi(promotedRoute, async (c) => {
    demand(c, parts, "read");
    const { name, commit } = c.req.valid("param");
    return c.json(await parts.promotionOf(locatedOf(parts, name).job, commit), 200);
  });
}

function locatedOf({ jobs }: ServerParts, name: string): LocatedJob {
  const found = findLocated(jobs, name);
  if (found !== undefined) return found;
  throw new ServerError("unknown-job", "no job has that name", {
    hint: "see those there are: GET /api/v1/jobs",
  });
}

function problemDocument({ file, at, severity, message, hint, job }: JobDiagnostic) {
  const { line, column } = at ?? { line: 1, column: 1 };
  return { file, line, column, severity, message, hint, job };
}

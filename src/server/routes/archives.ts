import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { openLogLines, type ProwArchive, type RecordedRun, type StoredRun } from "../../store/index.ts";
import { demand } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import { pageOfNamed } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { answerInvalid } from "../problems.ts";
import { failures, json } from "../responses.ts";
import { jobNameSchema, lineSchema, runIdSchema } from "../schemas.ts";
import { answerArtifact, answerLog } from "./files.ts";
import { addLogsOf } from "./log-lines.ts";

const tag = "archives";
const archiveName = lineSchema(100);
const params = z.object({ archive: archiveName, job: jobNameSchema, id: runIdSchema });
/** Milliseconds after which nobody writes any more how a run has ended: no job of Prow's usually goes on for as long. */
const longestRun = 24 * 3_600_000;
/** Runs of a page: each is read from the bucket by its documents. */
const maxRuns = 50;

const archiveSchema = z
  .object({ name: z.string(), where: z.string() })
  .openapi("Archive", { description: "A bucket that Prow has left runs in." });

const archivedRunSchema = z
  .object({
    archive: z.string(),
    job: z.string(),
    id: runIdSchema,
    result: z.enum(["SUCCESS", "FAILURE", "ABORTED", "PENDING", "UNKNOWN"]).openapi({
      description: "`UNKNOWN`: it began more than a day ago, and nobody has written how it ended.",
    }),
    startedAt: z.string().optional(),
    endedAt: z.string().optional(),
    revision: z.string().optional(),
    repo: z.string().optional().openapi({ description: "`ORG/REPOSITORY`." }),
    ref: z.string().optional(),
    pull: z.int().optional(),
    where: z.string(),
  })
  .openapi("ArchivedRun");

const shownSchema = archivedRunSchema.extend({ artifacts: z.array(z.string()) }).openapi("ShownArchivedRun");

/** A bucket of Prow's as the API has it. */
export type ArchiveDocument = z.infer<typeof archiveSchema>;
/** A run of one. */
export type ArchivedRunDocument = z.infer<typeof archivedRunSchema>;
/** The same, with what it has left. */
export type ShownArchivedRunDocument = z.infer<typeof shownSchema>;

const showRoute = createRoute({
  method: "get",
  path: "/archives/{archive}/runs/{job}/{id}",
  tags: [tag],
  summary: "A run of a bucket of Prow's, with the files that it has left",
  request: { params },
  responses: { 200: json(shownSchema, "The run."), ...failures },
});

/** The routes of what Prow has left in buckets: they are read, never written. */
export function addArchives(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { archives } = parts;
  const archiveOf = (name: unknown): ProwArchive => {
    const found = archives.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new ServerError("unknown-archive", "no bucket of that name was configured", {
      hint: "see those that were: GET /api/v1/archives",
    });
  };
  const storedOf = ({ archive, job, id }: Readonly<Record<string, unknown>>): Promise<StoredRun> =>
    archiveOf(archive).find(String(job), String(id));

  addList(api, {
    ...{ path: "/archives", tag, summary: "Buckets of Prow's that were configured", item: archiveSchema },
    ...{ params: {}, filters: { after: archiveName.optional() } },
    async read(c, query) {
      demand(c, parts, "read");
      return pageOfNamed(
        archives.map(({ name, where }) => ({ name, where })),
        query,
        ({ name }) => name,
      );
    },
  });
  addList(api, {
    ...{ path: "/archives/{archive}/jobs", tag, summary: "Jobs that a bucket has runs of" },
    ...{ item: z.object({ name: z.string() }), params: { archive: archiveName } },
    filters: { after: jobNameSchema.optional() },
    async read(c, { after, limit }, { archive }) {
      demand(c, parts, "read");
      const { items, next } = await archiveOf(archive).jobs({ after, limit });
      return { items: items.map((name) => ({ name })), next };
    },
  });
  addList(api, {
    ...{
      path: "/archives/{archive}/jobs/{job}/runs",
      tag,
      summary: "Runs of a job in a bucket, the newest first",
    },
    ...{ item: archivedRunSchema, params: { archive: archiveName, job: jobNameSchema } },
    filters: { after: runIdSchema.optional() },
    async read(c, { after, limit }, { archive, job }) {
      demand(c, parts, "read");
      const { items, next } = await archiveOf(archive).runs(job, { after, limit: Math.min(limit, maxRuns) });
      return { items: items.map((run) => archivedRun(archive, run, timeOf(parts))), next };
    },
  });
  api.openapi(showRoute, async (c) => {
    demand(c, parts, "read");
    const named = c.req.valid("param");
    const stored = await storedOf(named);
    const artifacts = [...(await stored.artifacts())];
    return c.json({ ...archivedRun(named.archive, stored.record, timeOf(parts)), artifacts }, 200);
  });

  const path = "/archives/{archive}/runs/{job}/{id}";
  const pathOfHono = path.replace(/\{(\w+)\}/g, ":$1");
  const text = { content: { "text/plain": { schema: z.string() } } };
  api.openAPIRegistry.registerPath({
    ...{ method: "get", path: `${path}/log`, tags: [tag], summary: "Its log, or a part of it" },
    request: { params, headers: z.object({ range: z.string().optional() }) },
    responses: {
      200: { description: "All of it.", ...text },
      206: { description: "The part.", ...text },
      416: { description: "Nothing is there." },
      ...failures,
    },
  });
  api.get(`${pathOfHono}/log`, async (c) => {
    demand(c, parts, "read");
    const named = params.safeParse(c.req.param());
    if (!named.success) return answerInvalid(c, "param", named.error);
    return answerLog(c, await storedOf(named.data));
  });
  addLogsOf(api, parts, openLogLines(), { path, tag, params, find: storedOf });
  const bytes = z.string().openapi({ format: "binary" });
  api.openAPIRegistry.registerPath({
    ...{ method: "get", path: `${path}/artifacts/{path}`, tags: [tag], summary: "A file that it has left" },
    request: { params: params.extend({ path: z.string() }) },
    responses: {
      200: { description: "Its bytes.", content: { "application/octet-stream": { schema: bytes } } },
      ...failures,
    },
  });
  api.get(`${pathOfHono}/artifacts/:path{.+}`, async (c) => {
    demand(c, parts, "read");
    const named = params.safeParse(c.req.param());
    if (!named.success) return answerInvalid(c, "param", named.error);
    return answerArtifact(c, await storedOf(named.data), c.req.param("path") ?? "");
  });
}

function archivedRun(archive: string, run: RecordedRun, now: Date): ArchivedRunDocument {
  const { job, id, result, startedAt, finishedAt, revision, refs, where } = run;
  const mayGoOn = startedAt !== undefined && now.getTime() - startedAt.getTime() <= longestRun;
  const unended = mayGoOn ? "PENDING" : "UNKNOWN";
  return {
    ...{ archive, job, id, revision, where },
    result: result === "PENDING" || result === "CRASHED" ? unended : result,
    startedAt: startedAt?.toISOString(),
    endedAt: finishedAt?.toISOString(),
    repo: refs && `${refs.org}/${refs.repo}`,
    ref: refs?.base_ref,
    pull: refs?.pulls?.[0]?.number,
  };
}

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ServedAct } from "../../access/index.ts";
import { ObjectError } from "../../objects/index.ts";
import type { QueuedRun } from "../../queue/index.ts";
import { RunError, type TimedRun } from "../../store/index.ts";
import { type Done, demand, demandSomebody, doing, rightsOf } from "../acts.ts";
import { type Asking, type Env, timeOf } from "../context.ts";
import { addList } from "../lists/list.ts";
import { pageOfNamed } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json, jsonBody } from "../responses.ts";
import {
  lineSchema,
  moment,
  oneOfSchema,
  recordDocument,
  rowNumberSchema,
  runDocument,
  runIdSchema,
  runResults,
  runSchema,
  runStates,
  runTypes,
  shownRunSchema,
  tryDocument,
  wordsSchema,
} from "../schemas.ts";

const tags = ["runs"];
const params = z.object({ id: runIdSchema });

/** What counts and lists of runs are limited to. */
const fitting = {
  job: wordsSchema(200).optional().openapi({
    description: "Names with commas between; `*` stands for any text, here and in repositories and authors.",
    example: "push-snoopdb,post-*",
  }),
  kind: wordsSchema(32).optional(),
  type: oneOfSchema(runTypes).optional(),
  state: oneOfSchema(runStates).optional(),
  result: oneOfSchema(runResults).optional(),
  status: oneOfSchema(["held", "waiting", "running", ...runResults])
    .optional()
    .openapi({ description: "Where it is on its way, or how it ended: the words of both, as one." }),
  repo: wordsSchema(500).optional().openapi({ description: "URLs of repositories." }),
  pull: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
  author: wordsSchema(200).optional().openapi({ description: "Who opened the pull request." }),
  machine: wordsSchema(200)
    .optional()
    .openapi({ description: "Where it runs or ran last: what stands before the first colon of its worker." }),
  search: lineSchema(200).optional().openapi({
    description:
      "Beginnings of words, all of which have to be in the job, repository, ref, commit, author or summary.",
  }),
  since: moment.optional().openapi({ description: "Asked for at this time or later." }),
  until: moment.optional().openapi({ description: "Asked for before this time." }),
};

const filters = {
  ...fitting,
  order: z.enum(["newest", "oldest", "longest", "turn"]).default("newest").openapi({
    description:
      "`longest`: those alone that have run and ended. `turn`: those alone that wait, the next to start first.",
  }),
  after: rowNumberSchema.optional().openapi({ description: "The id that the page comes after." }),
  before: rowNumberSchema.optional().openapi({ description: "The id that the page comes before, instead." }),
};

const countSchema = z
  .object({
    runs: z.int(),
    isExact: z.boolean().openapi({ description: "Of more than 10,000 it is told about how many there are." }),
  })
  .openapi("RunTotal");

/** How many runs there are of a kind, as the API has it. */
export type RunTotalDocument = z.infer<typeof countSchema>;

const countRoute = createRoute({
  ...{ method: "get", path: "/runs/count", tags },
  summary: "How many runs a list has",
  request: { query: z.strictObject(fitting) },
  responses: { 200: json(countSchema, "Those of all its pages."), ...failures },
});

const showRoute = createRoute({
  method: "get",
  path: "/runs/{id}",
  tags,
  summary: "A run, with what is recorded of it",
  request: { params },
  responses: {
    200: json(shownRunSchema, "The run; without a record while it has not begun."),
    ...failures,
  },
});

const whySchema = z.strictObject({ why: z.string().trim().min(1).max(500) });
const changed = json(runSchema, "The run as it is now.");

const abortRoute = createRoute({
  method: "post",
  path: "/runs/{id}/abort",
  tags,
  summary: "Stop a run, whether it waits or runs",
  request: { params, body: { ...jsonBody(whySchema.partial()), required: false } },
  responses: { 202: changed, ...failures },
});

const holdRoute = createRoute({
  method: "post",
  path: "/runs/{id}/hold",
  tags,
  summary: "Let a waiting run wait for a person",
  request: { params, body: jsonBody(whySchema) },
  responses: { 200: changed, ...failures },
});

const releaseRoute = createRoute({
  method: "post",
  path: "/runs/{id}/release",
  tags,
  summary: "Let a held run have its turn",
  request: { params },
  responses: { 200: changed, ...failures },
});

/** What asking for a run came to. */
export const askedSchema = z
  .object({
    id: runIdSchema,
    outcome: z.enum(["queued", "coalesced"]).openapi({
      description: "Coalesced: a run of the same was waiting already, and this is one more reason for it.",
    }),
    state: z.enum(["held", "waiting"]),
  })
  .openapi("Asked");

const rerunRoute = createRoute({
  method: "post",
  path: "/runs/{id}/rerun",
  tags,
  summary: "Ask for the same once more",
  request: { params },
  responses: { 202: json(askedSchema, "The run that was asked for."), ...failures },
});

/** The routes of runs. */
export function addRuns(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { queue } = parts;
  /** The run as it is, for somebody who may do that to it. */
  const demanded = async (c: Asking, id: string, act: ServedAct) => {
    demandSomebody(c, parts);
    const before = await queue.read(id);
    const { located, ...rights } = await rightsOf(c, parts, before.job);
    const { name } = demand(c, parts, act, rights);
    return { before, name, job: located?.job };
  };

  addList(api, {
    ...{ path: "/runs", tag: "runs", summary: "Runs, the newest first", item: runSchema, filters },
    params: {},
    async read(c, query) {
      demand(c, parts, "read");
      const page = await queue.list(query);
      const waiting = await queue.whyWaiting(
        page.runs.filter(({ state }) => state === "waiting" || state === "held").map(({ id }) => id),
      );
      const { runs, next, previous } = page;
      return { items: runs.map((run) => runDocument(run, waiting.get(run.id))), next, previous };
    },
  });

  api.openapi(countRoute, async (c) => {
    demand(c, parts, "read");
    return c.json(await queue.count(c.req.valid("query")), 200);
  });

  addList(api, {
    ...{ path: "/runs/{id}/artifacts", tag: "runs", summary: "The files that a run has left" },
    item: z.object({ path: z.string() }),
    params: { id: runIdSchema },
    filters: { after: lineSchema(1_000).optional() },
    async read(c, query, { id }) {
      demand(c, parts, "read");
      const stored = await storedRun(parts, (await queue.read(id)).id);
      const found = stored === undefined ? [] : await stored.artifacts();
      return pageOfNamed(
        found.map((path) => ({ path })),
        query,
        ({ path }) => path,
      );
    },
  });

  api.openapi(showRoute, async (c) => {
    demand(c, parts, "read");
    const { id } = c.req.valid("param");
    const run = await queue.read(id);
    const [waiting, tries] = await Promise.all([queue.whyWaiting([id]), queue.tries(id)]);
    const attempts = tries.map(tryDocument);
    const stored = run.attempt === 0 ? undefined : await storedRun(parts, id);
    const document = runDocument(run, waiting.get(id));
    const record = stored && recordDocument(stored.record);
    const artifacts = stored === undefined ? [] : await listedArtifacts(stored);
    return c.json(
      { ...document, input: run.input as object, attempts, record, artifacts: artifacts && [...artifacts] },
      200,
    );
  });

  api.openapi(abortRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { before, name } = await demanded(c, id, "run");
    const why = c.req.valid("json")?.why ?? "by hand";
    const run = await doing(c, parts, async (sql) => {
      const result = await queue.abort(sql, id, { who: name, why });
      return { result, done: changeOf("run.abort", before, result, why) };
    });
    return c.json(runDocument(run), 202);
  });

  api.openapi(holdRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { before, name } = await demanded(c, id, "run");
    const { why } = c.req.valid("json");
    const run = await doing(c, parts, async (sql) => {
      const result = await queue.hold(sql, id, `${name}: ${why}`);
      return { result, done: changeOf("run.hold", before, result, why) };
    });
    return c.json(runDocument(run), 200);
  });

  api.openapi(releaseRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { before } = await demanded(c, id, "release");
    const run = await doing(c, parts, async (sql) => {
      const result = await queue.release(sql, id);
      return { result, done: changeOf("run.release", before, result) };
    });
    return c.json(runDocument(run), 200);
  });

  api.openapi(rerunRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { name, job } = await demanded(c, id, "run");
    const at = timeOf(parts).toISOString();
    const cause = { by: "hand", text: `rerun of ${id} by ${name}`, at, who: name } as const;
    const asked = await doing(c, parts, async (sql) => {
      // What writes nothing by now writes nothing when it is repeated either.
      const isDry = job?.work.kind === "promote" && job.work.promote.dryRun === true;
      const caution = { held: job?.hold, shadow: job?.shadow === true || isDry };
      const result = await queue.rerun(sql, id, cause, caution);
      return { result, done: { act: "run.rerun", subject: `run/${id}`, after: { ...result } } };
    });
    return c.json({ ...asked }, 202);
  });
}

/** Its artifacts; `undefined` while nobody can tell: the run itself, and a log that goes on, are in the database. */
async function listedArtifacts(stored: TimedRun): Promise<readonly string[] | undefined> {
  try {
    return await stored.artifacts();
  } catch (error) {
    if (error instanceof ObjectError) return undefined;
    throw error;
  }
}

/** The record of a run, which one that was aborted before it began has not. */
export async function storedRun({ runs }: ServerParts, id: string): Promise<TimedRun | undefined> {
  try {
    return await runs.find(id);
  } catch (error) {
    if (error instanceof RunError && error.code === "unknown-run") return undefined;
    throw error;
  }
}

function changeOf(act: string, before: QueuedRun, after: QueuedRun, why?: string): Done {
  return {
    act,
    subject: `run/${before.id}`,
    before: { state: before.state, held: before.held },
    after: { job: after.job, state: after.state, held: after.held, why },
  };
}

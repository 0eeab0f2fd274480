import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { AccessError, appendAudit } from "../../access/index.ts";
import { commandsUnder, holdWordsUnder, type ObeyedComment, wordsUnder } from "../../chatops/index.ts";
import { isJobOf, repositoryKey } from "../../jobs/index.ts";
import type { QueuedRun } from "../../queue/index.ts";
import {
  causesOf,
  findingsOf,
  holdIn,
  type KeptPull,
  type KeptReview,
  linesOf,
  listPulls,
  newestReviews,
  readPull,
  waitsOf,
} from "../../reviews/index.ts";
import { demand, whoOf } from "../acts.ts";
import { type Asking, type Env, timeOf } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import { afterPosition, afterValues, pageOfRows, placeText } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json, jsonBody } from "../responses.ts";
import {
  actBodySchema,
  actedSchema,
  actSchema,
  commandDocuments,
  findingDocument,
  findingSchema,
  judgedDocument,
  type KnownPull,
  lineDocument,
  lineSchema,
  pullDocument,
  pullIdSchema,
  pullSchema,
  rightsDocument,
  shownPullSchema,
  waitKinds,
  wordDocuments,
} from "../reviews/documents.ts";
import { pullRightsOf } from "../reviews/rights.ts";
import {
  jobNameSchema,
  rowNumberSchema,
  rowTimeSchema,
  runDocument,
  lineSchema as wordsSchema,
} from "../schemas.ts";

const tags = ["reviews"];
const params = z.object({ id: pullIdSchema });

/** Runs and commands of one pull request that are shown; runs, pull requests at a time, and times, that are looked through. */
const most = { shown: 20, runs: 500, looked: 200, steps: 10 };

const showRoute = createRoute({
  method: "get",
  path: "/reviews/{id}",
  tags,
  summary: "A pull request: what it changes, what was found, and what it waits for",
  request: { params },
  responses: { 200: json(shownPullSchema, "The pull request, as it was last seen."), ...failures },
});

const actRoute = createRoute({
  method: "post",
  path: "/reviews/{id}/{act}",
  tags,
  summary: "Give a command to a pull request, under your account on its forge",
  description:
    "What a comment under the pull request would do, decided by the same rules. It is for people who have logged in with that forge; tokens are refused. An approval is of the edges that are named, and is refused with 409 where others are asked for by now.",
  request: {
    params: params.extend({ act: actSchema }),
    body: { ...jsonBody(actBodySchema), required: false },
  },
  responses: { 200: json(actedSchema, "What was done."), ...failures },
});

/** The routes of pull requests that are reviewed. */
export function addReviews(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, queue } = parts;

  addList(api, {
    ...{ path: "/reviews", tag: "reviews", item: pullSchema, params: {} },
    summary:
      "Pull requests that are reviewed: those that are open, the longest first, or those that have ended",
    filters: {
      state: z.enum(["open", "ended"]).default("open"),
      repo: wordsSchema(500).optional().openapi({ description: "URL of the repository." }),
      pull: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
      author: wordsSchema(200).optional(),
      search: wordsSchema(200).optional().openapi({ description: "What stands somewhere in the title." }),
      waits: z
        .enum([...waitKinds, "nothing"])
        .optional()
        .openapi({ description: "Those that wait for it; `nothing`: those that can be merged." }),
      after: afterValues(rowTimeSchema, rowNumberSchema),
    },
    async read(c, { state, repo, pull: number, author, search, waits, limit, after }) {
      demand(c, parts, "read");
      const configured = repositoriesOf(parts);
      const wanted = repo === undefined ? undefined : repositoryKey(repo);
      const repositories = configured.filter((one) => wanted === undefined || one === wanted);
      const query = { state, repositories, number, author, search };
      const timeOfPull = ({ seenAt, endedAt }: KeptPull): Date => endedAt ?? seenAt;
      // What has ended waits for nothing, and is not merged any more.
      if (state === "ended" && waits !== undefined) return { items: [] };
      const runs = await openRuns(queue);
      const placeOf = (pull: KeptPull) => placeText([timeOfPull(pull).toISOString(), pull.id]);
      const found: KnownPull[] = [];
      let behind = after && ([new Date(after[0]), after[1]] as const);
      // What is waited for is known of those that were read alone.
      for (let steps = 1; ; steps += 1) {
        const asked = waits === undefined ? limit + 1 : most.looked;
        const rows = await listPulls(db, { ...query, after: behind, limit: asked });
        const known = await knownOf(parts, rows, runs);
        found.push(
          ...known.filter(
            (one) =>
              waits === undefined ||
              (waits === "nothing" ? one.waits.length === 0 : one.waits.some((wait) => wait.for === waits)),
          ),
        );
        const last = rows.at(-1);
        if (last === undefined || rows.length < asked || found.length > limit) break;
        if (steps === most.steps) return { items: found.map(pullDocument), next: placeOf(last) };
        behind = [timeOfPull(last), last.id];
      }
      return pageOfRows(found, limit, ({ pull }) => placeOf(pull), pullDocument);
    },
  });

  api.openapi(showRoute, async (c) => {
    demand(c, parts, "read");
    const { known, commands, words } = await find(parts, c.req.valid("param").id);
    const { pull, reviews } = known;
    const judged = reviews.map(async (review) =>
      judgedDocument(pull, review, await causesOf(db, review.run)),
    );
    const { runs } = await queue.list({ pull: pull.number, limit: most.runs });
    const own = runs.filter(isOf(pull)).slice(0, most.shown);
    return c.json(
      {
        ...pullDocument(known),
        labels: [...pull.labels],
        reviews: await Promise.all(judged),
        words: wordDocuments(pull, words),
        commands: commandDocuments(commands),
        runs: own.map((run) => runDocument(run)),
        you: rightsDocument(rightsOf(c, known, words)),
      },
      200,
    );
  });

  addList(api, {
    ...{ path: "/reviews/{id}/lines", tag: "reviews", item: lineSchema, params: { id: pullIdSchema } },
    summary: "Lines that a pull request adds, takes away or moves to another digest",
    filters: {
      job: jobNameSchema.optional().openapi({ description: "Whose review; the first by name without it." }),
      kind: z.enum(["added", "removed", "moved"]).optional(),
      project: wordsSchema(200).optional(),
      after: afterPosition,
    },
    async read(c, { job, after, limit, ...query }, { id }) {
      demand(c, parts, "read");
      const run = await runOf(parts, id, job);
      if (run === undefined) return { items: [] };
      const rows = await linesOf(db, run, { ...query, after, limit: limit + 1 });
      return pageOfRows(rows, limit, (line) => String(line.number), lineDocument);
    },
  });

  addList(api, {
    ...{ path: "/reviews/{id}/findings", tag: "reviews", item: findingSchema, params: { id: pullIdSchema } },
    summary: "What a review found, what fails first",
    filters: {
      job: jobNameSchema.optional().openapi({ description: "Whose review; the first by name without it." }),
      severity: z.enum(["fails", "mentions"]).optional(),
      code: z
        .string()
        .regex(/^[a-z-]{1,60}$/)
        .optional(),
      after: afterPosition,
    },
    async read(c, { job, after, limit, ...query }, { id }) {
      demand(c, parts, "read");
      const run = await runOf(parts, id, job);
      if (run === undefined) return { items: [] };
      const rows = await findingsOf(db, run, { ...query, after, limit: limit + 1 });
      return pageOfRows(rows, limit, (finding) => String(finding.number), findingDocument);
    },
  });

  api.openapi(actRoute, async (c) => {
    demand(c, parts, "read");
    const { id, act } = c.req.valid("param");
    const { edges, why } = c.req.valid("json") ?? {};
    const { known, words } = await find(parts, id);
    const { account, whyNot, refusals } = rightsOf(c, known, words);
    const refusal = refusals[act];
    if (account === undefined || refusal !== undefined || parts.commandPull === undefined) {
      throw new AccessError("forbidden", refusal ?? whyNot ?? "nobody knows who you are on the forge", {
        hint: `what you may, you can say in a comment: ${known.pull.page}`,
      });
    }
    const { url, number } = known.pull;
    const outcome = await parts.commandPull({ url, number, act, why, edges, by: account }, (sql, done) =>
      appendAudit(sql, { ...done, ...whoOf(c) }, timeOf(parts)).then(() => undefined),
    );
    return c.json({ ...outcome }, 200);
  });

  function rightsOf(
    c: Asking,
    { pull, reviews, hold }: KnownPull,
    words: Awaited<ReturnType<typeof wordsUnder>>,
  ) {
    const current = reviews.filter(({ commit }) => commit === pull.head);
    return pullRightsOf(c.get("identified").principal, parts, { pull, current, hold, words });
  }
}

/** Repositories whose pull requests jobs are of. */
function repositoriesOf({ jobs }: ServerParts): readonly string[] {
  const ofPulls = jobs
    .current()
    .jobs.filter(({ job }) => job.pullRequest !== undefined && isJobOf(job, "review"));
  return [...new Set(ofPulls.map(({ job }) => repositoryKey(job.repo)))];
}

/** A pull request, with all that was said and found of it. @throws {ServerError} `unknown-pull`. */
async function find(parts: ServerParts, id: string) {
  const { db, queue } = parts;
  const pull = await readPull(db, id);
  if (pull === undefined) {
    throw new ServerError("unknown-pull", "no pull request has that number here", {
      hint: "see those that there are: GET /api/v1/reviews",
    });
  }
  const [reviews, commands, words, holds, runs] = await Promise.all([
    newestReviews(db, [pull]),
    commandsUnder(db, pull.url, pull.number, most.shown),
    wordsUnder(db, pull.url, pull.number),
    holdWordsUnder(db, [pull]),
    openRuns(queue),
  ]);
  return { known: knownFrom(pull, reviews.get(pull.id) ?? [], holds[0] ?? [], runs), commands, words };
}

/** The run of the newest review of a job, or of the first. */
async function runOf({ db }: ServerParts, id: string, job: string | undefined): Promise<string | undefined> {
  const pull = await readPull(db, id);
  if (pull === undefined) throw new ServerError("unknown-pull", "no pull request has that number here");
  const reviews = (await newestReviews(db, [pull])).get(id) ?? [];
  return reviews.find((review) => job === undefined || review.job === job)?.run;
}

async function knownOf(
  { db }: ServerParts,
  pulls: readonly KeptPull[],
  runs: readonly QueuedRun[],
): Promise<readonly KnownPull[]> {
  if (pulls.length === 0) return [];
  const [reviews, holds] = await Promise.all([newestReviews(db, pulls), holdWordsUnder(db, pulls)]);
  return pulls.map((pull, at) => knownFrom(pull, reviews.get(pull.id) ?? [], holds[at] ?? [], runs));
}

async function openRuns(queue: ServerParts["queue"]): Promise<readonly QueuedRun[]> {
  const of = async (state: "waiting" | "running") =>
    (await queue.list({ kind: "review", state, limit: most.runs })).runs;
  return [...(await of("running")), ...(await of("waiting"))];
}

function isOf({ repository, number }: KeptPull): (run: QueuedRun) => boolean {
  return ({ repo, pull }) => pull === number && repo !== undefined && repositoryKey(repo) === repository;
}

function knownFrom(
  pull: KeptPull,
  reviews: readonly KeptReview[],
  comments: readonly ObeyedComment[],
  runs: readonly QueuedRun[],
): KnownPull {
  const commands = comments.flatMap(({ author: who, saidAt: at, outcomes }) =>
    outcomes.map(({ line, outcome }) => ({ who, line, at, isDone: outcome === "done" })),
  );
  const hold = pull.state === "open" ? holdIn(pull, commands) : undefined;
  const own = runs
    .filter(isOf(pull))
    .map(({ id, job, startedAt, askedAt }) => ({ id, job, since: startedAt ?? askedAt }));
  return { pull, reviews, hold, waits: waitsOf({ pull, reviews, hold, runs: own }) };
}

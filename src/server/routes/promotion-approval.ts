import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { cellStates, readMatrix } from "../../matrix/index.ts";
import {
  type ApprovalComparison,
  type ComparedWork,
  comparisonOf,
  type MergedReview,
  type PlaceInComparison,
  readCompared,
  sumCompared,
} from "../../reviews/index.ts";
import { demand } from "../acts.ts";
import type { Env } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import type { ServerParts } from "../model.ts";
import { failures, json } from "../responses.ts";
import { pullIdSchema } from "../reviews/documents.ts";
import { runDocument, runIdSchema } from "../schemas.ts";

const tags = ["promotions"];
const stateNames = cellStates.map(({ state }) => state);

const shownBySchema = z.object({
  id: pullIdSchema,
  number: z.int(),
  page: z.string().openapi({ description: "Its page on the forge." }),
  run: runIdSchema.optional().openapi({ description: "The run of its newest review." }),
  edgesHash: z.string().optional().openapi({ description: "What was approved." }),
  by: z
    .array(z.string())
    .openapi({ description: "Who has approved it; nobody of one that is not approved." }),
});

const comparedSchema = z
  .object({
    found: z.enum(["approved", "unapproved", "left"]),
    project: z.string(),
    name: z.string(),
    tag: z.string().nullable(),
    digest: z.string(),
    state: z.enum([...stateNames, "not-listed"]).openapi({
      description: "In this run; `not-listed` of what is as asked, or is not asked for any more.",
    }),
    mirrors: z.array(z.string()),
    pull: shownBySchema
      .optional()
      .openapi({ description: "The pull request whose approved review shows it." }),
  })
  .openapi("ComparedWork");

/** What a run does beside what was approved, as the API has it. */
export type ComparedWorkDocument = z.infer<typeof comparedSchema>;

const sumsSchema = z
  .object({
    run: runIdSchema,
    commit: z.string().optional(),
    why: z
      .string()
      .optional()
      .openapi({ description: "Why nothing is known to be approved: that is not the same as refused." }),
    pulls: z
      .array(
        shownBySchema.extend({
          title: z.string(),
          isAtCommit: z.boolean().openapi({
            description: "Its merge has made the commit of the run; otherwise it is known by its images.",
          }),
          isPlanKept: z.boolean().openapi({ description: "What its review would have done is still known." }),
          whyNot: z.string().optional().openapi({ description: "Why it is no approval." }),
        }),
      )
      .openapi({ description: "Merged pull requests that this run is of." }),
    edges: z.object({ approved: z.int(), unapproved: z.int(), left: z.int() }).openapi({
      description: "What it does and was approved, does and was not, and what was approved and it does not.",
    }),
    isWhole: z.boolean().openapi({ description: "All images were compared; otherwise the first 500." }),
  })
  .openapi("PromotionApproval");

/** What of a run was approved, as the API has it. */
export type PromotionApprovalDocument = z.infer<typeof sumsSchema>;

const sumsRoute = createRoute({
  method: "get",
  path: "/runs/{id}/promotion/approval",
  tags,
  summary: "Which merged pull requests have approved what a run does, and how much of it",
  request: { params: z.object({ id: runIdSchema }) },
  responses: { 200: json(sumsSchema, "The sums."), ...failures },
});

const placeSchema = z
  .string()
  .regex(/^[0-9]{1,20}(\.[0-9]{1,9}){2}$/)
  .transform((text): PlaceInComparison => {
    const [run = "", at, taken] = text.split(".");
    return { run, at: Number(at), taken: Number(taken) };
  })
  .optional()
  .openapi({ type: "string", description: "What `next` of the page before says." });

/** The routes of what a promotion does beside what was approved. */
export function addPromotionApproval(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, queue } = parts;

  const comparisonFor = async (id: string): Promise<ApprovalComparison> => {
    const [run, matrix] = await Promise.all([queue.read(id), readMatrix(db, id)]);
    if (run.kind !== "promote" || matrix === undefined) {
      throw new ServerError("no-matrix", `nothing is known of what this ${run.kind} run promotes`, {
        hint:
          run.state === "ended" ? "look at its log and its files" : "it has not begun to plan: come again",
      });
    }
    const { repo, revision: commit } = runDocument(run);
    return comparisonOf(db, { id, repo, commit, endedAt: run.endedAt });
  };

  api.openapi(sumsRoute, async (c) => {
    demand(c, parts, "read");
    const comparison = await comparisonFor(c.req.valid("param").id);
    const { edges, isWhole, reviews } = await sumCompared(db, comparison);
    const { id: run, commit } = comparison.run;
    const why = edges.approved + edges.left > 0 ? undefined : whyNothing(comparison);
    return c.json({ run, commit, why, pulls: reviews.map(pullDocument), edges, isWhole }, 200);
  });

  addList(api, {
    ...{ path: "/runs/{id}/promotion/approved", tag: "promotions", item: comparedSchema },
    summary:
      "What a promotion does, with the pull request that has approved it; or what was approved and it does not do",
    params: { id: runIdSchema },
    filters: {
      which: z.enum(["all", "approved", "unapproved", "left"]).default("all").openapi({
        description:
          "All that it does, what of it is approved, or is not; or what is approved and it does not do.",
      }),
      after: placeSchema,
    },
    async read(c, { limit, after, which }, { id }) {
      demand(c, parts, "read");
      const isWanted = ({ found }: ComparedWork): boolean => which === "all" || found === which;
      const of = which === "left" ? "left" : "run";
      const page = await readCompared(db, await comparisonFor(id), of, { limit, after, isWanted });
      return {
        items: page.items.map(workDocument),
        next: page.next && `${page.next.run}.${page.next.at}.${page.next.taken}`,
      };
    },
  });
}

function whyNothing({ run: { repo, commit }, reviews }: ApprovalComparison): string {
  if (repo === undefined) return "nobody says which repository its manifests are in";
  const at = reviews.filter(({ isAtCommit }) => isAtCommit);
  const refused = at.find(({ whyNot }) => whyNot !== undefined);
  if (refused !== undefined) {
    return `pull request ${refused.pull.number}, whose merge it is of, is not approved: ${refused.whyNot}`;
  }
  if (reviews.length === 0) {
    return "no merged pull request of its repository was seen here: the manifests were changed before this server looked, or without one";
  }
  if (commit !== undefined && at.length === 0) {
    return "no merged pull request that was seen here has made its commit, and none that was approved shows any of its images: they were asked for before this server looked, or without one";
  }
  return "no approved review shows anything of it";
}

function shownByDocument({ pull: { id, number, page }, review, by }: MergedReview) {
  return { id, number, page, run: review?.run, edgesHash: review?.edgesHash, by: [...by] };
}

function pullDocument(merged: MergedReview): PromotionApprovalDocument["pulls"][number] {
  const { pull, isAtCommit, mirrors, whyNot } = merged;
  return {
    ...shownByDocument(merged),
    ...{ title: pull.title, isAtCommit, isPlanKept: mirrors !== undefined, whyNot },
  };
}

function workDocument({ state, by, mirrors, ...work }: ComparedWork): ComparedWorkDocument {
  return {
    ...work,
    ...{ state: state ?? "not-listed", mirrors: [...mirrors], pull: by && shownByDocument(by) },
  };
}

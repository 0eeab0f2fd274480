import { z } from "@hono/zod-openapi";
import { type ObeyedComment, pullActs } from "../../chatops/index.ts";
import type { Approval } from "../../forge/index.ts";
import type {
  FindingCause,
  KeptFinding,
  KeptLine,
  KeptPull,
  KeptReview,
  PullHold,
  PullWait,
} from "../../reviews/index.ts";
import { runIdSchema, runSchema, timeSchema } from "../schemas.ts";
import type { PullRights } from "./rights.ts";

const idSchema = z.string().regex(/^[0-9]{1,18}$/);
export const pullIdSchema = idSchema.openapi({ example: "17" });
const hashSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .openapi({ description: "Identity of the edges that are asked for: approvals are bound to it." });

export const waitKinds = ["trust", "review", "findings", "approval", "hold", "draft", "conflicts"] as const;

const waitSchema = z
  .object({
    for: z.enum(waitKinds),
    text: z.string(),
    since: timeSchema.optional(),
    run: runIdSchema.optional(),
  })
  .openapi("PullWait");

const holdSchema = z
  .object({
    by: z.enum(["label", "draft", "command"]),
    who: z.string().optional(),
    why: z.string().optional(),
    since: timeSchema.optional(),
  })
  .openapi("PullHold");

const verdict = z.enum(["passes", "fails"]);

export const pullSchema = z
  .object({
    id: pullIdSchema,
    repo: z.string(),
    number: z.int(),
    page: z.string().openapi({ description: "Its page on the forge." }),
    title: z.string(),
    author: z.string(),
    head: z.string().openapi({ description: "Its newest commit." }),
    base: z.string().openapi({ description: "The branch that it is for." }),
    state: z.enum(["open", "merged", "closed", "gone"]),
    draft: z.boolean(),
    seenAt: timeSchema,
    changedAt: timeSchema,
    endedAt: timeSchema.optional(),
    mergeCommit: z.string().optional(),
    review: z
      .object({
        run: runIdSchema,
        job: z.string(),
        verdict,
        isCurrent: z.boolean().openapi({ description: "It is of the newest commit." }),
        at: timeSchema,
        fails: z.int(),
        mentions: z.int(),
        added: z.int().openapi({ description: "Images in destinations." }),
        removed: z.int(),
        moved: z.int(),
      })
      .optional()
      .openapi({
        description: "What was found of its newest commit: of several jobs' reviews, one that fails.",
      }),
    hold: holdSchema.optional(),
    waitsFor: z.array(z.enum(waitKinds)),
    waits: z.array(waitSchema).openapi({ description: "What it waits for before it can be merged." }),
  })
  .openapi("ReviewedPull");

/** A pull request as lists of the API have it. */
export type ReviewedPullDocument = z.infer<typeof pullSchema>;

export const lineSchema = z
  .object({
    number: z.int(),
    kind: z.enum(["added", "removed", "moved", "source-changed"]),
    project: z.string(),
    image: z.string(),
    tag: z.string().nullable(),
    digest: z.string(),
    before: z.string().optional(),
    file: z.string(),
    line: z.int(),
    source: z.string(),
    destinations: z.array(z.string()),
    verdicts: z.record(z.string(), z.int()).optional(),
    what: z.string(),
    since: z.string(),
    attached: z.string(),
  })
  .openapi("ReviewedLine");

/** A line of a change, as the API has it. */
export type ReviewedLineDocument = z.infer<typeof lineSchema>;

export const findingSchema = z
  .object({
    number: z.int(),
    severity: z.enum(["fails", "mentions"]),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    file: z.string(),
    line: z.int().optional(),
    gone: z.boolean().openapi({ description: "The place is where the line was before the change." }),
    isOld: z.boolean().openapi({ description: "It was so before the change." }),
    destinations: z.array(z.string()),
  })
  .openapi("ReviewFinding");

/** What a review found, as the API has it. */
export type ReviewFindingDocument = z.infer<typeof findingSchema>;

const approvalSchema = z.object({
  user: z.string(),
  commit: z.string().optional(),
  at: z.string().optional(),
});

const reviewSchema = z
  .object({
    run: runIdSchema,
    job: z.string(),
    commit: z.string(),
    isCurrent: z.boolean(),
    edgesHash: hashSchema,
    verdict,
    at: timeSchema,
    base: z.string(),
    planHash: z.string().optional(),
    path: z.string(),
    offline: z.boolean(),
    allowRemovals: z.boolean(),
    edges: z.record(z.string(), z.int()),
    outside: z.object({ errors: z.int(), warnings: z.int() }),
    fails: z.int(),
    mentions: z.int(),
    lines: z.int(),
    passedOver: z.int(),
    rewritten: z.int(),
    isCut: z.boolean().openapi({ description: "There is more than is kept: its run has all of it." }),
    projects: z.array(
      z.object({
        project: z.string(),
        files: z.array(
          z.object({
            file: z.string(),
            owners: z.object({ approvers: z.array(z.string()), reviewers: z.array(z.string()) }).optional(),
          }),
        ),
        added: z.int(),
        removed: z.int(),
        moved: z.int(),
        newDestinations: z.array(
          z.object({
            name: z.string(),
            edges: z.int(),
            mayPush: z.enum(["yes", "no", "unknown"]).optional(),
          }),
        ),
        removedDestinations: z.array(z.string()),
      }),
    ),
    causes: z.array(
      z.object({
        severity: z.enum(["fails", "mentions"]),
        code: z.string(),
        hint: z.string().optional(),
        count: z.int(),
        first: z.array(findingSchema),
      }),
    ),
    approvals: z
      .object({
        standing: z.array(approvalSchema),
        void: z.array(
          z.object({
            approval: approvalSchema,
            reason: z.enum(["not-an-approver", "commit-unknown", "edges-changed"]),
          }),
        ),
        uncovered: z.array(z.string()),
      })
      .optional()
      .openapi({ description: "As the review found them; missing where its job asks for none." }),
  })
  .openapi("JudgedReview");

/** A review of a pull request, as the API has it. */
export type JudgedReviewDocument = z.infer<typeof reviewSchema>;

const actNames = Object.keys(pullActs) as [keyof typeof pullActs, ...(keyof typeof pullActs)[]];
export const actSchema = z.enum(actNames);

export const commandSchema = z
  .object({
    at: timeSchema,
    who: z.string(),
    line: z.string(),
    outcome: z.enum(["done", "refused"]),
    text: z.string().optional(),
    onPage: z.boolean().openapi({ description: "It was given here, and not in a comment." }),
  })
  .openapi("PullCommand");

export const shownPullSchema = pullSchema
  .extend({
    labels: z.array(z.string()),
    reviews: z.array(reviewSchema).openapi({ description: "The newest of each job." }),
    words: z
      .array(approvalSchema.extend({ isCurrent: z.boolean() }))
      .openapi({ description: "Approvals that were given by commands." }),
    commands: z.array(commandSchema).openapi({ description: "The last ones, the newest first." }),
    runs: z.array(runSchema),
    you: z.object({
      login: z.string().optional().openapi({ description: "Who you are on its forge." }),
      whyNot: z.string().optional().openapi({ description: "Why you can do nothing to it here." }),
      acts: z.array(z.object({ act: actSchema, may: z.boolean(), why: z.string().optional() })),
    }),
  })
  .openapi("ShownPull");

/** A pull request as the API shows it by itself. */
export type ShownPullDocument = z.infer<typeof shownPullSchema>;

export const actedSchema = z
  .object({ line: z.string(), outcome: z.enum(["done", "refused"]), text: z.string().optional() })
  .openapi("PullCommandOutcome");

export const actBodySchema = z.strictObject({
  edges: z
    .array(hashSchema)
    .min(1)
    .max(20)
    .optional()
    .openapi({ description: "What is approved: the `edgesHash` of each review that was read." }),
  why: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u)
    .optional()
    .openapi({ description: "Why it is held." }),
});

/** A pull request, with what is known of it. */
export interface KnownPull {
  readonly pull: KeptPull;
  readonly reviews: readonly KeptReview[];
  readonly hold: PullHold | undefined;
  readonly waits: readonly PullWait[];
}

export function pullDocument({ pull, reviews, hold, waits }: KnownPull): ReviewedPullDocument {
  const { id, url, number, page, title, author, head, base, state, draft, mergeCommit } = pull;
  const shown = worstReview(head, reviews);
  return {
    ...{ id, repo: url, number, page, title, author, head, base, state, draft, mergeCommit },
    seenAt: pull.seenAt.toISOString(),
    changedAt: pull.changedAt.toISOString(),
    endedAt: pull.endedAt?.toISOString(),
    review: shown && {
      ...{ run: shown.run, job: shown.job, verdict: shown.verdict, at: shown.at.toISOString() },
      ...{
        isCurrent: shown.commit === head,
        fails: shown.summary.fails,
        mentions: shown.summary.mentions,
      },
      ...{ added: shown.summary.edges.added, removed: shown.summary.edges.removed },
      moved: shown.summary.edges.moved,
    },
    hold: hold && { ...hold, since: hold.since?.toISOString() },
    waitsFor: [...new Set(waits.map((wait) => wait.for))],
    waits: waits.map(({ since, ...wait }) => ({ ...wait, since: since?.toISOString() })),
  };
}

/**
 * The review that stands for all that are of the newest commit that has one: the first that fails, so that none hides what another
 * one has found; of those alike, the newest.
 */
function worstReview(head: string, reviews: readonly KeptReview[]): KeptReview | undefined {
  const byTime = reviews.toSorted((one, other) => other.at.getTime() - one.at.getTime());
  const commit = byTime.some((review) => review.commit === head) ? head : byTime[0]?.commit;
  const ofCommit = byTime.filter((review) => review.commit === commit);
  return ofCommit.find(({ verdict: found }) => found === "fails") ?? ofCommit[0];
}

export function judgedDocument(
  pull: KeptPull,
  { run, job, commit, edgesHash, verdict: found, at, summary, approvals }: KeptReview,
  causes: readonly FindingCause[],
): JudgedReviewDocument {
  const { projects, edges, ...rest } = summary;
  return {
    ...{ run, job, commit, edgesHash, verdict: found, at: at.toISOString(), ...rest },
    isCurrent: commit === pull.head,
    edges: { ...edges },
    projects: projects.map(({ files, newDestinations, removedDestinations, ...project }) => ({
      ...project,
      files: files.map(({ file, owners }) => ({
        file,
        owners: owners && { approvers: [...owners.approvers], reviewers: [...owners.reviewers] },
      })),
      newDestinations: newDestinations.map((destination) => ({ ...destination })),
      removedDestinations: [...removedDestinations],
    })),
    causes: causes.map(({ first, ...cause }) => ({ ...cause, first: first.map(findingDocument) })),
    approvals: approvals && {
      standing: approvals.standing.map((approval) => ({ ...approval })),
      void: approvals.void.map(({ approval, reason }) => ({ approval: { ...approval }, reason })),
      uncovered: [...approvals.uncovered],
    },
  };
}

export function lineDocument({ verdicts, destinations, ...line }: KeptLine): ReviewedLineDocument {
  const counts =
    verdicts && Object.entries(verdicts).filter((pair): pair is [string, number] => pair[1] !== undefined);
  return { ...line, destinations: [...destinations], verdicts: counts && Object.fromEntries(counts) };
}

export function findingDocument({ destinations, ...finding }: KeptFinding): ReviewFindingDocument {
  return { ...finding, destinations: [...destinations] };
}

/** What was commanded, the newest first. */
export function commandDocuments(comments: readonly ObeyedComment[]): z.infer<typeof commandSchema>[] {
  return [...comments].reverse().flatMap(({ comment, author, saidAt, outcomes }) =>
    outcomes.map(({ line, outcome, text }) => ({
      ...{ at: saidAt.toISOString(), who: author, line, outcome, text },
      onPage: comment.startsWith("page:"),
    })),
  );
}

export function wordDocuments({ head }: KeptPull, words: readonly Approval[]) {
  return words.map((word) => ({ ...word, isCurrent: word.commit === head }));
}

export function rightsDocument({ account, whyNot, refusals }: PullRights): ShownPullDocument["you"] {
  return {
    ...{ login: account?.login, whyNot },
    acts: actNames.map((act) => ({ act, may: refusals[act] === undefined, why: refusals[act] })),
  };
}

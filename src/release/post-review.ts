import { codeSpan } from "../comparison/index.ts";
import type { CommitStatus, ForgeProject, PullRequest } from "../forge/index.ts";
import { openGitRepository } from "../git/index.ts";
import { type OwnersRules, readOwners } from "../owners/index.ts";
import {
  type ApprovalState,
  approvalState,
  filesOf,
  formatReviewMarkdown,
  type Review,
  reviewMarker,
  withOwners,
} from "../review/index.ts";
import { ReleaseError } from "./errors.ts";
import { type HoldMeans, obeyHoldWords } from "./hold.ts";

/** The name of the commit status, unless another one is asked for. */
const reviewContext = "pull-waybill-review";

/** A review, and where it is to be shown. */
export interface PostedReview {
  readonly project: ForgeProject;
  readonly number: number;
  readonly review: Review;
  /** Name of the commit status: {@link reviewContext} when left out. */
  readonly context?: string | undefined;
  /** Where the run can be looked at. */
  readonly url?: string | undefined;
  /** What a `/hold` under the pull request does, where it is obeyed here: nothing is when it is left out. */
  readonly hold?: readonly HoldMeans[];
  /** What has to have been approved; nothing when left out. */
  readonly approval?: ApprovalRules;
}

/** Who has to approve what. */
export interface ApprovalRules {
  /** Files that nobody who may has approved, given those who have. */
  readonly uncovered: (users: readonly string[]) => readonly string[];
  readonly mayApprove: (user: string) => boolean;
  /**
   * The edges that the change asked for at a commit of the pull request, as their hash; `undefined` when the commit is not
   * known.
   */
  readonly edgesHashAt: (commit: string, pullRequest: PullRequest) => Promise<string | undefined>;
}

/** What is said under the pull request now. */
export interface PostResult {
  readonly pullRequest: PullRequest;
  /** Absent when no approval was asked for. */
  readonly approvals?:
    | (ApprovalState & {
        /** Changed files that no standing approval covers. */
        readonly uncovered: readonly string[];
      })
    | undefined;
  readonly passes: boolean;
}

/** What is to be said of a review: a comment, and the status of its commit. */
export interface ReviewWords extends PostResult {
  /** The marker is by what the comment is found again. */
  readonly comment: { readonly marker: string; readonly body: string };
  readonly status: CommitStatus;
}

/**
 * What is to be said under a pull request of what a review found: one comment, which later reviews write anew, and a commit status, which
 * is a success only when nothing fails and what has to be approved is. Writes nothing.
 * @throws {ReleaseError} `outdated-review` when the pull request has moved on, and {@link ForgeError}.
 */
export async function wordsOfReview(options: Omit<PostedReview, "hold">): Promise<ReviewWords> {
  const { project, number, review, context = reviewContext, url } = options;
  const before = await project.pullRequests.read(number);
  const { commit } = review.head;
  if (commit === undefined || commit !== before.head.commit) throw outdated(before, commit);
  const approvals =
    options.approval === undefined ? undefined : await judgeApprovals(options, options.approval, before);
  const isApproved = approvals === undefined || approvals.uncovered.length === 0;
  const passes = review.verdict === "passes" && isApproved;
  const text = formatReviewMarkdown(review);
  const body = approvals === undefined ? text : `${text}\n${inWords(approvals)}\n`;
  const state = passes ? "success" : review.verdict === "passes" ? "pending" : "failure";
  return {
    ...{ pullRequest: before, approvals, passes },
    comment: { marker: reviewMarker, body },
    status: { context, state, description: describe(review, isApproved), url },
  };
}

/**
 * Says under a pull request what a review found: one comment, which later reviews write anew, and a commit status, which
 * is a success only when nothing fails and what has to be approved is. Obeys the newest `/hold` or `/hold cancel`.
 * @throws {ReleaseError} `outdated-review` when the pull request has moved on, and {@link ForgeError}.
 */
export async function postReview(options: PostedReview): Promise<PostResult> {
  const { project, number, review, hold } = options;
  const { comment, status, pullRequest: before, approvals, passes } = await wordsOfReview(options);
  await project.conversation.put(number, comment.marker, comment.body);
  await project.statuses.set(review.head.commit ?? before.head.commit, status);
  // What is merged or closed can be looked at, but not be held.
  const { pullRequest } =
    before.state === "open" && hold !== undefined
      ? await obeyHoldWords(project, number, hold)
      : { pullRequest: before };
  return { pullRequest, approvals, passes };
}

async function judgeApprovals(
  { project, number, review }: Omit<PostedReview, "hold">,
  { uncovered, mayApprove, edgesHashAt }: ApprovalRules,
  pullRequest: PullRequest,
): Promise<NonNullable<PostResult["approvals"]>> {
  const approvals = await project.conversation.approvals(number);
  const commits = [...new Set(approvals.flatMap((approval) => approval.commit ?? []))];
  const hashes = new Map(
    await Promise.all(commits.map(async (one) => [one, await edgesHashAt(one, pullRequest)] as const)),
  );
  const state = approvalState({
    approvals,
    edgesHashAt: (one) => hashes.get(one),
    head: { commit: pullRequest.head.commit, edgesHash: review.edgesHash },
    mayApprove,
  });
  return { ...state, uncovered: uncovered(state.standing.map(({ user }) => user)) };
}

function describe({ verdict, edges, findings, plan }: Review, isApproved: boolean): string {
  const fails = findings.filter(({ severity }) => severity === "fails").length;
  const what =
    verdict === "fails"
      ? `${fails} ${fails === 1 ? "finding fails" : "findings fail"}`
      : isApproved
        ? `${edges.added} to promote`
        : "waits for approval";
  return plan === undefined ? what : `${what}; plan ${plan.hash.slice(0, 19)}`;
}

const reasons = {
  "not-an-approver": "may not approve this",
  "commit-unknown": "nobody can tell what was approved",
  "edges-changed": "something else was approved than is asked for now",
} as const;

function inWords({ standing, void: fallen, uncovered }: NonNullable<PostResult["approvals"]>): string {
  return [
    "### Approvals",
    "",
    ...standing.map(({ user }) => `- ${codeSpan(user)}: stands`),
    ...fallen.map(({ approval, reason }) => `- ${codeSpan(approval.user)}: void, ${reasons[reason]}`),
    ...uncovered.map((file) => `- ${codeSpan(file)}: nobody who may has approved it`),
  ].join("\n");
}

function outdated(pullRequest: PullRequest, commit: string | undefined): ReleaseError {
  const reviewed = commit === undefined ? "of files that are not committed" : `of ${commit.slice(0, 12)}`;
  return new ReleaseError(
    "outdated-review",
    `the pull request stands at ${pullRequest.head.commit.slice(0, 12)}, the review is ${reviewed}`,
    { where: pullRequest.url, hint: "check the newest commit out, name it with --head, and run it again" },
  );
}

/** A review that says who may approve its files, and the rules that say so. */
export interface OwnedReview {
  readonly review: Review;
  readonly owners: OwnersRules;
}

/**
 * A review with those who may approve its files, as its base says: what a change says of its own owners counts only after
 * it has been merged.
 * @param path where the reviewed manifests are, in a checkout.
 * @throws {GitError}
 */
export async function withBaseOwners(
  path: string,
  review: Review,
  environment?: NodeJS.ProcessEnv,
): Promise<OwnedReview> {
  const repository = await openGitRepository(path, environment);
  const files = repository.filesAt(await repository.commitOf(review.base.commit));
  try {
    const owners = await readOwners(files, filesOf(review));
    const ownersOf = (file: string) => owners.ownersOf([file]).find(({ by }) => by.length > 0);
    return { review: withOwners(review, ownersOf), owners };
  } finally {
    files.close();
  }
}

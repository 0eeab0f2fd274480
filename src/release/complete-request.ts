import { ForgeError, type ForgeProject, type PullRequest } from "../forge/index.ts";
import { ReleaseError } from "./errors.ts";
import { type HoldMeans, hold, holdsOf, isHoldStatus, setHoldStatus } from "./hold.ts";

/** What a pull request must have beside its change. */
export interface WantedRequest {
  readonly title: string;
  /** The whole text, which says by what the request has been held. */
  readonly bodyWith: (held: readonly HoldMeans[]) => string;
  /** By what it has been held, as the text that is there says. */
  readonly held: readonly HoldMeans[];
  readonly labels: readonly string[];
  readonly hold: readonly HoldMeans[];
  readonly reviewers: readonly string[];
  readonly commit: string;
  /** The hold's status of the commit that stood there before, where a newer one has been pushed. */
  readonly before?: { readonly status: string | undefined } | undefined;
}

/** Something that a pull request must have, and has not. */
export interface NotDone {
  readonly what: "labels" | "hold" | "reviewers" | "text";
  /** Why, and who can do it, as one text. */
  readonly reason: string;
}

export interface CompletedRequest {
  readonly pullRequest: PullRequest;
  readonly changed: boolean;
  readonly notDone: readonly NotDone[];
  /** Reviewers whom the forge did not accept. */
  readonly notRequested: readonly { readonly reviewer: string; readonly reason: string }[];
}

/**
 * Makes an open pull request have all that it must have. Each thing is looked at, whatever earlier runs came to, and none keeps the
 * others from being done. Only the hold is remembered, in the text: by what it has been held once it is not held anew, because somebody
 * may have let it go; but a commit that takes the place of another is held as that one was.
 */
export async function completeRequest(
  project: ForgeProject,
  found: PullRequest,
  wanted: WantedRequest,
): Promise<CompletedRequest> {
  const { number, url } = found;
  const notDone: NotDone[] = [];
  const notRequested: CompletedRequest["notRequested"][number][] = [];
  let pullRequest = found;
  let changed = false;

  const attempt = async (
    what: NotDone["what"],
    again: string,
    work: () => Promise<void>,
  ): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isOfTheForge(error)) throw error;
      notDone.push({ what, reason: `${error.message}; ${remedy(error, project.path, again)}` });
      return false;
    }
  };

  const missing = wanted.labels.filter((label) => !hasLabel(pullRequest, label));
  if (missing.length > 0) {
    await attempt("labels", `add ${missing.join(", ")} to ${url}`, async () => {
      pullRequest = await project.pullRequests.update(number, {
        labels: [...pullRequest.labels, ...missing],
      });
      const left = missing.filter((label) => !hasLabel(pullRequest, label));
      if (left.length > 0) {
        throw new ReleaseError("left-out", `the forge has left the labels ${left.join(", ")} out`);
      }
      changed = true;
    });
  }

  const holdIt = async (means: readonly HoldMeans[]): Promise<void> => {
    const change = await hold(project, number, means);
    pullRequest = change.pullRequest;
    changed ||= change.changed.length > 0;
  };
  const held = [...wanted.held];
  const notHeld = wanted.hold.filter((means) => !held.includes(means));
  if (notHeld.length > 0 && (await succeeds(holdIt(notHeld)))) held.push(...notHeld);
  // Each alone: what one of them lacks need not keep the others away.
  for (const means of notHeld.filter((one) => !held.includes(one))) {
    const isDone = await attempt("hold", `waybill pr hold ${url} --by ${means}`, () => holdIt([means]));
    if (isDone) held.push(means);
  }
  if (wanted.hold.includes("status") && wanted.held.includes("status")) {
    await attempt("hold", `waybill pr hold ${url} --by status`, async () => {
      changed = (await renewStatus(project, pullRequest, wanted)) || changed;
    });
  }

  if (wanted.reviewers.length > 0) {
    await attempt("reviewers", `request a review of ${wanted.reviewers.join(", ")} at ${url}`, async () => {
      const { requested, refused } = await project.pullRequests.requestReviews(number, wanted.reviewers);
      notRequested.push(...refused);
      changed ||= requested.length > 0;
    });
  }

  const { title } = wanted;
  const body = wanted.bodyWith(held);
  if (pullRequest.title !== title || pullRequest.body.trim() !== body.trim()) {
    await attempt("text", `change title and text of ${url}`, async () => {
      pullRequest = await project.pullRequests.update(number, { title, body });
      changed = true;
    });
  }
  return { pullRequest, changed, notDone, notRequested };
}

function isOfTheForge(error: unknown): error is ForgeError | ReleaseError {
  return error instanceof ForgeError || error instanceof ReleaseError;
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isOfTheForge(error)) return false;
    throw error;
  }
}

/** Gives the newest commit the status that its predecessor had. A commit without any is held where nothing says that it was let go. */
async function renewStatus(
  project: ForgeProject,
  { labels, draft }: PullRequest,
  { hold: means, commit, before }: WantedRequest,
): Promise<boolean> {
  const statuses = await project.statuses.read(commit);
  if (statuses.some(isHoldStatus)) return false;
  const lasting = means.filter((one) => one !== "status");
  const standing = holdsOf({ labels, draft }, []);
  const isLetGo =
    before?.status === undefined
      ? lasting.length > 0 && !lasting.some((one) => standing.includes(one))
      : before.status === "success";
  if (isLetGo && before?.status === undefined) return false;
  await setHoldStatus(project, commit, !isLetGo);
  return true;
}

/** GitHub knows a label whatever its case. */
function hasLabel({ labels }: PullRequest, label: string): boolean {
  return labels.some((one) => one.toLowerCase() === label.toLowerCase());
}

function remedy(error: ForgeError | ReleaseError, path: string, again: string): string {
  return error.code === "forbidden" || error.code === "left-out"
    ? `somebody who may write to ${path} can: ${again}`
    : "run it again: what is there stays as it is, and what is missing is done";
}

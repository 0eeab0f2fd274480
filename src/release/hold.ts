import {
  type Comment,
  type CommitStatus,
  type ForgeKind,
  type ForgeProject,
  type PullRequest,
  saidLines,
} from "../forge/index.ts";
import { ReleaseError } from "./errors.ts";

/** What keeps a pull request from being merged: a label, its being a draft, or a commit status that stays pending. */
export type HoldMeans = (typeof holdMeans)[number];
export const holdMeans = ["label", "draft", "status"] as const;

/** The label that the incumbents' merge robot waits for. */
export const holdLabel = "do-not-merge/hold";
/** The name of the commit status; a branch that requires it cannot be merged into while it is pending. */
export const holdContext = "waybill-hold";

/**
 * What users of a forge expect: on GitHub the label that Prow knows and a status that a branch may require, because
 * nobody is asked to review a draft there; elsewhere a draft, which the forge itself does not merge.
 */
const usual: Readonly<Record<ForgeKind, readonly HoldMeans[]>> = {
  github: ["label", "status"],
  gitlab: ["label", "draft"],
  gitea: ["label", "draft"],
};

/** What holds a pull request on a forge of this kind, unless somebody asks for something else. */
export function usualHold(kind: ForgeKind): readonly HoldMeans[] {
  return usual[kind];
}

/** A word of somebody under a pull request that asks to hold it, or not to any more. */
export interface HoldWord {
  readonly held: boolean;
  readonly by: string;
  readonly at: string;
}

/** The commands as Prow reads them: alone at the beginning of a line, in any case. */
const holding = /^\/hold(?:\s.*)?$/i;
const releasing = /^\/(?:remove-hold|hold\s+cancel|unhold)(?:\s.*)?$/i;

/** Whether a line asks to hold, or not to any more; `undefined` where it says neither. */
export function holdWordIn(line: string): boolean | undefined {
  return releasing.test(line) ? false : holding.test(line) ? true : undefined;
}

/**
 * The newest command among comments: of several in one comment the last. What stands in a code block or in a quotation is
 * not meant, and a program gives none.
 */
export function newestHoldWord(comments: readonly Comment[]): HoldWord | undefined {
  let newest: HoldWord | undefined;
  for (const { author, body, createdAt, isByBot } of comments) {
    if (isByBot) continue;
    for (const line of saidLines(body)) {
      const held = holdWordIn(line);
      if (held !== undefined) newest = { held, by: author, at: createdAt };
    }
  }
  return newest;
}

/** Whether a status is the one that says whether its commit is held. */
export function isHoldStatus({ context }: CommitStatus): boolean {
  return context === holdContext;
}

/** Whether a pull request is held, and by what. */
export function holdsOf(
  { labels, draft }: Pick<PullRequest, "labels" | "draft">,
  statuses: readonly CommitStatus[],
): readonly HoldMeans[] {
  const status = statuses.find(isHoldStatus);
  return [
    ...(labels.includes(holdLabel) ? (["label"] as const) : []),
    ...(draft ? (["draft"] as const) : []),
    ...(status !== undefined && status.state !== "success" ? (["status"] as const) : []),
  ];
}

/** What was done to hold a pull request, or to hold it no longer. */
export interface HoldChange {
  readonly pullRequest: PullRequest;
  readonly changed: readonly HoldMeans[];
}

/**
 * Holds a pull request by these means; nothing is done twice.
 * @throws {ReleaseError} `not-open` when there is nothing to hold any more, `left-out` when the forge does not do it and does not say
 * why; {@link ForgeError}.
 */
export async function hold(
  project: ForgeProject,
  number: number,
  means: readonly HoldMeans[],
): Promise<HoldChange> {
  const before = await project.pullRequests.read(number);
  if (before.state !== "open") throw notOpen(before);
  const statuses = means.includes("status") ? await project.statuses.read(before.head.commit) : [];
  const standing = holdsOf(before, statuses);
  const missing = means.filter((one) => !standing.includes(one));
  const change = await switchMeans(project, before, missing, true);
  const inForce = holdsOf(change.pullRequest, []);
  const left = missing.filter((one) => one !== "status" && !inForce.includes(one));
  if (left.length === 0) return change;
  throw new ReleaseError("left-out", `the forge has not held it by ${left.join(" and ")}`, {
    where: before.url,
    hint: "it leaves out what the token's user may not do: somebody who may write to the repository can hold it",
  });
}

function notOpen({ state, url }: PullRequest): ReleaseError {
  return new ReleaseError("not-open", `the pull request is ${state}: nothing of it can be held`, {
    where: url,
    hint: state === "merged" ? "what it asked for is taken back by another change" : "reopen it first",
  });
}

/** Holds a pull request no longer, by whatever means it is held. @throws {ForgeError} */
export async function unhold(project: ForgeProject, number: number): Promise<HoldChange> {
  const before = await project.pullRequests.read(number);
  return switchMeans(
    project,
    before,
    holdsOf(before, await project.statuses.read(before.head.commit)),
    false,
  );
}

async function switchMeans(
  project: ForgeProject,
  before: PullRequest,
  changed: readonly HoldMeans[],
  held: boolean,
): Promise<HoldChange> {
  const others = before.labels.filter((label) => label !== holdLabel);
  const change = {
    ...(changed.includes("label") ? { labels: held ? [...others, holdLabel] : others } : {}),
    ...(changed.includes("draft") ? { draft: held } : {}),
  };
  const isChanged = Object.keys(change).length > 0;
  const pullRequest = isChanged ? await project.pullRequests.update(before.number, change) : before;
  if (changed.includes("status")) {
    await setHoldStatus(project, pullRequest.head.commit, held);
  }
  return { pullRequest, changed };
}

/** Says of a commit whether it is held. @throws {ForgeError} */
export async function setHoldStatus(project: ForgeProject, commit: string, held: boolean): Promise<void> {
  await project.statuses.set(commit, {
    context: holdContext,
    state: held ? "pending" : "success",
    description: held ? "held: waybill pr unhold, or /hold cancel, lets it go" : "not held",
  });
}

/**
 * Makes the pull request held, or not, as the newest command among its comments says; without one, it stays as it is. A
 * new commit has no status yet: where a command holds the request, it gets one.
 * @throws {ReleaseError} `not-open`, `left-out`; {@link ForgeError}.
 */
export async function obeyHoldWords(
  project: ForgeProject,
  number: number,
  means: readonly HoldMeans[],
): Promise<HoldChange & { readonly word: HoldWord | undefined }> {
  const word = newestHoldWord(await project.conversation.comments(number));
  if (word === undefined) {
    return { pullRequest: await project.pullRequests.read(number), changed: [], word };
  }
  return { ...(word.held ? await hold(project, number, means) : await unhold(project, number)), word };
}

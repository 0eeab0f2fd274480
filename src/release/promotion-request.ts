import { realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { BuiltImages } from "../builds/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import { type Forge, type ForgeRepository, fittingTitle, type PullRequest } from "../forge/index.ts";
import { type Clone, type GitCredential, openClone, type Tip } from "../git/index.ts";
import { type ImageAddition, imagesAdded, unifiedDiff } from "../manifest/index.ts";
import { type MergeOptions, type MergePlan, planMerge, planRunMerge, writeMerge } from "../merge/index.ts";
import { completeRequest, type NotDone } from "./complete-request.ts";
import { ReleaseError } from "./errors.ts";
import { type HoldMeans, isHoldStatus } from "./hold.ts";
import { sourceOf } from "./promoted-project.ts";
import {
  bodyOf,
  bodyWith,
  branchNameOf,
  commitMessageOf,
  heldIn,
  isOurCommit,
  type RequestLink,
  type Subject,
  titleOf,
} from "./request-text.ts";

/** A promotion that is to be proposed. */
export interface PromotionRequest extends Omit<MergeOptions, "tree" | "staging" | "selection" | "beside"> {
  readonly forge: Forge;
  readonly subject: Subject;
  /** The staging registry; that of the subject's project in the manifests when left out. */
  readonly staging?: string | undefined;
  /** What a run built: exactly that is proposed, as far as filters let it through; what staging has when it is left out. */
  readonly run?: BuiltImages | undefined;
  /**
   * What the open one of the same branch proposes stays in it, but for tags that have another digest now: several who propose for one
   * tag, each its part, make one pull request.
   */
  readonly keepsProposed?: boolean;
  /** Path of the repository that holds the manifests. */
  readonly upstream: string;
  /** Path of the repository to push to: a fork of it, or itself. */
  readonly fork: string;
  /**
   * A path in the checkout that the upstream was found in, where it was not named: a fork is then not taken for what is meant, and
   * who commits is whom the checkout names.
   */
  readonly foundIn?: string | undefined;
  /** Branch of the upstream repository; its default branch when left out. */
  readonly base?: string | undefined;
  /** Branch to push; made of project and tag when left out. */
  readonly branch?: string | undefined;
  /** Folder of thin manifests in the repository, or one plain manifest. */
  readonly manifests: string;
  /** A checkout whose objects are used instead of a clone. */
  readonly checkout?: string | undefined;
  /** Fetch and push over SSH, not over HTTP. */
  readonly ssh?: boolean;
  /** What Git shows to the forge over HTTP. */
  readonly credential?: GitCredential;
  readonly environment?: NodeJS.ProcessEnv;
  /** The command that does it again, for the text of the pull request. */
  readonly command: string;
  readonly title?: string | undefined;
  readonly links?: readonly RequestLink[];
  readonly reviewers?: readonly string[];
  readonly labels?: readonly string[];
  /** Empty: it is not held. */
  readonly hold: readonly HoldMeans[];
  readonly signOff?: boolean;
  readonly sign?: boolean | undefined;
  /** Print what would be proposed, and propose nothing. */
  readonly dryRun?: boolean;
  /** Looks at the commit as a reviewer would, and says what it saw as Markdown. */
  readonly review: (commit: ProposedCommit) => Promise<string>;
  /** Asked before each step that others can see; the rest is left when it says no. */
  readonly ask?: (question: string) => Promise<boolean>;
  readonly listener?: Listener<StepEvent> | undefined;
}

/** A step of a proposal begins, in words. */
export interface StepEvent {
  readonly type: "step";
  readonly text: string;
}

/** A commit that adds images, and where its files are. */
export interface ProposedCommit {
  /** The manifests in a clone that is on disk for as long as it is looked at. */
  readonly manifests: string;
  readonly base: string;
  readonly commit: string;
}

/**
 * What came of it.
 * - `nothing-to-do`: the manifests ask for all of it already; `pullRequest` is one that is open all the same.
 * - `proposed`: nothing was pushed, as for a dry run.
 * - `declined`: somebody said no to the next step.
 */
export interface PromotionRequestResult {
  readonly outcome: "nothing-to-do" | "proposed" | "declined" | "opened" | "updated" | "unchanged";
  readonly branch: string;
  readonly title: string;
  readonly body: string;
  readonly diff: string;
  readonly added: MergePlan["added"];
  readonly warnings: readonly string[];
  readonly pushed: boolean;
  readonly pullRequest?: PullRequest;
  /** What the pull request must have, and has not: why, and who can do it. */
  readonly notDone: readonly NotDone[];
  /** Reviewers whom the forge did not accept. */
  readonly notRequested: readonly { readonly reviewer: string; readonly reason: string }[];
}

/**
 * Proposes a promotion: merges images of a staging registry into the manifests of a branch, commits and pushes that,
 * and opens a pull request, or makes the one that is open as it should be. Doing it again repairs what is missing and
 * changes nothing else. The user's own checkout is not touched.
 * @throws {ReleaseError}, {@link ForgeError}, {@link GitError}, {@link MergeError}.
 */
export async function requestPromotion(options: PromotionRequest): Promise<PromotionRequestResult> {
  const { forge, subject, listener } = options;
  const upstream = await forge.repository(options.upstream);
  if (options.foundIn !== undefined && upstream.forkOf !== undefined) throw found(forge, upstream);
  const fork = options.fork === upstream.path ? upstream : await forge.repository(options.fork);
  checkFork(upstream, fork);
  const base = options.base ?? upstream.defaultBranch;
  const branch = options.branch ?? branchNameOf(subject);
  if (fork.path === upstream.path && branch === base) {
    throw new ReleaseError("invalid-request", `${branch} is the branch that the change is for`, {
      where: upstream.path,
      hint: "name another one with --branch",
    });
  }
  listener?.({ type: "step", text: `Fetching ${upstream.path} ${base}` });
  const clone = await openClone({
    upstream: urlOf(upstream, options),
    branch: base,
    checkout: options.checkout,
    committer: options.foundIn,
    ...(options.credential === undefined ? {} : { credentials: [options.credential] }),
    environment: options.environment,
  });
  try {
    return await proposeFrom(clone, { upstream, fork, base, branch }, options);
  } catch (error) {
    throw error instanceof WaybillError ? error.namedFrom(clone.folder) : error;
  } finally {
    await clone.close();
  }
}

interface Route {
  readonly upstream: ForgeRepository;
  readonly fork: ForgeRepository;
  readonly base: string;
  readonly branch: string;
}

function checkFork(upstream: ForgeRepository, fork: ForgeRepository): void {
  if (fork.path === upstream.path || fork.forkOf === upstream.path) return;
  const what = fork.forkOf === undefined ? "is no fork" : `is a fork of ${fork.forkOf}, not`;
  throw new ReleaseError("not-a-fork", `${fork.path} ${what} of ${upstream.path}`, {
    where: fork.webUrl,
    hint: `fork ${upstream.webUrl} first, or name the fork with --fork`,
  });
}

function found({ host }: Forge, { path, forkOf, webUrl }: ForgeRepository): ReleaseError {
  return new ReleaseError("fork-found", `the checkout comes from ${path}, which is a fork of ${forkOf}`, {
    where: webUrl,
    hint: `say for which the change is: --repo ${host}/${forkOf} --fork ${path}, or --repo ${host}/${path}`,
  });
}

function urlOf({ cloneUrl, sshUrl }: ForgeRepository, { ssh }: PromotionRequest): string {
  return ssh === true ? sshUrl : cloneUrl;
}

async function proposeFrom(
  clone: Clone,
  route: Route,
  options: PromotionRequest,
): Promise<PromotionRequestResult> {
  const { forge, subject, listener, ask = async () => true } = options;
  const { upstream, fork, base, branch } = route;
  const project = forge.project(upstream.path);
  const wantedTitle = options.title ?? titleOf(subject);
  const title = fittingTitle(forge.kind, wantedTitle);
  const manifests = await manifestsIn(clone, options.manifests);

  listener?.({ type: "step", text: "Reading staging" });
  const { staging } = options;
  const source = staging === undefined ? await sourceOf(manifests, subject.project) : { staging };
  const open = await project.pullRequests.find({ repository: fork.path, branch }, base);
  const known = open === undefined ? {} : { pullRequest: open };
  const remote = { url: urlOf(fork, options), branch };
  const tip = await clone.tipOf(remote);
  const isOurs = tip === undefined || isOurCommit(tip.message);
  const keeps = options.keepsProposed === true && open !== undefined && isOurs;
  const beside = keeps ? (path: string) => proposedBy(clone, tip, path) : undefined;
  const merged = await planned({ ...options, ...source, tree: manifests, beside });
  await refuseOutside(clone, merged.file);
  // A temporary folder means nothing to whoever reads the change.
  const file = relative(clone.folder, merged.file).split(sep).join("/");
  const result = {
    branch,
    title,
    body: "",
    diff: unifiedDiff(file, merged.before, merged.after),
    added: merged.added.map((edge) => ({ ...edge })),
    warnings: [
      ...new Set([...renamed(options.upstream, upstream), ...renamed(options.fork, fork)]),
      ...merged.warnings,
      ...(title.endsWith("…") && !wantedTitle.endsWith("…") ? [cutTitle] : []),
    ],
    pushed: false,
    notDone: [],
    notRequested: [],
  };
  if (merged.after === merged.before) return { ...result, ...known, outcome: "nothing-to-do" };

  await writeMerge(merged);
  const commit = await clone.commit({
    files: [file],
    message: commitMessageOf(subject, merged.added.map(inWords)),
    signOff: options.signOff ?? true,
    sign: options.sign,
  });
  const isThere = tip !== undefined && isOurs && (await clone.areEqual(tip.commit, commit, [file]));
  listener?.({ type: "step", text: "Reviewing" });
  const review = await options.review({
    manifests,
    base: clone.base,
    // Where the base has gone on since, it is what the tip would be there: the same each time.
    commit: !isThere
      ? commit
      : tip.parent === clone.base
        ? tip.commit
        : await clone.likeness(commit, tip.commit),
  });
  const bodyFor = (held: readonly HoldMeans[]): string =>
    bodyWith(
      open?.body ?? "",
      bodyOf({
        ...{ subject, command: options.command, links: options.links ?? [], review, held },
        hold: options.hold.length > 0 && forge.kind === "github",
      }),
    );
  const held = open === undefined ? [] : heldIn(open.body);
  const proposed = { ...result, body: bodyFor(held) };
  if (options.dryRun === true) return { ...proposed, ...known, outcome: "proposed" };

  if (!isOurs) throw taken(fork, branch);
  const heldBefore =
    open === undefined || isThere || !options.hold.includes("status") || !held.includes("status")
      ? undefined
      : { status: (await project.statuses.read(open.head.commit)).find(isHoldStatus)?.state };
  if (!isThere) {
    if (!(await ask(`Push to ${fork.path} ${branch}?`)))
      return { ...proposed, ...known, outcome: "declined" };
    listener?.({ type: "step", text: `Pushing ${branch} to ${fork.path}` });
    await clone.push(commit, remote, tip?.commit);
  }
  const pushed = { ...proposed, pushed: !isThere };
  if (open === undefined && !(await ask(`Open a pull request for ${upstream.path} ${base}?`))) {
    return { ...pushed, outcome: "declined" };
  }
  listener?.({
    type: "step",
    text:
      open === undefined
        ? `Opening a pull request for ${upstream.path} ${base}`
        : `Looking whether ${open.url} is as it should be`,
  });
  const there =
    open ??
    (await project.pullRequests.open({
      ...{ title, body: bodyFor([]), base, head: { repository: fork.path, branch } },
      draft: options.hold.includes("draft"),
    }));
  const { changed, ...completed } = await completeRequest(project, there, {
    ...{ title, bodyWith: bodyFor, held, commit: isThere ? tip.commit : commit },
    ...{ labels: options.labels ?? [], hold: options.hold, reviewers: options.reviewers ?? [] },
    before: heldBefore,
  });
  const outcome = open === undefined ? "opened" : changed || !isThere ? "updated" : "unchanged";
  return { ...pushed, body: completed.pullRequest.body, ...completed, outcome };
}

/** What is added to the manifests: what staging has, or a run has built. */
async function planned(
  options: MergeOptions & { readonly tree: string } & Pick<PromotionRequest, "run">,
): Promise<MergePlan> {
  const { run } = options;
  if (run === undefined) return planMerge(options);
  const { plans, leftOut } = await planRunMerge({ ...options, run });
  // One staging registry has one plan.
  const [plan] = plans;
  if (plan === undefined) throw new Error("a merge of a run has no plan");
  return { ...plan, warnings: [...plan.warnings, ...leftOut.map(({ message }) => message)] };
}

/** What our commit at the tip of a branch has added to a file of images. */
async function proposedBy(
  clone: Clone,
  tip: Tip | undefined,
  path: string,
): Promise<readonly ImageAddition[]> {
  if (tip?.parent === undefined) return [];
  const file = relative(clone.folder, path).split(sep).join("/");
  const [before, after] = await Promise.all([clone.textAt(tip.parent, file), clone.textAt(tip.commit, file)]);
  return before === undefined || after === undefined ? [] : imagesAdded(before, after);
}

async function manifestsIn({ folder }: Clone, path: string): Promise<string> {
  const full = join(folder, path);
  const isInside = full === folder || full.startsWith(`${folder}${sep}`);
  if (isInside && (await stat(full).then(Boolean, () => false))) return full;
  throw new ReleaseError("no-manifests", `the repository has no ${path}`, {
    where: path,
    hint: "name the folder of thin manifests in the repository with --manifests",
  });
}

/** A link in the repository must not have a file changed that is not in it. */
async function refuseOutside({ folder }: Clone, file: string): Promise<void> {
  if ((await realpath(file)).startsWith(`${folder}${sep}`)) return;
  throw new ReleaseError("no-manifests", "the images are behind a link that leads out of the repository", {
    where: relative(folder, file),
    hint: "put the file itself where the link is",
  });
}

/** What to say of a repository that goes by another name than it was asked for by. */
function renamed(named: string, { path }: ForgeRepository): readonly string[] {
  return named.toLowerCase() === path.toLowerCase() ? [] : [`${named} is called ${path} now`];
}

const cutTitle = "the title is longer than the forge takes: it is cut";

function inWords({ image, digest, tag }: MergePlan["added"][number]): string {
  return `${image}@${digest}${tag === undefined ? "" : ` as ${tag}`}`;
}

function taken(fork: ForgeRepository, branch: string): ReleaseError {
  return new ReleaseError("branch-taken", `the branch ${branch} holds somebody else's work`, {
    where: fork.webUrl,
    hint: "its newest commit was not made by waybill pr; name another branch with --branch",
  });
}

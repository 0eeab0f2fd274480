import type { Push } from "../git/index.ts";
import { searchFor } from "./expression.ts";
import { refOf } from "./limits.ts";
import type { ChangeFilter, Job, RegistryFilter } from "./model.ts";

/** Whether something starts a job, and why. */
export interface JobVerdict {
  readonly verdict: "run" | "skip";
  readonly reason: string;
}

/**
 * Whether a push starts a job, by Prow's rules for postsubmits: `skipBranch` wins over `branch`; a tag counts as a branch,
 * and as a push without changed paths, so that `paths` and `skipPaths` never let one through.
 */
export function judgePush(job: Job, push: Pick<Push, "ref" | "changes">): JobVerdict {
  if (job.on === undefined) return skip("no push starts it: it has no filter `on`");
  const name = branchName(push.ref);
  const byBranch = judgeBranch(job.on, name);
  if (byBranch.verdict === "skip") return byBranch;
  const byPath = judgePaths(job.on, push.ref.startsWith("refs/tags/") ? [] : push.changes, push.ref);
  return byPath ?? byBranch;
}

/**
 * Whether a ref is one that a job says to work on: that it names, or that is in the filter of its pushes; `undefined` where the job
 * names none at all, and works on the default branch. A filter that every push passes names none.
 */
export function namesRef(job: Job, ref: string): boolean | undefined {
  const named = [refOf(job, "hand"), refOf(job, "clock")].filter((name) => name !== undefined);
  const isFiltered = (job.on?.branch?.length ?? 0) > 0;
  if (named.length === 0 && !isFiltered) return undefined;
  if (named.includes(ref)) return true;
  return isFiltered && job.on !== undefined && judgeBranch(job.on, branchName(ref)).verdict === "run";
}

/**
 * Whether a pull request starts a job, by Prow's rules for presubmits.
 * @param branch that it is for, without `refs/heads/`.
 * @param changes paths that differ between it and where it left that branch.
 */
export function judgePull(job: Job, branch: string, changes: readonly string[]): JobVerdict {
  if (job.pullRequest === undefined) return skip("no pull request starts it: it has no filter pullRequest");
  const byBranch = judgeBranch(job.pullRequest, branch);
  if (byBranch.verdict === "skip") return byBranch;
  return judgePaths(job.pullRequest, changes, `refs/heads/${branch}`) ?? byBranch;
}

/**
 * Whether a push to a registry starts a job.
 * @param pushed the repository with its host, and the tag where there was one.
 */
export function judgeRegistryPush(
  { registry }: { readonly registry?: RegistryFilter | undefined },
  pushed: { readonly repository: string; readonly tag?: string | undefined },
): JobVerdict {
  if (registry === undefined) return skip("no registry starts it: it has no filter registry");
  const { repository, tag } = registry;
  const shown = JSON.stringify(pushed.repository);
  if (!searchFor(repository)(pushed.repository))
    return skip(`repository ${quoted(repository)} does not match ${shown}`);
  if (tag === undefined) return run(`repository ${quoted(repository)} matches ${shown}`);
  if (pushed.tag === undefined) return skip(`tag ${quoted(tag)} needs a tag, and none was pushed`);
  const isTag = searchFor(tag)(pushed.tag);
  const reason = `tag ${quoted(tag)} ${isTag ? "matches" : "does not match"} ${JSON.stringify(pushed.tag)}`;
  return isTag ? run(reason) : skip(reason);
}

/** The name that a pushed ref is filtered by, and that is its `PULL_BASE_REF`. */
export function branchName(ref: string): string {
  return ref.replace(/^refs\/(?:heads|tags)\//, "");
}

function judgeBranch({ branch = [], skipBranch = [] }: ChangeFilter, name: string): JobVerdict {
  const shown = JSON.stringify(name);
  if (skipBranch.length > 0 && searchFor(skipBranch)(name)) {
    return skip(`skipBranch ${quoted(skipBranch)} matches ${shown}`);
  }
  if (branch.length === 0) return run(`every branch but those of skipBranch: ${shown}`, skipBranch);
  if (searchFor(branch)(name)) return run(`branch ${quoted(branch)} matches ${shown}`);
  return skip(`branch ${quoted(branch)} does not match ${shown}`);
}

function judgePaths(
  { paths, skipPaths }: ChangeFilter,
  changes: readonly string[],
  ref: string,
): JobVerdict | undefined {
  const filter = paths ?? skipPaths;
  if (filter === undefined) return undefined;
  const name = paths === undefined ? "skipPaths" : "paths";
  if (changes.length === 0) {
    const isTag = ref.startsWith("refs/tags/");
    return skip(
      isTag
        ? `${name} never lets a tag through: its push has no changed paths`
        : `${name} needs a changed path, and nothing changed`,
    );
  }
  const search = searchFor([filter]);
  const found = changes.find((path) => search(path) === (paths !== undefined));
  const shown = JSON.stringify(filter);
  if (found !== undefined) {
    const verb = paths === undefined ? "does not match" : "matches";
    return run(`${name} ${shown} ${verb} ${JSON.stringify(found)}`);
  }
  const all = changes.length === 1 ? "the one changed path" : `all ${changes.length} changed paths`;
  const none =
    changes.length === 1
      ? "does not match the one changed path"
      : `matches none of ${changes.length} changed paths`;
  return skip(paths === undefined ? `${name} ${shown} matches ${all}` : `${name} ${shown} ${none}`);
}

function quoted(expressions: readonly string[]): string {
  return expressions.map((expression) => JSON.stringify(expression)).join(", ");
}

function skip(reason: string): JobVerdict {
  return { verdict: "skip", reason };
}

function run(reason: string, skipBranch?: readonly string[]): JobVerdict {
  return { verdict: "run", reason: skipBranch?.length === 0 ? "every push starts it" : reason };
}

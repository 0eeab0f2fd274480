import { join } from "node:path";
import { changedEdges, edgesHash } from "../edges/index.ts";
import { fetchBeside, type GitCredential, GitError, openGitRepository } from "../git/index.ts";
import { readManifestChange } from "../manifest/index.ts";
import type { Review } from "../review/index.ts";

/** Where the commit of an approval is looked for. */
export interface ApprovedAt {
  readonly path: string;
  readonly review: Pick<Review, "base" | "prefix">;
  /** Repositories to fetch it from when the checkout has not got it: a rebase has put another in its place. */
  readonly urls: readonly string[];
  readonly credential?: GitCredential | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/**
 * What a change asked for at a commit that somebody has approved, as the hash of its edges; `undefined` when nobody has the commit
 * any more, or it cannot be judged.
 */
export async function approvedEdges(commit: string, place: ApprovedAt): Promise<string | undefined> {
  const { path, review, urls, credential, environment } = place;
  const base = review.base.revision ?? review.base.commit;
  const here = await hashAt(path, base, commit, environment);
  if (here !== undefined) return here;
  const fetched = await fetchBeside(path, commit, { urls, credential, environment });
  if (fetched === undefined) return undefined;
  try {
    // Names of branches are those of the checkout.
    const name = base.replace(/\.\.\.$/, "");
    const known = await (await openGitRepository(path, environment)).commitOf(name);
    const there = name === base ? known : `${known}...`;
    return await hashAt(join(fetched.folder, review.prefix), there, commit, environment);
  } finally {
    await fetched.close();
  }
}

async function hashAt(
  path: string,
  base: string,
  head: string,
  environment: ApprovedAt["environment"],
): Promise<string | undefined> {
  try {
    const change = await readManifestChange(path, { base, head }, { environment });
    return edgesHash(changedEdges(change.base.tree, change.head.tree).changed);
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

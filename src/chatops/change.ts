import { GitError, openMirror } from "../git/index.ts";
import { type OwnersRules, readOwners } from "../owners/index.ts";
import type { PullToHeed } from "../triggers/index.ts";
import type { ChatWorld } from "./world.ts";

/** What a pull request changes, and whose it is. */
export interface PullChange {
  readonly files: readonly string[];
  /** As the newest commit of the base branch has them: what a change says of its own owners counts after its merge. */
  readonly owners: OwnersRules;
}

/**
 * Reads what a pull request changes; `undefined` where nobody can tell, because its commit or its base is nowhere any more.
 * @throws {GitError} when the repository cannot be read now.
 */
export async function readChange(
  { mirrors, maxMirrorBytes: maxBytes, environment, credentialOf, signal }: ChatWorld,
  { url, pull: { head, base } }: Pick<PullToHeed, "url" | "pull">,
): Promise<PullChange | undefined> {
  const credential = await credentialOf(url);
  const mirror = openMirror({ folder: mirrors, maxBytes, url, credential, environment, signal });
  await mirror.fetch();
  const isThere = await mirror.bring(head.commit, [url]);
  if (!isThere) return undefined;
  try {
    const commit = await mirror.commitOf(`refs/heads/${base.branch}`);
    const changed = await mirror.proposed(commit, head.commit);
    const files = (await mirror.open()).filesAt(commit);
    try {
      return { files: changed, owners: await readOwners(files, changed) };
    } finally {
      files.close();
    }
  } catch (error) {
    if (error instanceof GitError && error.code === "unknown-revision") return undefined;
    throw error;
  }
}

import { openGitRepository } from "../git/index.ts";
import { type OwnersRules, readOwners } from "../owners/index.ts";
import { filesOf, type Review } from "../review/index.ts";

/**
 * Who may approve the files of a review, as its base says: what a change says of its own owners counts only after it has
 * been merged.
 * @param path where the reviewed manifests are, in a checkout.
 * @throws {GitError}
 */
export async function readBaseOwners(
  path: string,
  review: Review,
  environment?: Readonly<Record<string, string | undefined>>,
): Promise<OwnersRules> {
  const repository = await openGitRepository(path, environment);
  const files = repository.filesAt(await repository.commitOf(review.base.commit));
  try {
    return await readOwners(files, filesOf(review));
  } finally {
    files.close();
  }
}

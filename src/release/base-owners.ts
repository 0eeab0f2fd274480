import { openGitRepository } from "../git/index.ts";
import { type OwnersRules, readOwners } from "../owners/index.ts";
import { filesOf, type Review, withOwners } from "../review/index.ts";

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
  environment?: Readonly<Record<string, string | undefined>>,
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

import type { Owners } from "../owners/index.ts";
import type { Review } from "../review/index.ts";
import type { Session } from "./session.ts";

/**
 * Who may approve the files of a review, as its base says: what a change says of its own owners counts only after it has
 * been merged.
 */
export async function readReviewOwners(
  { env, terminal }: Session,
  path: string,
  review: Review,
): Promise<Owners> {
  const { openGitRepository } = await import("../git/index.ts");
  const { readOwners } = await import("../owners/index.ts");
  const { filesOf } = await import("../review/index.ts");
  const repository = await openGitRepository(path, env);
  const files = repository.filesAt(await repository.commitOf(review.base.commit));
  try {
    const owners = await readOwners(files, filesOf(review));
    for (const { file, message } of owners.diagnostics) terminal.warn(`${file}: ${message}`);
    return owners;
  } finally {
    files.close();
  }
}

import type { OpenRepository } from "../promotion/index.ts";
import { formatReviewMarkdown, reviewChange } from "../review/index.ts";
import { withBaseOwners } from "./post-review.ts";
import type { ProposedCommit } from "./promotion-request.ts";

/**
 * The review of a commit that is about to be proposed, as it goes into the text of its pull request: Markdown.
 * @throws {GitError}
 */
export async function reviewProposed(
  { manifests, base, commit }: ProposedCommit,
  open: OpenRepository,
  environment?: NodeJS.ProcessEnv,
): Promise<string> {
  const judged = await reviewChange({ path: manifests, base, head: commit, open, environment });
  const { review } = await withBaseOwners(manifests, judged, environment);
  return formatReviewMarkdown(review);
}

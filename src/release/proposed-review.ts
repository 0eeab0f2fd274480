import type { OpenRepository } from "../promotion/index.ts";
import { formatReviewMarkdown, reviewChange } from "../review/index.ts";
import type { TrustSettings } from "../settings/index.ts";
import { trustOf } from "../trust/index.ts";
import { withBaseOwners } from "./post-review.ts";
import type { ProposedCommit } from "./promotion-request.ts";

export interface ProposedReviewOptions {
  readonly open: OpenRepository;
  /** Whom to believe about who vouches for the images. */
  readonly settings: TrustSettings;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/**
 * The review of a commit that is about to be proposed, as it goes into the text of its pull request: Markdown.
 * @throws {GitError}
 */
export async function reviewProposed(
  { manifests, base, commit }: ProposedCommit,
  { open, settings, environment }: ProposedReviewOptions,
): Promise<string> {
  const judged = await reviewChange({
    ...{ path: manifests, base, head: commit, open, environment, policyFile: settings.policy },
    trust: (tree) => trustOf({ tree, settings, open }),
  });
  const { review } = await withBaseOwners(manifests, judged, environment);
  return formatReviewMarkdown(review);
}

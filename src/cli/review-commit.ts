import type { Registries } from "../registry/index.ts";
import type { ProposedCommit } from "../release/index.ts";
import type { Session } from "./session.ts";

/** The review of a commit that is about to be proposed, as it goes into the text of its pull request. */
export async function reviewCommit(
  { manifests, base, commit }: ProposedCommit,
  registries: Registries,
  { env }: Session,
): Promise<string> {
  const { formatReviewMarkdown, reviewChange } = await import("../review/index.ts");
  const review = await reviewChange({
    path: manifests,
    base,
    head: commit,
    open: registries.repository,
    environment: env,
  });
  return formatReviewMarkdown(review);
}

import type { Registries } from "../registry/index.ts";
import type { ProposedCommit } from "../release/index.ts";
import type { Review } from "../review/index.ts";
import type { Session } from "./session.ts";

/** The review of a commit that is about to be proposed, as it goes into the text of its pull request. */
export async function reviewCommit(
  { folder, manifests, base, commit }: ProposedCommit,
  registries: Registries,
  { env }: Session,
): Promise<string> {
  const { formatReviewMarkdown, reviewChange } = await import("../review/index.ts");
  const { withBaseOwners } = await import("../release/index.ts");
  const judged = await reviewChange({
    path: manifests,
    base,
    head: commit,
    open: registries.repository,
    environment: env,
  });
  const { review } = await withBaseOwners(manifests, judged, env);
  // Files are named as in the repository: the folder is gone when somebody reads it.
  const named = JSON.stringify(review).replaceAll(JSON.stringify(`${folder}/`).slice(1, -1), "");
  return formatReviewMarkdown(JSON.parse(named) as Review);
}

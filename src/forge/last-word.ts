import type { Approval } from "./forge.ts";

/** A review, and what it says: `withdrawn` when somebody objects, or when it was dismissed. */
export interface PullRequestReview {
  readonly user: string;
  readonly says: "approved" | "withdrawn";
  readonly commit: string | null | undefined;
  readonly at: string | null | undefined;
}

/** The approvals that stand, of reviews that come oldest first: the last word of each counts. */
export function standingApprovals(reviews: readonly PullRequestReview[]): readonly Approval[] {
  const last = new Map<string, PullRequestReview>();
  for (const review of reviews) {
    last.delete(review.user);
    last.set(review.user, review);
  }
  return [...last.values()].flatMap(({ user, says, commit, at }) =>
    says === "approved" ? [{ user, ...(commit ? { commit } : {}), ...(at ? { at } : {}) }] : [],
  );
}

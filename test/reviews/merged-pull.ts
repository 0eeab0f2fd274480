import type { Database } from "../../src/database/index.ts";
import type { PullRequest } from "../../src/forge/index.ts";
import type { ReviewedLine } from "../../src/review/index.ts";
import { keepReview, notePullEnded, notePulls } from "../../src/reviews/index.ts";
import { aReview } from "./a-review.ts";

/** A pull request that was reviewed, approved and merged. */
export interface MergedPull {
  /** Of its repository. */
  readonly url: string;
  readonly number: number;
  readonly title?: string;
  /** The run of its review. */
  readonly run: string;
  /** The newest commit, and the one that was reviewed. */
  readonly head?: string;
  readonly commit?: string;
  /** Who has approved it, and which files nobody has. */
  readonly by?: readonly string[];
  readonly uncovered?: readonly string[];
  readonly mergeCommit?: string;
  readonly lines?: readonly ReviewedLine[];
  readonly at: Date;
}

/** Keeps a pull request as if all of that was seen at a time. */
export async function keepMerged(db: Database, merged: MergedPull): Promise<void> {
  const { url, number, run, at, title = `change ${number}`, head = "a".repeat(40), commit = head } = merged;
  const { by = ["pam"], uncovered = [], lines = [], mergeCommit = "d".repeat(40) } = merged;
  const pull: PullRequest = {
    ...{ number, url: `https://github.com/org/images/pull/${number}`, title, body: "" },
    ...{ state: "open", draft: false, author: "ann", labels: [] },
    head: { repository: "org/images", branch: "change", commit: head },
    ...{ base: { branch: "main" }, updatedAt: "2026-11-30T10:00:00Z" },
  };
  await notePulls(db, url, [pull], at);
  const approvals = { standing: by.map((user) => ({ user, commit })), void: [], uncovered };
  const review = aReview(commit, { edges: String(number), lines });
  await keepReview(db, { run, job: "review", url, number, commit, review, approvals, at });
  await notePullEnded(db, url, number, { state: "merged", mergeCommit }, at);
}

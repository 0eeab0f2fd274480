import type { Approval } from "../forge/index.ts";

/** What approvals are judged by. */
export interface ApprovalQuestion {
  readonly approvals: readonly Approval[];
  /** The `edgesHash` of the change as it was at a commit; `undefined` when it cannot be told any more. */
  readonly edgesHashAt: (commit: string) => string | undefined;
  readonly head: { readonly commit: string; readonly edgesHash: string };
  readonly mayApprove: (user: string) => boolean;
}

/**
 * Why an approval does not count:
 * - `not-an-approver`: the user may not approve this.
 * - `commit-unknown`: nobody can tell what was approved.
 * - `edges-changed`: something else was approved than is asked for now.
 */
export type VoidReason = "not-an-approver" | "commit-unknown" | "edges-changed";

/** Which approvals count. */
export interface ApprovalState {
  readonly standing: readonly Approval[];
  readonly void: readonly { readonly approval: Approval; readonly reason: VoidReason }[];
}

/**
 * Which approvals stand. An approval is of what a change asks for, not of its commits: it outlives a rebase, a merge
 * and a comment in a manifest, and falls with the first edge that differs. Unknown is not the same: an approval of
 * which nobody knows what it was for does not stand.
 */
export function approvalState({ approvals, edgesHashAt, head, mayApprove }: ApprovalQuestion): ApprovalState {
  const hashes = new Map<string, string | undefined>([[head.commit, head.edgesHash]]);
  const hashAt = (commit: string): string | undefined => {
    if (!hashes.has(commit)) hashes.set(commit, edgesHashAt(commit));
    return hashes.get(commit);
  };
  const reasonOf = ({ user, commit }: Approval): VoidReason | undefined => {
    if (!mayApprove(user)) return "not-an-approver";
    const approved = commit === undefined ? undefined : hashAt(commit);
    if (approved === undefined) return "commit-unknown";
    return approved === head.edgesHash ? undefined : "edges-changed";
  };
  const judged = approvals.map((approval) => ({ approval, reason: reasonOf(approval) }));
  return {
    standing: judged.flatMap(({ approval, reason }) => (reason === undefined ? [approval] : [])),
    void: judged.flatMap(({ approval, reason }) => (reason === undefined ? [] : [{ approval, reason }])),
  };
}

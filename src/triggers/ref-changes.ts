import type { RemoteRef } from "../git/index.ts";

/** A ref as the table has it. */
export interface KnownRef extends RemoteRef {
  /** It was not there any more when it was last looked for. */
  readonly isGone: boolean;
}

/** What became of a ref since it was last seen. */
export type RefChange =
  | { readonly type: "new"; readonly now: RemoteRef }
  /** It stands at another commit. */
  | { readonly type: "moved"; readonly now: RemoteRef; readonly before: KnownRef }
  /** It stands at the same commit: a tag was written anew, or is there again. Nothing is to be done but to remember it. */
  | { readonly type: "same-commit"; readonly now: RemoteRef }
  | { readonly type: "gone"; readonly before: KnownRef };

/**
 * What differs between the refs as they were last seen and as they are. A ref that was gone and is there again at the same commit
 * brings nothing new: so a listing that was not whole starts nothing once it is.
 */
export function refChanges(known: readonly KnownRef[], listed: readonly RemoteRef[]): readonly RefChange[] {
  const left = new Map(known.map((one) => [one.ref, one]));
  const changes: RefChange[] = [];
  for (const now of listed) {
    const before = left.get(now.ref);
    left.delete(now.ref);
    if (before === undefined) changes.push({ type: "new", now });
    else if (before.commit !== now.commit) changes.push({ type: "moved", now, before });
    else if (before.object !== now.object || before.isGone) changes.push({ type: "same-commit", now });
  }
  for (const before of left.values()) if (!before.isGone) changes.push({ type: "gone", before });
  return changes;
}

import type { DemandAnswer } from "./answer.ts";

/** One demand of several, and what is said of it. */
interface AnsweredDemand {
  /** Demands of one kind may be met by the same statement, so that each needs a signer of its own; `undefined` for others. */
  readonly kind: string | undefined;
  readonly answer: DemandAnswer;
}

/**
 * How many demands are met more than there are signers for: two demands of a signature are not met by one person, however many
 * of their patterns fit. What is signed on each platform needs them there.
 * @returns the answers that do not count beside the others.
 */
export function notDistinct(answered: readonly AnsweredDemand[]): ReadonlySet<DemandAnswer> {
  const groups = new Map<string, DemandAnswer[]>();
  for (const { kind, answer } of answered) {
    if (kind === undefined || answer.outcome !== "satisfied") continue;
    groups.set(kind, [...(groups.get(kind) ?? []), answer]);
  }
  return new Set([...groups.values()].flatMap((group) => group.slice(countOf(group))));
}

/** How many of these have a signer of their own, at the place that has the fewest. */
function countOf(group: readonly DemandAnswer[]): number {
  const signers = group.map((answer) => answer.signers ?? []);
  const places = Math.max(...signers.map((each) => each.length));
  const counts = Array.from({ length: places }, (_, place) =>
    // What is signed as a whole is so at all places.
    pairs(signers.map((each) => each[each.length === 1 ? 0 : place] ?? [])),
  );
  return Math.min(group.length, ...counts);
}

/** How many of these lists get a member that no other gets: the largest matching, by augmenting paths. */
function pairs(lists: readonly (readonly string[])[]): number {
  const taken = new Map<string, number>();
  const place = (list: number, tried: Set<string>): boolean =>
    (lists[list] ?? []).some((member) => {
      if (tried.has(member)) return false;
      tried.add(member);
      const holder = taken.get(member);
      if (holder !== undefined && !place(holder, tried)) return false;
      taken.set(member, list);
      return true;
    });
  return lists.filter((_, list) => place(list, new Set())).length;
}

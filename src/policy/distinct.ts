/** Somebody that a demand was met by: of one kind of statements, on the manifest or on each of the platforms. */
export interface Claim {
  /** Demands of one kind may be met by the same statement, so that each needs a signer of its own. */
  readonly kind: string;
  /** Any of these, at each place. */
  readonly signers: readonly (readonly string[])[];
}

/** Claims of something that is met: of all of them, each has to be somebody else of its kind. */
export type Claims = readonly Claim[];

/**
 * Which of several that are met count beside the others: two demands of a signature are not met by one person, however many of
 * their patterns fit. What is signed on each platform needs them there. Where one claims several signers, fewer may be found
 * than there are, and never more.
 * @returns by their number, those that count.
 */
export function distinct(met: readonly Claims[]): ReadonlySet<number> {
  const counting = new Set<number>();
  const taken: Claim[] = [];
  for (const [number, claims] of met.entries()) {
    if (!claims.every(({ kind }) => haveOwn([...taken, ...claims].filter((claim) => claim.kind === kind))))
      continue;
    counting.add(number);
    taken.push(...claims);
  }
  return counting;
}

/**
 * What is claimed where any of several is enough. Of one kind, it is any of their signers; otherwise it is the first one's, and
 * nobody's where one is met by nobody in particular.
 */
export function claimsOfAny(met: readonly Claims[]): Claims {
  const [first = [], ...others] = met;
  const free = met.find((claims) => claims.length === 0);
  if (free !== undefined || others.length === 0) return free ?? first;
  const [kind] = first.map((claim) => claim.kind);
  const single = met.flatMap((claims) => (claims.length === 1 && claims[0]?.kind === kind ? claims : []));
  if (kind === undefined || single.length < met.length) return first;
  const signers = Array.from({ length: placesOf(single) }, (_, place) => [
    ...new Set(single.flatMap((claim) => signersAt(claim, place))),
  ]);
  return [{ kind, signers }];
}

/** Whether each of these has a signer that no other has, at every place. */
function haveOwn(claims: readonly Claim[]): boolean {
  return Array.from({ length: placesOf(claims) }).every(
    (_, place) => pairs(claims.map((claim) => signersAt(claim, place))) === claims.length,
  );
}

function placesOf(claims: readonly Claim[]): number {
  return Math.max(...claims.map(({ signers }) => signers.length));
}

/** What is signed as a whole is so at all places. */
function signersAt({ signers }: Claim, place: number): readonly string[] {
  return signers[signers.length === 1 ? 0 : place] ?? [];
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

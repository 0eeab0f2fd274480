import type { FoldedImage, MirrorTrouble } from "./fold.ts";
import {
  type BadHealth,
  badHealths,
  type EdgeTrouble,
  healthBits,
  healthOf,
  isDeepTrouble,
  rankOf,
} from "./health.ts";
import { noTroubles } from "./model.ts";

/** What is not as asked of an image, the same at all of these mirrors: the form in which a row keeps it. */
export interface OffEntry {
  /** The trouble. */
  readonly t: EdgeTrouble;
  /** Numbers of mirrors, in order. */
  readonly m: readonly number[];
  /** Tags; of the image as a whole without them. */
  readonly g?: readonly string[];
  /** Where they stand instead. */
  readonly d?: string;
  /** The number of its cause. */
  readonly c?: number;
  /** When it was first found, in milliseconds since 1970. */
  readonly s: number;
  /** The run that found it first. */
  readonly r: string;
}

/** One trouble of an image at one mirror, with since when. */
export interface DatedTrouble {
  readonly trouble: EdgeTrouble;
  readonly mirror: number;
  readonly tag: string | null;
  readonly current: string | undefined;
  readonly cause: number | undefined;
  readonly since: number;
  readonly run: string;
}

/** The troubles that a row keeps, one by one. */
export function expandOff(off: readonly OffEntry[] | null): readonly DatedTrouble[] {
  return (off ?? []).flatMap(({ t, m, g, d, c, s, r }) =>
    m.flatMap((mirror) =>
      (g ?? [null]).map(
        (tag): DatedTrouble => ({ trouble: t, mirror, tag, current: d, cause: c, since: s, run: r }),
      ),
    ),
  );
}

/** The troubles of an image, put together where they are the same; `null` when it has none. */
export function contractOff(troubles: readonly DatedTrouble[]): readonly OffEntry[] | null {
  if (troubles.length === 0) return null;
  const atMirrors = new Map<string, { readonly first: DatedTrouble; readonly tags: string[] }>();
  for (const trouble of troubles) {
    const key = JSON.stringify([trouble.mirror, trouble.tag === null, ...sameness(trouble)]);
    const known = atMirrors.get(key) ?? { first: trouble, tags: [] };
    atMirrors.set(key, known);
    if (trouble.tag !== null) known.tags.push(trouble.tag);
  }
  const entries = new Map<
    string,
    { readonly first: DatedTrouble; readonly tags: readonly string[]; readonly mirrors: number[] }
  >();
  for (const { first, tags } of atMirrors.values()) {
    tags.sort();
    const key = JSON.stringify([tags, ...sameness(first)]);
    const known = entries.get(key) ?? { first, tags, mirrors: [] };
    entries.set(key, known);
    known.mirrors.push(first.mirror);
  }
  return Array.from(
    entries.values(),
    ({ first: { trouble, current, cause, since, run }, tags, mirrors }) => ({
      t: trouble,
      m: mirrors.sort((one, other) => one - other),
      ...(tags.length === 0 ? {} : { g: tags }),
      ...(current === undefined ? {} : { d: current }),
      ...(cause === undefined ? {} : { c: cause }),
      ...{ s: since, r: run },
    }),
  );
}

function sameness({
  trouble,
  current,
  cause,
  since,
  run,
}: DatedTrouble): readonly (string | number | undefined)[] {
  return [trouble, current, cause, since, run];
}

/**
 * What is not as asked of an image now: what this look has found, since when it is so. Of what the look has not asked for, what was known
 * stays.
 */
export function datedTroubles(
  image: Pick<FoldedImage, "shallow" | "deep">,
  known: readonly DatedTrouble[],
  look: {
    readonly isShallow: boolean;
    readonly isDeep: boolean;
    readonly since: number;
    readonly run: string;
    readonly mirrorOf: (name: string) => number;
    readonly causeOf: (key: string) => number | undefined;
  },
): readonly DatedTrouble[] {
  const before = new Map(known.map((trouble) => [sinceKey(trouble), trouble]));
  const dated = ({ mirror, tag, trouble, current, cause }: MirrorTrouble): DatedTrouble => {
    const now = {
      ...{ trouble, mirror: look.mirrorOf(mirror), tag, current },
      cause: cause && look.causeOf(cause.key),
    };
    const { since, run } = before.get(sinceKey(now)) ?? look;
    return { ...now, since, run };
  };
  const kept = (isDeep: boolean): readonly DatedTrouble[] =>
    known.filter(({ trouble }) => isDeepTrouble(trouble) === isDeep);
  return [
    ...(look.isShallow ? image.shallow.map(dated) : kept(false)),
    ...(look.isDeep ? image.deep.map(dated) : kept(true)),
  ];
}

/** Whether something is absent, or could not be brought there, is the same to whoever waits for it. */
function sinceKey({ mirror, tag, trouble }: Pick<DatedTrouble, "mirror" | "tag" | "trouble">): string {
  const health = healthOf(trouble);
  return `${mirror} ${tag ?? ""} ${health === "failed" ? "missing" : health}`;
}

/** The edges of one image, by mirror, with what is not as asked of them: each edge counts for the worst that is said of it. */
export function countAtMirrors(
  tags: readonly string[],
  mirrors: readonly number[],
  troubles: readonly DatedTrouble[],
): ReadonlyMap<number, MirrorCount> {
  const edges = Math.max(1, tags.length);
  const counts = new Map(mirrors.map((mirror) => [mirror, emptyCount(edges)]));
  const worst = new Map<number, Map<string | null, EdgeTrouble>>();
  for (const { mirror, tag, trouble, since } of troubles) {
    const count = counts.get(mirror);
    if (count === undefined) continue;
    const ofTags = worst.get(mirror) ?? new Map<string | null, EdgeTrouble>();
    worst.set(mirror, ofTags);
    const other = ofTags.get(tag);
    if (other === undefined || rankOf(trouble) < rankOf(other)) ofTags.set(tag, trouble);
    if (trouble === "unread") count.unreadSince = earlier(count.unreadSince, since);
    else count.offSince = earlier(count.offSince, since);
  }
  for (const [mirror, ofTags] of worst) {
    const count = counts.get(mirror);
    if (count === undefined) continue;
    const whole = ofTags.get(null);
    const words: readonly (string | null)[] = tags.length === 0 ? [null] : tags;
    for (const tag of words) {
      const own = ofTags.get(tag);
      const trouble = own === undefined || (whole !== undefined && rankOf(whole) < rankOf(own)) ? whole : own;
      if (trouble !== undefined) count.troubles[healthOf(trouble)] += 1;
    }
  }
  return counts;
}

/** Edges at a mirror, and what is not as asked of them. */
export interface MirrorCount {
  edges: number;
  readonly troubles: Record<BadHealth, number>;
  /** Milliseconds since 1970. */
  offSince: number | undefined;
  unreadSince: number | undefined;
}

/** Nothing yet, to be counted up. */
export function emptyCount(edges = 0): MirrorCount {
  return { edges, troubles: noTroubles(), offSince: undefined, unreadSince: undefined };
}

/** Adds what another one has. */
export function addCount(sum: MirrorCount, other: MirrorCount): void {
  sum.edges += other.edges;
  for (const health of badHealths) sum.troubles[health] += other.troubles[health];
  sum.offSince = earlier(sum.offSince, other.offSince);
  sum.unreadSince = earlier(sum.unreadSince, other.unreadSince);
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

/** By what rows are found that are not as asked. */
export function searchOf(troubles: readonly DatedTrouble[]): {
  readonly healths: number;
  readonly mirrors: readonly number[] | null;
  readonly since: number | null;
} {
  if (troubles.length === 0) return { healths: 0, mirrors: null, since: null };
  return {
    healths: healthBits(troubles.map(({ trouble }) => healthOf(trouble))),
    mirrors: [...new Set(troubles.map(({ mirror }) => mirror))].sort((one, other) => one - other),
    since: troubles.reduce((latest, { since }) => Math.max(latest, since), 0),
  };
}

import type { JudgedApproval, KeptEvent, KnownTag } from "./model.ts";

/** Where an image is on its way. */
export type StationName = "commit" | "build" | "staging" | "pull-request" | "promotion" | "mirrors";

/**
 * - `done`: it is known to have happened.
 * - `waiting`: what comes before it has happened, and this has not.
 * - `failed`: it was tried, and has not come to be.
 * - `unknown`: nobody has seen it.
 */
export type StationState = "done" | "waiting" | "failed" | "unknown";

/** A station of an image's way, in words. */
export interface Station {
  readonly name: StationName;
  readonly state: StationState;
  /** When it was reached, or last tried: ISO 8601. */
  readonly at?: string | undefined;
  readonly text: string;
  /** People, each with what they have done. */
  readonly who: readonly string[];
  readonly run?: { readonly id: string; readonly job: string } | undefined;
  readonly commit?: string | undefined;
  /** URL of the repository that the commit is of, as a job names it. */
  readonly repo?: string | undefined;
  /** The page of the pull request. */
  readonly url?: string | undefined;
}

/** An image at a production repository. */
export interface MirrorLife {
  readonly repository: string;
  readonly tags: readonly string[];
  /**
   * - `there`: it is as asked for.
   * - `promoted`: a run has brought it there; nobody says how it is now.
   * - `unread`: nobody could look.
   * - All else is what is wrong there, in one word.
   */
  readonly state: string;
  readonly why?: string | undefined;
  /** When a run brought it there, and which. */
  readonly arrivedAt?: string | undefined;
  readonly run?: string | undefined;
  /** When it was last looked at. */
  readonly lookedAt?: string | undefined;
}

/** A pull request that asks for an image. */
export interface PullLife {
  readonly url: string;
  readonly number: number;
  readonly title?: string | undefined;
  readonly author?: string | undefined;
  readonly proposedAt?: string | undefined;
  readonly proposedBy?: string | undefined;
  readonly reviewedAt?: string | undefined;
  readonly reviewedBy?: string | undefined;
  readonly verdict?: string | undefined;
  readonly commit?: string | undefined;
  /** What approvals are bound to. */
  readonly edgesHash?: string | undefined;
  readonly approvals: readonly JudgedApproval[];
  readonly uncovered: readonly string[];
}

/** A line of manifests that asks for an image. */
export interface AskingLine {
  /** `file:line:column`. */
  readonly place: string;
  readonly tags: readonly string[];
  /** URL of the repository that it is in, and a commit in which it was there. */
  readonly repo?: string | undefined;
  readonly commit?: string | undefined;
}

/** Something that happened, in words. */
export interface LifeEvent {
  readonly kind: string;
  readonly at: string;
  /** When it was last so, where it went on. */
  readonly lastAt?: string | undefined;
  readonly text: string;
  readonly run: { readonly id: string; readonly job: string };
}

/** The life of one digest of an image: plain data, which is told alike by a page and in a terminal. */
export interface ImageLife {
  readonly format: "waybill-trace/1";
  readonly image: string;
  readonly digest: string;
  readonly tags: readonly { readonly tag: string; readonly at?: string | undefined }[];
  readonly stations: readonly Station[];
  readonly pulls: readonly PullLife[];
  readonly mirrors: readonly MirrorLife[];
  readonly askedBy: readonly AskingLine[];
  readonly events: readonly LifeEvent[];
  /** What could not be found out, and why. */
  readonly unread: readonly { readonly what: string; readonly why: string }[];
}

/** What production is found to hold of a digest, as whoever keeps that says. */
export interface ProductionState {
  readonly destination: string;
  readonly tags: readonly string[];
  readonly at: string;
  readonly repo?: string | undefined;
  readonly commit?: string | undefined;
  /** `there`, or what is otherwise. */
  readonly health: string;
  readonly why?: string | undefined;
  /** When the look began that has found it, and the run that looked. */
  readonly lookedAt?: Date | undefined;
  readonly lookedRun?: string | undefined;
}

/** What a life is made of. */
export interface LifeSources {
  readonly image: string;
  readonly digest: string;
  readonly events: readonly KeptEvent[];
  readonly tags: readonly KnownTag[];
  /** Production repositories of the image, also those that nothing of this digest has come to. */
  readonly production: readonly ProductionState[];
}

/** Tells the life of a digest from what is known of it. */
export function lifeOf({ image, digest, events, tags, production }: LifeSources): ImageLife {
  const own = events.filter((event) => event.image === image);
  const pulls = pullsOf(own);
  const mirrors = mirrorsIn(own, production);
  return {
    ...{ format: "waybill-trace/1", image, digest, pulls, mirrors },
    tags: tags.filter((tag) => tag.image === image).map(({ tag, at }) => ({ tag, at: at.toISOString() })),
    stations: stationsOf(own, pulls, mirrors),
    askedBy: linesOf(own, production),
    events: own.map((event) => ({
      ...{ kind: event.kind, at: event.at.toISOString(), text: textOfEvent(event) },
      lastAt: event.lastRun === event.run.id ? undefined : event.lastAt.toISOString(),
      run: { id: event.run.id, job: event.run.job },
    })),
    unread: [],
  };
}

function pullsOf(events: readonly KeptEvent[]): readonly PullLife[] {
  const pulls = new Map<string, PullLife>();
  for (const { kind, details, judged, at, run, lastAt, lastRun } of events) {
    const url = details.pull;
    if (url === undefined || (kind !== "proposed" && kind !== "reviewed")) continue;
    const known = pulls.get(url) ?? {
      ...{ url, number: Number(/([0-9]{1,9})$/.exec(url)?.[1] ?? 0), approvals: [], uncovered: [] },
    };
    const told =
      kind === "proposed"
        ? { proposedAt: at.toISOString(), proposedBy: run.id }
        : { reviewedAt: lastAt.toISOString(), reviewedBy: lastRun };
    pulls.set(url, { ...known, ...judged, ...told });
  }
  return [...pulls.values()];
}

/** What hinders an image, by the repository that it is hindered from. Only what has happened since it arrived counts. */
function mirrorsIn(
  events: readonly KeptEvent[],
  production: readonly ProductionState[],
): readonly MirrorLife[] {
  const mirrors = new Map<string, MirrorLife & { readonly since: Date; readonly toldBy?: string }>();
  const told = events.filter(({ kind }) => kind === "promoted" || kind === "stopped" || kind === "found");
  for (const event of told.toSorted(byLast)) {
    const { kind, details, at, run, lastAt, lastRun } = event;
    for (const repository of details.destinations ?? []) {
      const known = mirrors.get(repository);
      const arrived =
        kind === "promoted"
          ? { arrivedAt: known?.arrivedAt ?? at.toISOString(), run: known?.run ?? run.id, why: undefined }
          : { why: details.why };
      mirrors.set(repository, {
        ...known,
        ...arrived,
        ...{ repository, since: lastAt, toldBy: lastRun },
        tags: [...new Set([...(known?.tags ?? []), ...(details.tags ?? [])])],
        state: kind === "promoted" ? "promoted" : (details.state ?? kind),
        lookedAt: kind === "found" ? lastAt.toISOString() : undefined,
      });
    }
  }
  for (const { destination: repository, tags, health, why, lookedAt, lookedRun } of production) {
    const known = mirrors.get(repository);
    // What was looked at before something happened does not say how it is since; but for what the run that did it found itself.
    const isOlder = known !== undefined && lookedAt !== undefined && lookedAt < known.since;
    if (isOlder && lookedRun !== known.toldBy) continue;
    mirrors.set(repository, {
      ...known,
      ...{ repository, tags, why, state: health, since: lookedAt ?? new Date(0) },
      lookedAt: lookedAt?.toISOString(),
    });
  }
  return [...mirrors.values()]
    .map(({ since: _, toldBy: __, ...mirror }) => mirror)
    .sort((one, other) => (one.repository < other.repository ? -1 : 1));
}

/** By when it was last so. Of what a run has told at once, what was not done comes last: it is what stands at its end. */
function byLast(one: KeptEvent, other: KeptEvent): number {
  const isDone = ({ kind }: KeptEvent): number => (kind === "promoted" ? 0 : 1);
  return one.lastAt.getTime() - other.lastAt.getTime() || isDone(one) - isDone(other);
}

/** Whether an image is at a mirror, as far as anybody knows. */
export function isThere({ state }: Pick<MirrorLife, "state">): boolean {
  return state === "there" || state === "promoted";
}

function stationsOf(
  events: readonly KeptEvent[],
  pulls: readonly PullLife[],
  mirrors: readonly MirrorLife[],
): readonly Station[] {
  const built = events.find(({ kind }) => kind === "built");
  const promoted = events.filter(({ kind }) => kind === "promoted");
  const stopped = events
    .filter(({ kind }) => kind === "stopped")
    .toSorted(byLast)
    .at(-1);
  const arrivals = mirrors.filter(isThere).length;
  const isAnywhere = promoted.length > 0 || arrivals > 0;
  return [
    commitStation(built),
    buildStation(built),
    stagingStation(built, promoted[0]),
    pullStation(pulls, built !== undefined, isAnywhere),
    promotionStation(promoted, stopped, pulls.length > 0, arrivals > 0),
    mirrorsStation(mirrors, isAnywhere),
  ];
}

function commitStation(built: KeptEvent | undefined): Station {
  if (built?.run.commit === undefined) {
    return { name: "commit", state: "unknown", text: "no build of it is known", who: [] };
  }
  const { commit, repo } = built.run;
  return { name: "commit", state: "done", text: commit.slice(0, 12), who: [], commit, repo };
}

function buildStation(built: KeptEvent | undefined): Station {
  if (built === undefined) return { name: "build", state: "unknown", text: "no run has built it", who: [] };
  const { id, job } = built.run;
  const at = built.at.toISOString();
  return { name: "build", state: "done", at, text: `${job} ${id}`, who: [], run: { id, job } };
}

function stagingStation(built: KeptEvent | undefined, promoted: KeptEvent | undefined): Station {
  const name = "staging";
  if (built !== undefined) {
    const tags = (built.details.tags ?? []).join(", ");
    return { name, state: "done", at: built.at.toISOString(), text: tags || "without a tag", who: [] };
  }
  // What was copied from there was there.
  if (promoted !== undefined) return { name, state: "done", text: promoted.image, who: [] };
  return { name, state: "unknown", text: "no run has seen it there", who: [] };
}

function pullStation(pulls: readonly PullLife[], isBuilt: boolean, isAnywhere: boolean): Station {
  const name = "pull-request";
  const pull = pulls.at(-1);
  if (pull === undefined) {
    const state = isBuilt && !isAnywhere ? "waiting" : "unknown";
    return { name, state, text: state === "waiting" ? "nobody has proposed it" : "none is known", who: [] };
  }
  const { url, number, verdict, approvals, proposedAt, reviewedAt, commit } = pull;
  const standing = approvals.filter((approval) => approval.void === undefined);
  const who = standing.map(({ user, commit: of }) =>
    of === undefined ? `${user} approved` : `${user} approved ${of.slice(0, 12)}`,
  );
  const state = isAnywhere ? "done" : verdict === "fails" ? "failed" : "waiting";
  const text = `#${number}: ${verdict === undefined ? "not reviewed" : `review ${verdict}`}`;
  return { name, state, at: proposedAt ?? reviewedAt, text, who, url, commit };
}

function promotionStation(
  promoted: readonly KeptEvent[],
  stopped: KeptEvent | undefined,
  isProposed: boolean,
  isThereAlready: boolean,
): Station {
  const name = "promotion";
  const last = promoted.toSorted(byLast).at(-1);
  if (stopped !== undefined && (last === undefined || stopped.lastAt >= last.lastAt)) {
    const { state = "failed", why } = stopped.details;
    const text = why === undefined ? state : `${state}: ${why}`;
    const run = { id: stopped.lastRun, job: stopped.run.job };
    return { name, state: "failed", at: stopped.lastAt.toISOString(), text, who: [], run };
  }
  if (last === undefined) {
    if (isThereAlready) return { name, state: "done", text: "it was there already", who: [] };
    return {
      name,
      state: isProposed ? "waiting" : "unknown",
      text: isProposed ? "no run has brought it yet" : "no run has brought it anywhere",
      who: [],
    };
  }
  const { id, job, commit, repo } = last.run;
  const text = `${job} ${id}`;
  return { name, state: "done", at: last.at.toISOString(), text, who: [], run: { id, job }, commit, repo };
}

function mirrorsStation(mirrors: readonly MirrorLife[], isAnywhere: boolean): Station {
  const there = mirrors.filter(isThere);
  const unread = mirrors.filter(({ state }) => state === "unread").length;
  const name = "mirrors";
  if (mirrors.length === 0) {
    return { name, state: "unknown", text: isAnywhere ? "none is known" : "none yet", who: [] };
  }
  const isEverywhere = there.length === mirrors.length;
  const state = isEverywhere
    ? "done"
    : there.length + unread === mirrors.length
      ? "unknown"
      : isAnywhere
        ? "failed"
        : "waiting";
  const times = there.flatMap(({ arrivedAt }) => arrivedAt ?? []).sort();
  const text = `${there.length} of ${mirrors.length}${unread === 0 ? "" : `, ${unread} unread`}`;
  return { name, state, at: isEverywhere ? times.at(-1) : undefined, text, who: [] };
}

function linesOf(
  events: readonly KeptEvent[],
  production: readonly ProductionState[],
): readonly AskingLine[] {
  const lines = new Map<string, AskingLine>();
  for (const { kind, details, run } of events) {
    if (kind !== "promoted" && kind !== "reviewed" && kind !== "stopped") continue;
    for (const place of details.places ?? []) {
      lines.set(place, { place, tags: details.tags ?? [], repo: run.repo, commit: run.commit });
    }
  }
  // What is asked for now counts more than what was once.
  if (production.length > 0) lines.clear();
  for (const { at: place, tags, repo, commit } of production) lines.set(place, { place, tags, repo, commit });
  return [...lines.values()];
}

/** What has happened, in words. */
export function textOfEvent({ kind, details, run }: KeptEvent): string {
  const tags = (details.tags ?? []).join(", ");
  const places = count(details.destinations?.length ?? 0, "repository", "repositories");
  switch (kind) {
    case "asked":
      return `asked for by manifests as ${tags || "no tag"}, as a run saw first`;
    case "built":
      return `built of ${run.commit?.slice(0, 12) ?? "no commit"} and pushed as ${tags || "no tag"}`;
    case "proposed":
      return `proposed for production as ${tags || "no tag"}`;
    case "reviewed":
      return `reviewed, as ${tags || "no tag"}`;
    case "promoted":
      return `promoted to ${places} as ${tags || "no tag"}`;
    case "stopped":
      return `not brought to ${places}: ${details.state}${details.why === undefined ? "" : `, ${details.why}`}`;
    case "found":
      return `found at ${places}: ${details.why ?? details.state}`;
  }
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

import type { Kinds, KindTraits } from "../kinds.ts";
import { afterAnswer, afterEnd, afterRefusal, openWindow, type Window, type WindowBounds } from "./window.ts";

/** Ends what a permit was taken for; further calls do nothing. */
export type Release = () => void;

/** An answer of the host itself, as far as it tells how busy the host is. */
export interface Observation<Kind extends string> {
  readonly kind: Kind;
  readonly status: number;
  /** When the request was sent, by the limiter's clock. */
  readonly sent: number;
  readonly milliseconds: number;
}

/** Those who wait for the same, in the order of asking. */
interface Lane {
  readonly group: Group;
  readonly headStart: number;
  readonly waiting: Waiter[];
  /** Where the first one stands: taking from the front of a long array would move all the rest. */
  first: number;
}

interface Waiter {
  readonly number: number;
  /** Whether it counts towards the limit of the host. */
  readonly counted: boolean;
  readonly granted: (release: Release) => void;
}

interface Group {
  readonly bounds: WindowBounds;
  window: Window;
  underWay: number;
  /** Somebody waits, or has waited since the last request ended. */
  wanted: boolean;
}

const beforeAll = Number.MAX_SAFE_INTEGER;
/** Requests of one operation at a time that every host gets to begin with. */
const start = 16;
/** The part of the permits that uploads may hold: they hold them long, and what ends a piece of work has to get by. */
const maxForUploads = 3 / 4;

export interface LimiterOptions<Kind extends string> {
  /** Requests at the same time; with 1, an upload and the reading of its source still overlap. */
  readonly limit: number;
  readonly kinds: Kinds<Kind>;
}

/**
 * The permits of one host: a window for each operation, all of them together within a limit. Who waits for the same
 * is served in the order of asking; between lanes, the one who asked first, after head starts.
 *
 * An upload keeps its permit while it reads its source, which may be on the same host; so uploads together never hold
 * all permits, and the reading that each of them waits for always finds one.
 */
export class Limiter<Kind extends string> {
  readonly #options: LimiterOptions<Kind>;
  readonly #now: () => number;
  readonly #groups = new Map<string, Group>();
  readonly #lanes: Lane[] = [];
  readonly #strain: Strain<Kind>;
  #underWay = 0;
  #asked = 0;

  constructor(options: LimiterOptions<Kind>, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
    this.#strain = new Strain(options.kinds);
  }

  /** A permit for one request. @param again It has had one before: it has waited its time, and goes first. */
  request(kind: Kind, again = false): Promise<Release> {
    const { operation, headStart = 0 } = this.#options.kinds[kind];
    return this.#acquire(operation, again ? beforeAll : headStart, true);
  }

  /** A permit for all requests of one upload, of which most bytes go in this kind, and for as long as it takes. */
  upload(kind: Kind, again = false): Promise<Release> {
    const { kinds, limit } = this.#options;
    return this.#acquire(kinds[kind].operation, again ? beforeAll : 0, limit > 1);
  }

  /** Learns from an answer. 429 and 503 are how registries say that it is too much. */
  observe({ kind, status, sent, milliseconds }: Observation<Kind>): void {
    const group = this.#groupOf(this.#options.kinds[kind].operation);
    if (status === 429 || status === 503) {
      group.window = afterRefusal(group.window, sent, this.#now());
      return;
    }
    const strain = this.#strain.of(kind, milliseconds);
    if (strain !== undefined) group.window = afterAnswer(group.window, strain);
  }

  /** Requests that may be under way at a time now. */
  widthOf(operation: string): number {
    return Math.floor(this.#groupOf(operation).window.size);
  }

  #groupOf(operation: string): Group {
    const known = this.#groups.get(operation);
    if (known !== undefined) return known;
    const { limit, kinds } = this.#options;
    const traits = Object.values<KindTraits>(kinds);
    const isBulk = traits.some((kind) => kind.operation === operation && kind.isBulk);
    const most = isBulk ? Math.max(1, Math.min(limit - 1, Math.floor(limit * maxForUploads))) : limit;
    const group = openGroup(most);
    this.#groups.set(operation, group);
    return group;
  }

  #acquire(operation: string, headStart: number, counted: boolean): Promise<Release> {
    return new Promise((granted) => {
      this.#asked += 1;
      this.#lane(this.#groupOf(operation), headStart).waiting.push({ number: this.#asked, counted, granted });
      this.#grant();
    });
  }

  #lane(group: Group, headStart: number): Lane {
    const known = this.#lanes.find((lane) => lane.group === group && lane.headStart === headStart);
    if (known !== undefined) return known;
    const lane: Lane = { group, headStart, waiting: [], first: 0 };
    this.#lanes.push(lane);
    return lane;
  }

  #grant(): void {
    for (;;) {
      let next: Lane | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const lane of this.#lanes) {
        const waiter = lane.waiting[lane.first];
        if (waiter === undefined || !this.#admits(lane.group, waiter)) continue;
        const rank = waiter.number - lane.headStart;
        if (rank >= least) continue;
        next = lane;
        least = rank;
      }
      if (next === undefined) return;
      this.#serve(next);
    }
  }

  #admits(group: Group, { counted }: Waiter): boolean {
    if (group.underWay >= Math.floor(group.window.size)) {
      group.wanted = true;
      return false;
    }
    return !counted || this.#underWay < this.#options.limit;
  }

  #serve(lane: Lane): void {
    const waiter = lane.waiting[lane.first];
    if (waiter === undefined) return;
    lane.first += 1;
    if (lane.first > 1024 || lane.first === lane.waiting.length) {
      lane.waiting.splice(0, lane.first);
      lane.first = 0;
    }
    const { group } = lane;
    const { granted, counted } = waiter;
    group.underWay += 1;
    if (counted) this.#underWay += 1;
    let held = true;
    granted(() => {
      if (!held) return;
      held = false;
      group.underWay -= 1;
      if (counted) this.#underWay -= 1;
      group.window = afterEnd(group.window, group.bounds, group.wanted);
      group.wanted = false;
      this.#grant();
    });
  }
}

function openGroup(limit: number): Group {
  const bounds = { start: Math.min(start, limit), limit };
  return { bounds, window: openWindow(bounds), underWay: 0, wanted: false };
}

/** Milliseconds that count for nothing: on a short way, what looks like a slow answer is jitter. */
const jitter = 20;

/** What answers take at best, by the kind of request, and so how much longer they take now. */
export class Strain<Kind extends string> {
  readonly #kinds: Kinds<Kind>;
  readonly #least = new Map<Kind, number>();

  constructor(kinds: Kinds<Kind>) {
    this.#kinds = kinds;
  }

  /** How many times as long as the fastest of its kind an answer took; `undefined` where that tells nothing. */
  of(kind: Kind, milliseconds: number): number | undefined {
    if (this.#kinds[kind].isSized) return undefined;
    const least = Math.min(this.#least.get(kind) ?? milliseconds, milliseconds);
    this.#least.set(kind, least);
    return (milliseconds + jitter) / (least + jitter);
  }
}

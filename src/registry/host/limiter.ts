import type { RequestKind } from "../events.ts";
import { headStartOf, type Operation, operationOf } from "./operations.ts";
import { Strain } from "./strain.ts";
import { afterAnswer, afterEnd, afterRefusal, openWindow, type Window, type WindowBounds } from "./window.ts";

/** Ends what a permit was taken for; further calls do nothing. */
export type Release = () => void;

/** An answer of the host itself, as far as it tells how busy the host is. */
export interface Observation {
  readonly kind: RequestKind;
  readonly status: number;
  /** When the request was sent, by the limiter's clock. */
  readonly sent: number;
  readonly milliseconds: number;
}

/** Those who wait for the same, in the order of asking. */
interface Lane {
  readonly operation: Operation;
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
/** The part of the permits that uploads may hold: they hold them long, and what ends an image has to get by. */
const mostForUploads = 3 / 4;

/**
 * The permits of one host: a window for each operation, all of them together within a limit. Who waits for the same
 * is served in the order of asking; between lanes, the one who asked first, after head starts.
 *
 * An upload keeps its permit while it reads its source, which may be on the same host; so uploads together never hold
 * all permits, and the reading that each of them waits for always finds one.
 */
export class HostLimiter {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #groups: Readonly<Record<Operation, Group>>;
  readonly #lanes: Lane[] = [];
  readonly #strain = new Strain();
  #underWay = 0;
  #asked = 0;

  /**
   * @param limit Requests at the same time; with 1, an upload and the reading of its source still overlap.
   * @param now A clock that never goes back, in milliseconds.
   */
  constructor(limit: number, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
    this.#groups = {
      "manifest-read": openGroup(limit),
      "blob-read": openGroup(limit),
      "blob-write": openGroup(Math.max(1, Math.min(limit - 1, Math.floor(limit * mostForUploads)))),
      "manifest-write": openGroup(limit),
    };
  }

  /** A permit for one request. @param again It has had one before: it has waited its time, and goes first. */
  request(kind: RequestKind, again = false): Promise<Release> {
    return this.#acquire(operationOf(kind), again ? beforeAll : headStartOf(kind), true);
  }

  /** A permit for all requests of one upload, and for as long as it takes. */
  upload(again = false): Promise<Release> {
    return this.#acquire("blob-write", again ? beforeAll : 0, this.#limit > 1);
  }

  /** Learns from an answer. 429 and 503 are how registries say that it is too much. */
  observe({ kind, status, sent, milliseconds }: Observation): void {
    const group = this.#groups[operationOf(kind)];
    if (status === 429 || status === 503) {
      group.window = afterRefusal(group.window, sent, this.#now());
      return;
    }
    const strain = this.#strain.of(kind, milliseconds);
    if (strain !== undefined) group.window = afterAnswer(group.window, strain);
  }

  /** Requests that may be under way at a time now. */
  widthOf(operation: Operation): number {
    return Math.floor(this.#groups[operation].window.size);
  }

  #acquire(operation: Operation, headStart: number, counted: boolean): Promise<Release> {
    return new Promise((granted) => {
      this.#asked += 1;
      this.#lane(operation, headStart).waiting.push({ number: this.#asked, counted, granted });
      this.#grant();
    });
  }

  #lane(operation: Operation, headStart: number): Lane {
    const known = this.#lanes.find((lane) => lane.operation === operation && lane.headStart === headStart);
    if (known !== undefined) return known;
    const lane: Lane = { operation, headStart, waiting: [], first: 0 };
    this.#lanes.push(lane);
    return lane;
  }

  /** Gives all permits that can be given. */
  #grant(): void {
    for (;;) {
      let next: Lane | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const lane of this.#lanes) {
        const waiter = lane.waiting[lane.first];
        if (waiter === undefined || !this.#admits(lane.operation, waiter)) continue;
        const rank = waiter.number - lane.headStart;
        if (rank >= least) continue;
        next = lane;
        least = rank;
      }
      if (next === undefined) return;
      this.#serve(next);
    }
  }

  #admits(operation: Operation, { counted }: Waiter): boolean {
    const group = this.#groups[operation];
    if (group.underWay >= Math.floor(group.window.size)) {
      group.wanted = true;
      return false;
    }
    return !counted || this.#underWay < this.#limit;
  }

  #serve(lane: Lane): void {
    const waiter = lane.waiting[lane.first];
    if (waiter === undefined) return;
    lane.first += 1;
    if (lane.first > 1024 || lane.first === lane.waiting.length) {
      lane.waiting.splice(0, lane.first);
      lane.first = 0;
    }
    const group = this.#groups[lane.operation];
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

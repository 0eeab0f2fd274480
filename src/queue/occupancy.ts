import type { Sql } from "../database/index.ts";
import type { QueuedRun } from "./model.ts";

/** What a run may have to share: {@link Slot.kind} of `queue_slot`. */
export type SlotKind = "key" | "mutex" | "job" | "capacity";

/** A place that a run takes of a limit while it runs. */
export interface Slot {
  readonly kind: SlotKind;
  readonly name: string;
  readonly place: number;
  readonly run: string;
}

/** What a run asks for, as far as it has to be shared. */
export type Needs = Pick<QueuedRun, "job" | "key" | "mutex" | "maxConcurrency" | "capacity">;

/** A limit that a run is subject to. */
interface Limit {
  readonly kind: SlotKind;
  readonly name: string;
  readonly places: number;
}

/** A label that nobody has said anything of: as good as a mutex, which is the safe way to be wrong. */
const unnamedPlaces = 1;

/** Who has which places now, and how many there are. */
export class Occupancy {
  readonly #slots = new Map<string, Map<number, string>>();
  readonly #capacities: ReadonlyMap<string, number>;

  constructor(slots: readonly Slot[], capacities: ReadonlyMap<string, number>) {
    for (const slot of slots) this.#placesOf(slot).set(slot.place, slot.run);
    this.#capacities = capacities;
  }

  /** The limits that a run is subject to, those that a single run can be the cause of first. */
  limitsOf({ job, key, mutex, maxConcurrency, capacity }: Needs): Limit[] {
    const limits: Limit[] = [{ kind: "key", name: keyName(job, key), places: 1 }];
    if (mutex !== undefined) limits.push({ kind: "mutex", name: mutex, places: 1 });
    // Runs without a limit count as well: a later one may have it.
    limits.push({ kind: "job", name: job, places: maxConcurrency ?? Number.POSITIVE_INFINITY });
    if (capacity !== undefined) {
      limits.push({
        kind: "capacity",
        name: capacity,
        places: this.#capacities.get(capacity) ?? unnamedPlaces,
      });
    }
    return limits;
  }

  /** The runs that have a place of it. */
  runsIn(limit: Pick<Limit, "kind" | "name">): readonly string[] {
    return [...this.#placesOf(limit).values()];
  }

  /** The first limit that keeps a run waiting. */
  obstacleOf(run: Needs): Limit | undefined {
    return this.limitsOf(run).find((limit) => this.runsIn(limit).length >= limit.places);
  }

  /** Takes a place of each limit for a run that nothing keeps waiting. */
  take(run: Needs & Pick<QueuedRun, "id">): Slot[] {
    return this.limitsOf(run).map((limit) => this.#takePlace(limit, run.id));
  }

  /** Lets nobody else have what is free of the limits of a run that has to wait. */
  keep(run: Needs & Pick<QueuedRun, "id">): void {
    for (const limit of this.limitsOf(run)) {
      if (this.runsIn(limit).length < limit.places) this.#takePlace(limit, run.id);
    }
  }

  #takePlace({ kind, name }: Pick<Limit, "kind" | "name">, run: string): Slot {
    const taken = this.#placesOf({ kind, name });
    let place = 0;
    while (taken.has(place)) place += 1;
    taken.set(place, run);
    return { kind, name, place, run };
  }

  /** What a run that may start now has nothing of, for a statement that leaves others out. */
  full(): {
    readonly mutexes: string[];
    readonly capacities: string[];
    readonly keys: string[];
    readonly jobs: Record<string, number>;
  } {
    const named = (kind: SlotKind) =>
      [...this.#slots]
        .filter(([word, places]) => word.startsWith(`${kind} `) && places.size > 0)
        .map(([word]) => word.slice(kind.length + 1));
    const capacities = new Set([...named("capacity"), ...this.#capacities.keys()]);
    return {
      keys: named("key"),
      mutexes: named("mutex"),
      capacities: [...capacities].filter(
        (name) =>
          this.runsIn({ kind: "capacity", name }).length >= (this.#capacities.get(name) ?? unnamedPlaces),
      ),
      jobs: Object.fromEntries(named("job").map((name) => [name, this.runsIn({ kind: "job", name }).length])),
    };
  }

  #placesOf({ kind, name }: Pick<Slot, "kind" | "name">): Map<number, string> {
    const word = `${kind} ${name}`;
    const known = this.#slots.get(word) ?? new Map<number, string>();
    this.#slots.set(word, known);
    return known;
  }
}

/** The places that are taken, as they are committed now. */
export async function readOccupancy(sql: Sql): Promise<Occupancy> {
  const slots = await sql.query<Slot>("SELECT kind, name, place, run FROM queue_slot");
  const capacities = await sql.query<{ label: string; places: number }>(
    "SELECT label, places FROM queue_capacity",
  );
  return new Occupancy(slots, new Map(capacities.map(({ label, places }) => [label, places])));
}

/** Keys are those of a job; no job's name has a blank. */
function keyName(job: string, key: string): string {
  return `${job} ${key}`;
}

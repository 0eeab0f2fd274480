import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Listener } from "../events/index.ts";
import { createHashCheckpoints, type Descriptor } from "../oci/index.ts";
import { type BlobContent, type Repository, vouchFor } from "../registry/index.ts";
import type { Budget } from "./budget.ts";
import type { CopyEvent } from "./events.ts";
import { FanOut, windowBytes } from "./fan-out.ts";
import { type Joined, Round } from "./round.ts";
import { hostKey, type Stragglers } from "./stragglers.ts";

/** A stream, and the repository that it comes from. */
interface Opened {
  readonly stream: Readable;
  readonly address: string;
}

/** What all blobs of a run share. */
export interface SupplyRun {
  readonly budget: Budget;
  readonly stragglers: Stragglers;
  readonly listener: Listener<CopyEvent>;
  /** Readings under way, by the hosts that they go to. */
  readonly flowing: Map<string, number>;
}

/** Blobs of so many bytes are read into memory, and sent to each destination whenever it is ready. */
const small = 1024 * 1024;
/** Milliseconds that one who has fallen out of a reading waits for it to end, to read from a destination instead. */
const patience = 30_000;
/**
 * Each connection has buffers of its own in the system, which nobody else counts: for so many of them a reading takes
 * once the memory of its window.
 */
const connectionsOfOne = 4;
/** Destinations that are tried before the source is read again. */
const holdersTried = 2;
/** Blobs of so many bytes are kept a part of while they pass, so that a broken upload need not have it read again. */
const long = 1024 * 1024 * 1024;
/** That part: more than is on its way in the buffers of an upload. */
const kept = 16 * 1024 * 1024;

/**
 * Where the bytes of one blob come from, for all its destinations in one run: read once from the source, hashed once,
 * and given to everybody at the same time. Who comes too late for that, or falls out of it, gets them from a
 * destination that has them by then or, failing that, from the source again.
 */
export class BlobSupply {
  readonly blob: Descriptor;
  readonly #source: Repository;
  readonly #run: SupplyRun;
  readonly #checkpoints;
  readonly #holders: Repository[] = [];
  /** Destinations that have been given bytes and have not ended, and those of them that wait for another to. */
  readonly #receiving = new Set<Repository>();
  readonly #waiting = new Set<Repository>();
  readonly #checks = new Set<() => void>();
  /** Destinations that the small blob is kept in memory for. */
  readonly #served = new Set<Repository>();
  #round: Round | undefined;
  /** The newest reading that each destination had bytes of. */
  readonly #readings = new Map<Repository, FanOut<Repository>>();
  #memory: Promise<Uint8Array> | undefined;
  #taking: Promise<() => void> | undefined;

  constructor(blob: Descriptor, source: Repository, run: SupplyRun) {
    this.blob = blob;
    this.#source = source;
    this.#run = run;
    this.#checkpoints = createHashCheckpoints(blob.digest);
  }

  get isSmall(): boolean {
    return this.blob.size <= small;
  }

  /** These destinations will want the bytes, unless they are {@link excuse}d; all of them are told of one reading. */
  expect(destinations: readonly Repository[]): void {
    const abreast = destinations.filter((to) => !this.#run.stragglers.isLagging(to));
    if (abreast.length === 0) return;
    if (this.isSmall) {
      for (const to of abreast) this.#served.add(to);
      return;
    }
    const before = this.#round;
    if (before?.hasBegun === false) {
      before.expect(abreast);
      return;
    }
    const { stragglers, flowing } = this.#run;
    this.#round = new Round(abreast, {
      isBusy: (to) => !stragglers.isLagging(to) && (flowing.get(hostKey(to)) ?? 0) > 0,
      run: async (joined) => {
        await before?.ended;
        await this.#readTo(joined);
      },
    });
    const unwatch = stragglers.watch(this.#round);
    void this.#round.ended.then(() => {
      unwatch();
      this.#release();
      this.#check();
    });
  }

  /** The destination wants nothing any more: it has the blob, or cannot have it. */
  excuse(to: Repository): void {
    this.#round?.excuse(to);
    this.#receiving.delete(to);
    this.#leaveReading(to);
    this.#check();
    if (!this.#served.delete(to) || this.#served.size > 0) return;
    this.#memory = undefined;
    this.#release();
  }

  /** The destination has the blob: others may read it from there. */
  heldBy(to: Repository): void {
    this.#holders.unshift(to);
    this.#check();
  }

  /** Resolves when the destination may ask for the bytes: before that, it had better not hold a connection. */
  async ready(to: Repository): Promise<void> {
    if (this.isSmall) {
      if (this.#served.has(to)) await this.#load().catch(() => undefined);
      return;
    }
    const round = this.#round;
    if (!round?.expects(to)) return round?.ended;
    await this.#take(Math.min(windowBytes, this.blob.size) * Math.ceil(round.size / connectionsOfOne));
    if (round.isOver) this.#release();
  }

  content(to: Repository): BlobContent {
    return async (from) => {
      if (this.isSmall) {
        const bytes = await (this.#memory ?? this.#read());
        this.#tell(to, bytes.length - from);
        return vouchFor(bytes.subarray(from), this.blob);
      }
      if (from === 0 && this.#round?.expects(to)) return this.#round.join(to);
      const again = this.#readings.get(to)?.rejoin(to, from);
      if (again === undefined) return this.#rest(from, to);
      this.#tell(to, again.readableLength);
      return again;
    };
  }

  #tell(to: Repository, bytes: number): void {
    const { digest } = this.blob;
    this.#run.listener({ type: "bytes", destination: to.address, digest, bytes });
  }

  /** The destination needs nothing of its reading any more; one that nobody needs anything of is over. */
  #leaveReading(to: Repository): void {
    const reading = this.#readings.get(to);
    this.#readings.delete(to);
    if (reading !== undefined && ![...this.#readings.values()].includes(reading)) reading.end();
  }

  /**
   * The small blob in memory, for as long as somebody is expected to want it; or its failure, which has had its attempts
   * and is the same for all of them.
   */
  async #load(): Promise<void> {
    await this.#take(this.blob.size);
    if (this.#served.size === 0) return this.#release();
    this.#memory ??= this.#read();
    await this.#memory;
  }

  async #read(): Promise<Uint8Array> {
    const { stream, address } = await this.#openNearest(0);
    const bytes = Buffer.concat(await stream.toArray());
    this.#run.listener({ type: "read", source: address, bytes: bytes.length });
    return bytes;
  }

  async #take(bytes: number): Promise<void> {
    this.#taking ??= this.#run.budget.take(bytes);
    await this.#taking;
  }

  #release(): void {
    const taking = this.#taking;
    this.#taking = undefined;
    void taking?.then((release) => release());
  }

  async #readTo(joined: readonly Joined[]): Promise<void> {
    let source: Opened;
    try {
      source = await this.#openNearest(0);
    } catch (error) {
      for (const { fail } of joined) fail(error);
      return;
    }
    const { stragglers, flowing } = this.#run;
    const reading = this.#readingOf(source, 0);
    for (const { to, give } of joined) {
      this.#readings.set(to, reading);
      this.#receiving.add(to);
      flowing.set(hostKey(to), (flowing.get(hostKey(to)) ?? 0) + 1);
      give(reading.join(to));
    }
    const unwatch = stragglers.watch(reading);
    await reading.start();
    unwatch();
    for (const { to } of joined) flowing.set(hostKey(to), (flowing.get(hostKey(to)) ?? 1) - 1);
  }

  /** The bytes from an offset on, for one destination alone. */
  async #rest(from: number, to: Repository): Promise<Readable> {
    this.#leaveReading(to);
    await this.#anotherHolder(to);
    const reading = this.#readingOf(await this.#openNearest(from), from);
    this.#readings.set(to, reading);
    const member = reading.join(to);
    void reading.start();
    return member;
  }

  #readingOf({ stream, address }: Opened, from: number): FanOut<Repository> {
    return new FanOut(stream, {
      blob: this.blob,
      from,
      kept: this.blob.size >= long ? kept : 0,
      rest: (offset, to) => this.#rest(offset, to),
      onBytes: (bytes, destinations) => {
        this.#run.listener({ type: "read", source: address, bytes });
        for (const to of destinations) this.#tell(to, bytes);
      },
    });
  }

  /** Waits, but not for long, while another destination may turn out to have the blob. */
  async #anotherHolder(to: Repository): Promise<void> {
    const isOver = (): boolean => {
      if (this.#holders.length > 0) return true;
      return this.#round?.isOver !== false && [...this.#receiving].every((one) => this.#waiting.has(one));
    };
    this.#waiting.add(to);
    this.#check();
    const began = performance.now();
    while (!isOver() && performance.now() - began < patience) {
      const waiting = new AbortController();
      const changed = new Promise<void>((resolve) => this.#checks.add(resolve));
      const enough = sleep(patience, undefined, { ref: false, signal: waiting.signal }).catch(() => {});
      await Promise.race([changed, enough]);
      waiting.abort();
    }
    this.#waiting.delete(to);
  }

  #check(): void {
    for (const check of this.#checks) check();
    this.#checks.clear();
  }

  /** The bytes from an offset on: from a destination that has them or, failing that, from the source. */
  async #openNearest(from: number): Promise<Opened> {
    const options = { from, checkpoints: this.#checkpoints };
    for (const holder of this.#holders.slice(0, holdersTried)) {
      try {
        return { stream: await holder.open(this.blob, options), address: holder.address };
      } catch {
        // A registry may take what it does not give back; the source has it.
      }
    }
    return { stream: await this.#source.open(this.blob, options), address: this.#source.address };
  }
}

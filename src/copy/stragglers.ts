import type { Listener } from "../events/index.ts";
import type { Repository } from "../registry/index.ts";
import type { CopyEvent } from "./events.ts";

/** One destination of an image, and when it has it. */
export interface Arrival {
  readonly to: Repository;
  /** Never rejects. */
  readonly done: Promise<void>;
}

/** Destinations that go ahead together, for as long as none of them keeps the others waiting. */
export interface Group<To = Repository> {
  /** Those that most of the others wait for right now. */
  readonly late: () => readonly To[];
  readonly leave: (destinations: readonly To[]) => void;
}

/** Milliseconds between two looks at who waits for whom. */
const glance = 25;
/** Milliseconds that most of the others wait for a host before they go ahead without it. */
const patience = 600;
/**
 * What of a time in which nobody waited for a host is taken off the time that others did: at one half, a host that is
 * waited for a third of the time loses nothing by it.
 */
const forgiveness = 1 / 2;
/** Milliseconds that a host may take longer than half of the others before they stop waiting for it. */
const allowance = 2_000;

/**
 * Which hosts keep up with the others. Those that do not are served in their own time: nobody waits for them, neither
 * in the middle of a blob nor before the next image. A host that has caught up is waited for again.
 */
export class Stragglers {
  readonly #lagging = new Set<string>();
  /** Images on their way, by host. */
  readonly #underWay = new Map<string, number>();
  readonly #groups = new Set<Group>();
  /** Milliseconds that others have waited, by host. */
  readonly #waited = new Map<string, number>();
  readonly #listener: Listener<CopyEvent>;
  #watch: NodeJS.Timeout | undefined;

  constructor(listener: Listener<CopyEvent>) {
    this.#listener = listener;
  }

  isLagging(to: Repository): boolean {
    return this.#lagging.has(hostKey(to));
  }

  /** Has the group leave its late members when their hosts do not keep up. @returns How to end that. */
  watch(group: Group): () => void {
    this.#groups.add(group);
    this.#watch ??= setInterval(() => this.#look(), glance).unref();
    return () => {
      this.#groups.delete(group);
      if (this.#groups.size > 0) return;
      clearInterval(this.#watch);
      this.#watch = undefined;
    };
  }

  #look(): void {
    const late = [...this.#groups].map((group) => ({ group, those: group.late() }));
    const waitedFor = new Set(late.flatMap(({ those }) => those.map(hostKey)));
    for (const [host, waited] of this.#waited) {
      if (waitedFor.has(host)) continue;
      const left = waited - forgiveness * glance;
      if (left > 0) this.#waited.set(host, left);
      else this.#waited.delete(host);
    }
    for (const host of waitedFor) {
      const waited = (this.#waited.get(host) ?? 0) + glance;
      this.#waited.set(host, waited);
      if (waited >= patience) this.#leave(host);
    }
    for (const { group, those } of late) {
      const left = those.filter((to) => this.isLagging(to));
      if (left.length > 0) group.leave(left);
    }
  }

  /** Resolves when all hosts that keep up have the image. */
  async abreast(arrivals: readonly Arrival[]): Promise<void> {
    const began = performance.now();
    const hosts = new Map<string, Promise<unknown>[]>();
    for (const { to, done } of arrivals) {
      const key = hostKey(to);
      hosts.set(key, [...(hosts.get(key) ?? []), done]);
    }
    const open = new Set([...hosts.keys()].filter((host) => !this.#lagging.has(host)));
    const half = open.size / 2;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const giveUp = (): void => {
        for (const host of open) this.#leave(host);
        resolve();
      };
      for (const [host, all] of hosts) {
        this.#underWay.set(host, (this.#underWay.get(host) ?? 0) + 1);
        void Promise.all(all).then(() => {
          this.#arrived(host);
          if (!open.delete(host)) return;
          if (open.size === 0) resolve();
          else if (open.size <= half) {
            timer ??= setTimeout(giveUp, Math.max(allowance, performance.now() - began));
          }
        });
      }
      if (open.size === 0) resolve();
    });
    clearTimeout(timer);
  }

  #leave(host: string): void {
    this.#waited.delete(host);
    if (this.#lagging.has(host)) return;
    this.#lagging.add(host);
    this.#listener({ type: "left-behind", host });
  }

  #arrived(host: string): void {
    const left = (this.#underWay.get(host) ?? 1) - 1;
    this.#underWay.set(host, left);
    if (left === 0) this.#lagging.delete(host);
  }
}

/** What repositories that can mount from each other have in common; all folders do. */
export function hostKey({ host }: Repository): string {
  return host ?? "oci:";
}

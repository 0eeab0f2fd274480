import type { Repository } from "../registry/index.ts";
import type { CopyListener } from "./events.ts";

/** One destination of an image, and when it has it. */
export interface Arrival {
  readonly to: Repository;
  /** Never rejects. */
  readonly done: Promise<void>;
}

/** Milliseconds that a host may take longer than half of the others before they stop waiting for it. */
const allowance = 2_000;

/**
 * Which hosts keep up with the others. Those that do not are served in their own time: nobody waits for them, neither
 * in the middle of a blob nor before the next image. A host that has caught up is waited for again.
 */
export class Pace {
  readonly #lagging = new Set<string>();
  /** Images on their way, by host. */
  readonly #underWay = new Map<string, number>();
  readonly #listener: CopyListener;

  constructor(listener: CopyListener) {
    this.#listener = listener;
  }

  isLagging(to: Repository): boolean {
    return this.#lagging.has(hostKey(to));
  }

  /** The host has kept others waiting. */
  leaveBehind(to: Repository): void {
    this.#leave(hostKey(to));
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

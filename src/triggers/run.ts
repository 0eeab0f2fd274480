import { setTimeout as sleep } from "node:timers/promises";
import { deliveryChannel, processDeliveries } from "../deliveries/index.ts";
import { failureRecord } from "../errors/index.ts";
import type { Job } from "../jobs/index.ts";
import { actOnEnds } from "./after.ts";
import { tickClock } from "./clock.ts";
import { lookAtPulls } from "./look-at-pulls.ts";
import { lookAtRefs } from "./look-at-refs.ts";
import { lookNow } from "./look-now.ts";
import type { TriggerWorld } from "./model.ts";
import { lookChannel } from "./notices.ts";
import { type DueRemote, dueRemotes, nextDue, syncRemotes } from "./remotes.ts";
import { retryPromotions } from "./retry.ts";

/** What triggers are run with. */
export interface TriggerOptions extends Omit<TriggerWorld, "now" | "random"> {
  readonly now?: (() => Date) | undefined;
  readonly random?: (() => number) | undefined;
  /** Remotes that are looked at at the same time: 16 by default. */
  readonly concurrency?: number | undefined;
  /** When it is aborted, nothing more is looked at, and what is under way is given up: the next process finds it as it was. */
  readonly signal: AbortSignal;
}

/** A remote that is looked at now. */
interface Look {
  readonly host: string;
  /** It could not be read the last time. */
  readonly failing: boolean;
  readonly done: Promise<void>;
}

/** A clock is looked at so often, in milliseconds, and so is everything else that nobody tells of. */
const pulse = 2_000;
/** Between the end of a pass and the next one, whoever rings. */
const gather = 50;
/** After a failure of the database. */
const pause = 1_000;

/**
 * Looks at all that may start a job, until its signal is aborted: at remotes and pull requests when they are due or somebody has told of
 * them, at the clock, at runs that have ended, at promotions that are to be tried again. Any number of processes may do it on one database. What goes wrong is told, and tried
 * again; a remote that does not answer keeps none of the others waiting.
 */
export async function runTriggers(options: TriggerOptions): Promise<void> {
  const { db, signal, concurrency = 16 } = options;
  const { now = () => new Date(), random = Math.random } = options;
  const world: TriggerWorld = { ...options, now, random };
  const bell = new Bell();
  const ring = (): void => bell.ring();
  signal.addEventListener("abort", ring);
  const looks = new Map<string, Look>();
  let synced: readonly Job[] | undefined;

  const look = (key: string, { repository, what, failing }: DueRemote): void => {
    // Many that listen to one signal are taken for a leak.
    const own: TriggerWorld = { ...world, signal: AbortSignal.any([signal]) };
    const done = (what === "refs" ? lookAtRefs : lookAtPulls)(own, repository)
      .then(
        () => undefined,
        (error: unknown) => tell(world, key, error),
      )
      .finally(() => {
        looks.delete(key);
        ring();
      });
    looks.set(key, { host: hostOf(repository), failing, done });
  };

  const startLooks = async (): Promise<void> => {
    for (const remote of await dueRemotes(db, world.now())) {
      if (looks.size >= concurrency) return;
      const key = `${remote.what} ${remote.repository}`;
      const busy = [...looks.values()];
      // A host that does not answer, and all that did not the last time, leave half of the places to others.
      const ofHost = busy.filter(({ host }) => host === hostOf(remote.repository)).length;
      const failing = remote.failing ? busy.filter((one) => one.failing).length : 0;
      if (looks.has(key) || Math.max(ofHost, failing) >= concurrency / 2) continue;
      look(key, remote);
    }
  };

  const pass = async (): Promise<number> => {
    const jobs = world.jobs();
    if (jobs !== synced) await syncRemotes(db, jobs, world.now());
    synced = jobs;
    for (const step of [hear, actOnEnds, tickClock, retryPromotions]) {
      // One that fails keeps none of the others from being done.
      await step(world).catch((error: unknown) => tell(world, step.name, error));
    }
    await startLooks();
    // Those that are due and have no place get one when a look is over.
    const next = await nextDue(db, world.now());
    const wait = next === undefined ? pulse : next.getTime() - world.now().getTime();
    return Math.max(20, Math.min(wait, pulse));
  };

  const unlisten: (() => Promise<void>)[] = [];
  try {
    for (const channel of [lookChannel, deliveryChannel]) unlisten.push(await db.listen(channel, ring, ring));
    while (!signal.aborted) {
      bell.silence();
      const wait = await pass().catch((error: unknown) => {
        if (!signal.aborted) tell(world, "triggers", error);
        return pause;
      });
      // What is told of meanwhile is heard together: a pass for each of many deliveries would keep the database from all else.
      if (!signal.aborted) await sleep(gather);
      if (!signal.aborted) await bell.wait(wait);
    }
  } finally {
    signal.removeEventListener("abort", ring);
    await Promise.all([...looks.values()].map(({ done }) => done));
    for (const end of unlisten) await end();
  }
}

function hear({ db, jobs, now }: TriggerWorld): Promise<number> {
  return processDeliveries(db, (sql, deliveries) => lookNow(sql, jobs(), deliveries, now()), now());
}

function tell({ listener, signal }: TriggerWorld, what: string, error: unknown): void {
  if (signal?.aborted !== true) listener?.({ type: "trigger-failed", what, failure: failureRecord(error) });
}

function hostOf(repository: string): string {
  return URL.canParse(repository) ? new URL(repository).host : "";
}

/** Wakes one who waits; what rings while nobody does is not lost. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  silence(): void {
    this.#rung = false;
  }

  async wait(milliseconds: number): Promise<void> {
    if (this.#rung) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

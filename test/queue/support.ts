import type { Database } from "../../src/database/index.ts";
import {
  type Asked,
  askForRun,
  openQueue,
  type Queue,
  type QueuedRun,
  type RunAsk,
  type RunOutcome,
  type RunState,
  type TakenRun,
  type WorkerOptions,
} from "../../src/queue/index.ts";

/** An ask with what a test does not care about. */
export function askOf(more: Partial<RunAsk> = {}): RunAsk {
  const job = more.job ?? "post-images";
  return {
    job,
    kind: "build",
    type: "postsubmit",
    key: "main",
    priority: 0,
    input: {},
    cause: { by: "hand", text: "asked by a test", at: "2026-01-01T00:00:00.000Z" },
    ...more,
  };
}

/** Asks in a transaction of its own. */
export function ask(db: Database, more: Partial<RunAsk> = {}): Promise<Asked> {
  return db.transaction((sql) => askForRun(sql, askOf(more)));
}

/** Waits until a condition holds that depends on runs: it is looked at after each change. */
export async function until(queue: Queue, condition: () => Promise<boolean>): Promise<void> {
  let changed = () => {};
  const stop = await queue.onChange(() => changed());
  for (;;) {
    const change = new Promise<void>((resolve) => {
      changed = resolve;
    });
    if (await condition()) break;
    await change;
  }
  await stop();
}

export async function untilState(queue: Queue, id: string, ...states: RunState[]): Promise<QueuedRun> {
  let run = await queue.read(id);
  await until(queue, async () => {
    run = await queue.read(id);
    return states.includes(run.state);
  });
  return run;
}

/** A worker in this process, whose runs go on until the test says how they end. */
export interface TestWorker {
  readonly queue: Queue;
  /** Runs that it carries out now, by their ids. */
  readonly running: ReadonlyMap<string, TakenRun>;
  readonly problems: unknown[];
  /** Waits until it carries a run out. */
  taken(id: string): Promise<TakenRun>;
  finish(id: string, outcome?: RunOutcome | Error): void;
  stop(): Promise<void>;
}

/** @param carryOut What is done instead of waiting for the test. */
export function startWorker(
  db: Database,
  options: Partial<Pick<WorkerOptions, "concurrency" | "carryOut">> & { readonly queue?: Queue } = {},
): TestWorker {
  const queue = options.queue ?? openQueue(db);
  const running = new Map<string, TakenRun>();
  const ends = new Map<string, (outcome: RunOutcome | Error) => void>();
  const arrivals: (() => void)[] = [];
  const stopping = new AbortController();
  const problems: unknown[] = [];
  const work = queue.work({
    name: "test",
    concurrency: options.concurrency ?? 4,
    signal: stopping.signal,
    onProblem: (problem) => problems.push(problem),
    carryOut: async (run) => {
      running.set(run.id, run);
      for (const arrived of arrivals.splice(0)) arrived();
      try {
        if (options.carryOut !== undefined) return await options.carryOut(run);
        return await new Promise<RunOutcome>((resolve, reject) => {
          ends.set(run.id, (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
          run.signal.addEventListener("abort", () => reject(run.signal.reason));
        });
      } finally {
        if (running.get(run.id) === run) running.delete(run.id);
      }
    },
  });
  return {
    queue,
    running,
    problems,
    async taken(id) {
      for (;;) {
        const run = running.get(id);
        if (run !== undefined) return run;
        await new Promise<void>((resolve) => {
          arrivals.push(resolve);
        });
      }
    },
    finish: (id, outcome = { result: "SUCCESS" }) => ends.get(id)?.(outcome),
    async stop() {
      stopping.abort();
      await work;
    },
  };
}

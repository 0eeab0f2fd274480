import { documentOfJob, type Job } from "../../src/jobs/index.ts";
import { RunStopped, type StopReason, type TakenRun } from "../../src/queue/index.ts";

/** A run as a worker of the queue has taken it, and what stops it. */
export interface TestRun {
  readonly run: TakenRun;
  stop(reason: StopReason): void;
  /** Whether the worker still has it. */
  isMine: boolean;
}

let last = 2_000_000_000_000_000_000n;

/** A run of a job that a worker has just taken. */
export function takenRun(job: Job, more: Partial<TakenRun> = {}): TestRun {
  const stopping = new AbortController();
  last += 1n;
  const test: TestRun = {
    isMine: true,
    stop: (reason) => stopping.abort(new RunStopped(reason)),
    run: {
      id: String(last),
      job: job.name,
      kind: job.work.kind,
      type: "postsubmit",
      repo: job.repo,
      key: "key",
      priority: 0,
      state: "running",
      attempt: 1,
      crashes: 0,
      causes: [{ by: "hand", text: "asked for by a test", at: new Date().toISOString(), who: "a test" }],
      moreCauses: 0,
      input: { job: documentOfJob(job) },
      askedAt: new Date(),
      startedAt: new Date(),
      worker: "a test",
      signal: stopping.signal,
      isMine: () => test.isMine,
      stillMine: async () => test.isMine,
      fence: async () => undefined,
      tell: () => undefined,
      ...more,
    },
  };
  return test;
}

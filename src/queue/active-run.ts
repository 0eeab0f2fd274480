import type { Database, Sql } from "../database/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import { RunStopped } from "./errors.ts";
import type { Lease } from "./lease.ts";
import { endWhenIdle } from "./locks.ts";
import type { QueuedRun, RunOutcome, StopReason, TakenRun, WorkerOptions } from "./model.ts";
import { ProgressTeller } from "./progress.ts";
import { type AttemptName, isAttempt, writeProgress } from "./settle.ts";

/** How an attempt is over: by an end, or by giving the run to another worker. */
export type AttemptEnd = RunOutcome | "hand-over";

/** A run while this process carries it out. */
export class ActiveRun {
  readonly run: QueuedRun;
  readonly lease: Lease;
  /** By the clock that never goes back. */
  readonly since = performance.now();
  readonly #db: Database;
  readonly #stop = new AbortController();
  readonly #progress: ProgressTeller;
  #isLost = false;
  #isOver = false;

  constructor(db: Database, run: QueuedRun, lease: Lease, onProblem: WorkerOptions["onProblem"]) {
    this.#db = db;
    this.run = run;
    this.lease = lease;
    this.#progress = new ProgressTeller((said) => writeProgress(db, this.name, said), onProblem);
  }

  get name(): AttemptName {
    return { id: this.run.id, attempt: this.run.attempt, worker: this.lease.worker };
  }

  /** Another worker may have the run: nothing more is written of this attempt. */
  get isLost(): boolean {
    return this.#isLost || this.lease.isLost;
  }

  /** What was to be carried out has come to its end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The first reason is the one that is told. */
  stop(reason: StopReason, message?: string): void {
    if (reason === "lost") this.#isLost = true;
    if (!this.#stop.signal.aborted) this.#stop.abort(new RunStopped(reason, message));
  }

  /** @returns How it is over; it never rejects. */
  async carryOut(carryOut: WorkerOptions["carryOut"]): Promise<AttemptEnd> {
    const outcome = await this.#outcomeOf(carryOut);
    this.#isOver = true;
    this.#progress.end();
    return this.#judge(outcome);
  }

  async #outcomeOf(carryOut: WorkerOptions["carryOut"]): Promise<RunOutcome> {
    try {
      return await carryOut(this.#taken());
    } catch (error) {
      return { result: "ERROR", details: { summary: messageOf(error), failure: failureRecord(error) } };
    }
  }

  /** What was interrupted has another end than it says itself; what is done is done. */
  #judge(outcome: RunOutcome): AttemptEnd {
    const { reason } = this.#stop.signal;
    if (outcome.result === "SUCCESS" || !(reason instanceof RunStopped)) return outcome;
    if (reason.code === "shutdown" || reason.code === "lost") return "hand-over";
    const result = reason.code === "aborted" ? "ABORTED" : "FAILURE";
    return { result, details: { ...outcome.details, summary: reason.message } };
  }

  #taken(): TakenRun {
    const { lease } = this;
    const isOpen = () => !this.#isOver && !this.isLost;
    return {
      ...this.run,
      state: "running",
      signal: this.#stop.signal,
      isMine: () => isOpen() && lease.isValid(),
      stillMine: async () => isOpen() && (await lease.settled()) && isOpen(),
      fence: async (sql: Sql) => {
        if (!isOpen()) throw new RunStopped("lost");
        // Who is stopped in the midst of it keeps nobody from taking the run over.
        await endWhenIdle(this.#db, sql);
        if (!(await isAttempt(sql, this.name))) throw new RunStopped("lost");
      },
      tell: (progress) => {
        if (isOpen()) this.#progress.say(progress);
      },
    };
  }
}

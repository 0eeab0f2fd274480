import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../database/index.ts";
import { ActiveRun, type AttemptEnd } from "./active-run.ts";
import { admit } from "./admit.ts";
import { instant, Lease, leaseTiming } from "./lease.ts";
import { listenWhenPossible } from "./listening.ts";
import type { QueuedRun, RunAbort, RunChange, WorkerOptions } from "./model.ts";
import { listenToQueue } from "./notices.ts";
import { abortedBy, type Settling } from "./settle.ts";
import { supervise } from "./supervise.ts";
import { Wake } from "./wake.ts";
import { nameOfLease } from "./worker-name.ts";

const leaseEnd = `clock_timestamp() + make_interval(secs => ${leaseTiming.whole / 1000})`;

/** What a renewal tells: the runs that are this worker's, and whether others wait. */
interface Renewal {
  readonly waiting: boolean;
  readonly id: string | null;
  readonly attempt: number | null;
  readonly abort: RunAbort | null;
}

/** A process that carries runs out. */
export class WorkingProcess {
  readonly #db: Database;
  readonly #settling: Settling;
  readonly #options: WorkerOptions;
  readonly #active = new Set<ActiveRun>();
  readonly #carrying = new Set<Promise<void>>();
  /** Ends the pause before the next renewal, and that of the loop that takes runs. */
  readonly #pulse = new Wake();
  readonly #hunger = new Wake();
  #lease: Lease;
  #isRegistered = false;
  #isOver = false;
  #isTaking = false;
  /** Counts what may have brought runs, so that a renewal knows whether it has seen all of it. */
  #takes = 0;

  constructor(db: Database, settling: Settling, options: WorkerOptions) {
    this.#db = db;
    this.#settling = settling;
    this.#options = options;
    this.#lease = new Lease(nameOfLease(options.name));
  }

  async work(): Promise<void> {
    const { signal, onProblem } = this.#options;
    const over = new AbortController();
    const stop = () => this.#hunger.wake();
    signal.addEventListener("abort", stop);
    const heart = this.#beat();
    const supervision = supervise(this.#db, this.#settling, { signal: over.signal, onProblem });
    const stopListening = this.#listen();
    await this.#take();
    signal.removeEventListener("abort", stop);
    for (const active of this.#active) active.stop("shutdown");
    await Promise.all(this.#carrying);
    this.#isOver = true;
    this.#pulse.wake();
    over.abort();
    await Promise.all([heart, supervision]);
    await this.#leave();
    await stopListening();
  }

  /** Takes runs whenever there is a seat, until the worker is to stop. */
  async #take(): Promise<void> {
    const { concurrency, signal } = this.#options;
    while (!signal.aborted) {
      const lease = this.#lease;
      const seats = concurrency - this.#active.size;
      if (seats > 0 && this.#isRegistered && lease.isValid()) await this.#takeInto(seats, lease);
      if (!signal.aborted) await this.#hunger.wait();
    }
  }

  async #takeInto(seats: number, lease: Lease): Promise<void> {
    this.#isTaking = true;
    try {
      for (const run of await admit(this.#db, lease.worker, seats)) this.#start(run, lease);
    } catch (error) {
      this.#options.onProblem?.(error);
    }
    this.#takes += 1;
    this.#isTaking = false;
  }

  #start(run: QueuedRun, lease: Lease): void {
    const active = new ActiveRun(this.#db, run, lease, this.#options.onProblem);
    this.#active.add(active);
    const carrying = this.#carryOut(active).finally(() => {
      this.#carrying.delete(carrying);
      this.#active.delete(active);
      this.#hunger.wake();
    });
    this.#carrying.add(carrying);
  }

  async #carryOut(active: ActiveRun): Promise<void> {
    const end = await active.carryOut(this.#options.carryOut);
    await this.#settle(active, end);
  }

  /** Writes an attempt's end down: again and again while the database is away, and never when others have the run. */
  async #settle(active: ActiveRun, end: AttemptEnd): Promise<void> {
    const { signal, onProblem } = this.#options;
    const settling = this.#settling;
    const patience = performance.now() + leaseTiming.whole;
    while (!active.isLost) {
      const change = active.lease.change();
      try {
        await this.#db.transaction(async (sql) => {
          if (end === "hand-over") await settling.handOver(sql, active.name);
          else await settling.endAttempt(sql, active.name, end);
        });
        return;
      } catch (error) {
        onProblem?.(error);
      }
      // A worker that stops does not wait for ever: others find its lease run out.
      if (signal.aborted && performance.now() > patience) return;
      await Promise.race([change, sleep(leaseTiming.renewal)]);
    }
  }

  /** Renews the lease until the worker is over. */
  async #beat(): Promise<void> {
    while (!this.#isOver) {
      await this.#renew().catch((error: unknown) => this.#options.onProblem?.(error));
      this.#stopLate();
      if (!this.#isOver) await this.#pulse.wait(leaseTiming.renewal);
    }
  }

  async #renew(): Promise<void> {
    if (!this.#isRegistered) await this.#register();
    const lease = this.#lease;
    const sent = instant();
    const takes = this.#isTaking ? undefined : this.#takes;
    const rows = await this.#db.query<Renewal>(
      `WITH lease AS (
        UPDATE queue_worker SET seen = clock_timestamp(), lease_until = ${leaseEnd} WHERE name = $1 RETURNING name
      )
      SELECT run.id, run.attempt, run.abort, EXISTS (
        SELECT FROM queue_run WHERE state = 'waiting' AND (not_before IS NULL OR not_before <= clock_timestamp())
      ) AS waiting
      FROM lease LEFT JOIN queue_run AS run ON run.worker = $1 AND run.state = 'running'`,
      [lease.worker],
    );
    if (rows.length === 0) {
      this.#lose(lease);
      this.#pulse.wake();
      return;
    }
    lease.renewed(sent);
    if (rows.some(({ waiting }) => waiting)) this.#hunger.wake();
    await this.#compare(
      rows,
      lease,
      sent.monotonic,
      takes !== undefined && takes === this.#takes && !this.#isTaking,
    );
  }

  async #register(): Promise<void> {
    const lease = this.#lease;
    const sent = instant();
    await this.#db.query(
      `INSERT INTO queue_worker (name, seats, since, seen, lease_until)
      VALUES ($1, $2, clock_timestamp(), clock_timestamp(), ${leaseEnd}) ON CONFLICT (name) DO NOTHING`,
      [lease.worker, this.#options.concurrency],
    );
    lease.renewed(sent);
    this.#isRegistered = true;
    this.#hunger.wake();
  }

  /** Others have taken the runs up. This worker goes on under a new name. */
  #lose(lease: Lease): void {
    this.#isRegistered = false;
    this.#lease = new Lease(nameOfLease(this.#options.name));
    lease.lose();
    for (const active of this.#active) if (active.lease === lease) active.stop("lost");
  }

  /** Holds what the tables say against what this process does. */
  async #compare(rows: readonly Renewal[], lease: Lease, sent: number, isWhole: boolean): Promise<void> {
    const listed = new Set<string>();
    for (const { id, attempt, abort } of rows) {
      if (id === null || attempt === null) continue;
      listed.add(id);
      const active = [...this.#active].find(
        ({ name }) => name.id === id && name.attempt === attempt && name.worker === lease.worker,
      );
      if (active !== undefined) {
        if (abort !== null) active.stop("aborted", abortedBy(abort));
      } else if (isWhole) {
        // Its admission was committed, and the answer lost.
        await this.#db.transaction(async (sql) => {
          await this.#settling.handOver(sql, { id, attempt, worker: lease.worker });
        });
      }
    }
    for (const active of this.#active) {
      const isKnown = active.lease === lease && active.since < sent && !active.isOver;
      if (isKnown && !listed.has(active.run.id)) active.stop("lost");
    }
  }

  #stopLate(): void {
    const now = performance.now();
    for (const active of this.#active) {
      const { timeoutSeconds } = active.run;
      if (timeoutSeconds === undefined || now - active.since < timeoutSeconds * 1000) continue;
      active.stop("timeout", `stopped after ${timeoutSeconds} seconds, which is its job's limit`);
    }
  }

  #listen(): () => Promise<void> {
    const onChange = (change: RunChange | undefined) => {
      if (change?.state !== "running") this.#hunger.wake();
    };
    const onStop = (id: string) => {
      if ([...this.#active].some(({ run }) => run.id === id)) this.#pulse.wake();
    };
    return listenWhenPossible(() => listenToQueue(this.#db, onChange, onStop), this.#options.onProblem);
  }

  async #leave(): Promise<void> {
    const leaving = this.#db.query("DELETE FROM queue_worker WHERE name = $1", [this.#lease.worker]);
    await leaving.catch((error: unknown) => this.#options.onProblem?.(error));
  }
}

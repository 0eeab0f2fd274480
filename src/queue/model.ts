import type { Sql } from "../database/index.ts";
import type { RunType } from "../store/index.ts";

/**
 * Where a run is: held until a person releases it, waiting for its turn, running on a worker, or ended. A run whose worker
 * has died or stopped waits again.
 */
export type RunState = "held" | "waiting" | "running" | "ended";

/** How a run ended: well, not, stopped by somebody, or not carried out because Waybill itself could not. */
export type RunResult = "SUCCESS" | "FAILURE" | "ABORTED" | "ERROR";

/** What asked for a run. */
export interface RunCause {
  readonly by: "push" | "pull-request" | "clock" | "registry" | "hand" | "comment" | "after" | "retry";
  /** One line for people, such as "push of v1.2 by ann". */
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
  /** The person or machine, where one is known. */
  readonly who?: string | undefined;
  /** Of a retry: how often it has failed in a row before. */
  readonly failures?: number | undefined;
}

/** What a run is of, from when it is asked for to its end. */
export interface RunSubject {
  /** `^[A-Za-z0-9-._]+$`. */
  readonly job: string;
  /** What is done: `build`, `promote`, `review`… */
  readonly kind: string;
  readonly type: RunType;
  /** URL of the repository. */
  readonly repo?: string | undefined;
  /** Full name, such as `refs/heads/main`. */
  readonly ref?: string | undefined;
  /** Full hash. Promotions have none: they read what the branch has when they start. */
  readonly commit?: string | undefined;
  readonly pull?: number | undefined;
  /** Who opened the pull request. */
  readonly author?: string | undefined;
  /** Runs of a job with the same key never run at the same time, and those that wait are one. */
  readonly key: string;
  /** A point counts as much as a minute of waiting: a release of priority 100 goes before what came up to 100 minutes earlier. */
  readonly priority: number;
  /** Of all runs with the same one, a single one goes on at a time. */
  readonly mutex?: string | undefined;
  /** Runs of this job at the same time. */
  readonly maxConcurrency?: number | undefined;
  /** The label whose places are shared with other jobs; how many there are is {@link Queue.setCapacities}'s. */
  readonly capacity?: string | undefined;
  /** It plans and records, and writes nothing. */
  readonly shadow?: boolean | undefined;
  /** After so many seconds an attempt is stopped. */
  readonly timeoutSeconds?: number | undefined;
}

/** A run that is asked for. */
export interface RunAsk extends RunSubject {
  /** Why it waits for a person before it waits for its turn. */
  readonly held?: string | undefined;
  /** It does not start before this time. */
  readonly notBefore?: Date | undefined;
  /** What its kind needs, as JSON. */
  readonly input: object;
  readonly cause: RunCause;
}

/** What became of a {@link RunAsk}. */
export interface Asked {
  readonly id: string;
  /** `coalesced`: a run of the same key was waiting or held; it has the newer content now, its old place, and one more cause. */
  readonly outcome: "queued" | "coalesced";
  /** A run that was held stays so: who asks again does not release it. */
  readonly state: "held" | "waiting";
}

/** Why a run is not running yet. */
export type RunWaiting =
  | { readonly for: "release"; readonly why: string }
  | { readonly for: "time"; readonly until: Date }
  /** A run of the same key is running. */
  | { readonly for: "key"; readonly run: string }
  | { readonly for: "mutex"; readonly mutex: string; readonly run: string }
  | { readonly for: "concurrency"; readonly running: number; readonly limit: number }
  | {
      readonly for: "capacity";
      readonly capacity: string;
      readonly running: number;
      readonly limit: number;
    }
  /** No process carries runs out: none is there, or none that reaches the database. */
  | { readonly for: "worker" }
  /** All workers are at work. `ahead`: runs that may start before it. */
  | { readonly for: "turn"; readonly ahead: number };

/** A run as the queue knows it: plain data. */
export interface QueuedRun extends RunSubject {
  /** Digits: the id of its record in the store as well. */
  readonly id: string;
  readonly state: RunState;
  readonly result?: RunResult | undefined;
  /** Why it is held. */
  readonly held?: string | undefined;
  readonly notBefore?: Date | undefined;
  /** How often it has been started. */
  readonly attempt: number;
  /** How many attempts ended because their worker died. */
  readonly crashes: number;
  /** The newest last; of many, the first and the newest. */
  readonly causes: readonly RunCause[];
  /** Causes that are left out of {@link causes}. */
  readonly moreCauses: number;
  readonly input: unknown;
  readonly askedAt: Date;
  /** The start of the last attempt. */
  readonly startedAt?: Date | undefined;
  readonly endedAt?: Date | undefined;
  /** The worker that runs it or ran it last. */
  readonly worker?: string | undefined;
  /** Who wants it stopped, and why. */
  readonly abort?: RunAbort | undefined;
  /** While it runs. */
  readonly progress?: RunProgress | undefined;
  /** What the kind says of its end. */
  readonly details?: RunDetails | undefined;
  /** The run whose input it has once more. */
  readonly rerunOf?: string | undefined;
}

/** How far a run has come, as its worker has told last. */
export interface RunProgress {
  /** Such as "12 of 200 copied". */
  readonly text: string;
  readonly done?: number | undefined;
  readonly total?: number | undefined;
  /** ISO 8601. */
  readonly at: string;
}

/** One of the times that a run was begun. */
export interface RunTry {
  /** Counted from 1. */
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: Date;
  readonly endedAt?: Date | undefined;
  /** How the run ended in it; or that its worker gave it back, or died. */
  readonly ending?: RunResult | "handed-over" | "died" | undefined;
}

/** That somebody wants a run stopped. */
export interface RunAbort {
  readonly who: string;
  readonly why: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What is said of a run's end, for lists and notices: beyond 32,000 characters only the summary, up to 2,000. All else is in its record. */
export interface RunDetails {
  /** One line. */
  readonly summary: string;
  readonly [more: string]: unknown;
}

/** How a run was carried out. */
export interface RunOutcome {
  readonly result: RunResult;
  readonly details?: RunDetails | undefined;
}

/**
 * Why a run's signal is aborted.
 * - `aborted`: somebody wants it stopped. It ends as `ABORTED`, unless `SUCCESS` is returned.
 * - `timeout`: its time is up. It ends as `FAILURE`, unless `SUCCESS` is returned.
 * - `shutdown`: this process stops; another one takes it up, unless `SUCCESS` is returned.
 * - `lost`: another worker may have it. Nothing may be written any more, not even to its record.
 */
export type StopReason = "aborted" | "timeout" | "shutdown" | "lost";

/** A run that this worker carries out. */
export interface TakenRun extends QueuedRun {
  readonly state: "running";
  /** Its `reason` is a {@link RunStopped}. */
  readonly signal: AbortSignal;
  /**
   * Whether this attempt may write now: without I/O, by clocks that tell of a process that was asleep. To be asked right before
   * each write. `false` is not for ever: while the database is away it may become `true` again.
   */
  isMine(): boolean;
  /** Waits until that is certain: through an outage of the database, for example. `false` is for ever. */
  stillMine(): Promise<boolean>;
  /**
   * Lets a transaction be committed only while this attempt is the run's: nobody takes it over until the transaction ends. To be
   * called first in each that writes for the run. @throws {RunStopped} `lost`.
   */
  fence(sql: Sql): Promise<void>;
  /** Says how far it is, for those who look: once a second at most is written down, the last of what was said. */
  tell(progress: Omit<RunProgress, "at">): void;
}

/** A value, or several of which one has to fit. */
export type OneOf<Value> = Value | readonly Value[];

/** Which runs are listed: all that is given has to fit. */
export interface RunFilter {
  /** `*` stands for any text, here and in repositories and authors. */
  readonly job?: OneOf<string> | undefined;
  readonly kind?: OneOf<string> | undefined;
  readonly type?: OneOf<RunType> | undefined;
  readonly state?: OneOf<RunState> | undefined;
  readonly result?: OneOf<RunResult> | undefined;
  /** Where it is on its way, or how it ended: the words of both, as one. */
  readonly status?: OneOf<Exclude<RunState, "ended"> | RunResult> | undefined;
  readonly repo?: OneOf<string> | undefined;
  readonly pull?: number | undefined;
  readonly author?: OneOf<string> | undefined;
  /** The machine that runs it or ran it last, by the name that its workers have. */
  readonly machine?: OneOf<string> | undefined;
  /** Each word of it is the beginning of a word of the job, the repository, the ref, the commit, the author or the summary. */
  readonly search?: string | undefined;
  /** Asked for at this time or later. */
  readonly since?: Date | undefined;
  /** Asked for before this time. */
  readonly until?: Date | undefined;
}

/** A page of runs. */
export interface RunListQuery extends RunFilter {
  /** 500 at most. */
  readonly limit: number;
  /** The id of the run that the page comes after. */
  readonly after?: string | undefined;
  /** The id of the run that the page comes before, instead. */
  readonly before?: string | undefined;
  /**
   * The newest first when it is left out; `turn` has those alone that wait, the next to start first; `longest` those alone that
   * have run and ended.
   */
  readonly order?: "newest" | "oldest" | "longest" | "turn" | undefined;
}

/** What a job is careful about, whenever a run of it was asked for. */
export interface JobCaution {
  /** Why each of its runs waits until somebody releases it. */
  readonly held?: string | undefined;
  readonly shadow?: boolean | undefined;
}

/** Some runs. */
export interface RunList {
  readonly runs: readonly QueuedRun[];
  /** What the next page comes after; `undefined` when there is none. */
  readonly next: string | undefined;
  /** What the page before comes before; `undefined` when there is none. */
  readonly previous: string | undefined;
}

/** How many runs fit. */
export interface RunTotal {
  readonly runs: number;
  /** Whether they were counted: of very many, it is told about how many they are. */
  readonly isExact: boolean;
}

/** How the last runs of a job went, of which there are 100 at most. */
export interface JobStatistics {
  /** That ended, and that nobody stopped. */
  readonly runs: number;
  readonly succeeded: number;
  /** Of those that succeeded; `undefined` when none did. */
  readonly medianSeconds: number | undefined;
}

/** A job whose last runs have failed. */
export interface FailingJob {
  /** The newest that failed. */
  readonly run: QueuedRun;
  /** In a row; 100 at most. */
  readonly failures: number;
  /** When the first of them ended. */
  readonly since: Date;
}

/** How many runs there are of a job in a state. */
export interface RunCount {
  readonly job: string;
  readonly kind: string;
  readonly state: Exclude<RunState, "ended">;
  readonly runs: number;
  /** When the oldest of them was asked for. */
  readonly oldest: Date;
}

/** A process that carries runs out. */
export interface RunWorker {
  /** Such as `host:pid:…`. */
  readonly name: string;
  readonly seats: number;
  readonly running: number;
  readonly since: Date;
  readonly seen: Date;
}

/** That something of a run is another by now. */
export interface RunChange {
  readonly id: string;
  readonly state: RunState;
}

/** What a worker is. */
export interface WorkerOptions {
  /** A name for people, such as the host's; the queue makes it unique. */
  readonly name: string;
  /** Runs at the same time. */
  readonly concurrency: number;
  /** Carries a run out. What it throws is an `ERROR`, unless the run was stopped. */
  readonly carryOut: (run: TakenRun) => Promise<RunOutcome>;
  /** When it is aborted, nothing more is taken, and what runs is handed over. */
  readonly signal: AbortSignal;
  /** Told of what goes wrong in the queue itself, such as a database that is away. */
  readonly onProblem?: ((error: unknown) => void) | undefined;
}

/** Runs that wait, are held, run and have ended. Its methods throw {@link QueueError} and `DatabaseError`. */
export interface Queue {
  /** @throws {QueueError} `unknown-run`. */
  read(id: string): Promise<QueuedRun>;
  list(query: RunListQuery): Promise<RunList>;
  /** How many runs a list has, all of its pages. */
  count(filter: RunFilter): Promise<RunTotal>;
  /** The attempts of a run, the first one first; of very many, the last 100. */
  tries(id: string): Promise<readonly RunTry[]>;
  statistics(job: string): Promise<JobStatistics>;
  /** Those of these jobs that have failed since they last succeeded. */
  failing(jobs: readonly string[]): Promise<readonly FailingJob[]>;
  /** The newest run of each job, by the job's name; with a result, the newest that ended so. */
  lastRuns(jobs: readonly string[], result?: RunResult): Promise<ReadonlyMap<string, QueuedRun>>;
  counts(): Promise<readonly RunCount[]>;
  workers(): Promise<readonly RunWorker[]>;
  /** Why each of these runs does not run yet; those that run or have ended are left out. */
  whyWaiting(ids: readonly string[]): Promise<ReadonlyMap<string, RunWaiting>>;
  /**
   * Stops a run: at once when it waits, by its worker when it runs. Within the caller's transaction, as all that changes a run.
   * @throws {QueueError} `unknown-run`, `ended`.
   */
  abort(sql: Sql, id: string, by: { readonly who: string; readonly why: string }): Promise<QueuedRun>;
  /** Lets a waiting run wait for a person. @throws {QueueError} `unknown-run`, `not-waiting`. */
  hold(sql: Sql, id: string, why: string): Promise<QueuedRun>;
  /** Lets a held run wait for its turn. @throws {QueueError} `unknown-run`, `not-held`. */
  release(sql: Sql, id: string): Promise<QueuedRun>;
  /**
   * Asks for what a run was asked for once more. What waits for the same already keeps its content, which is newer.
   * @param now What the job says by now.
   * @throws {QueueError} `unknown-run`.
   */
  rerun(sql: Sql, id: string, cause: RunCause, now?: JobCaution): Promise<Asked>;
  /** How many runs of a label there may be at a time: for all workers, from now on. A label that is not named has one place. */
  setCapacities(capacities: Readonly<Record<string, number>>): Promise<void>;
  /** Tells of each change, by whatever process; `undefined` when some may have been missed. @returns What ends it. */
  onChange(listener: (change: RunChange | undefined) => void): Promise<() => Promise<void>>;
  /**
   * Carries runs out until its signal is aborted and the last one is over or handed over. It holds a lease on its runs, which
   * it renews each second; nobody may write once 6 seconds have gone by without, and after 8 others take them up.
   */
  work(options: WorkerOptions): Promise<void>;
  /** Takes up the runs of workers that have died, until its signal is aborted. Whoever works does so anyway. */
  supervise(options: Pick<WorkerOptions, "signal" | "onProblem">): Promise<void>;
  /** Forgets runs that have ended before a time. @returns How many. */
  forgetEnded(before: Date): Promise<number>;
}

/** What others do about runs. */
export interface QueueOptions {
  /**
   * Called in the transaction in which a run ends, whoever ends it. It may do nothing but add to that transaction, such as tasks
   * and further asks; what it throws leaves the run as it was, to be ended again.
   */
  readonly onEnd?: ((sql: Sql, run: QueuedRun) => Promise<void>) | undefined;
  /**
   * Asked of a run whose worker has died, in the transaction that takes it up: how its last attempt had ended, if it had, and the
   * worker came to write that down elsewhere and not here. Then that is its end, and nobody does it once more.
   */
  readonly endOf?: ((sql: Sql, run: QueuedRun) => Promise<RunOutcome | undefined>) | undefined;
}

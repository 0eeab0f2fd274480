import type { Sql } from "../../database/index.ts";
import type {
  RecordedRun,
  Run,
  RunEnd,
  RunPage,
  RunQuery,
  RunRequest,
  RunStore,
  TimedRun,
} from "../model.ts";
import type { RetentionRule } from "./retention.ts";

/** A run that is begun in a database, or gone on with. */
export interface RunAttempt extends RunRequest {
  /** Digits: begins exactly that run, or goes on with it when it has begun, in the same log. A new id without it. */
  readonly id?: string | undefined;
  /** Which try at the run it is, counted from 1. What an earlier one still writes is refused from then on. */
  readonly attempt?: number | undefined;
  /**
   * Carried out in the transaction of each write: what it throws undoes that, and is the end of this attempt's right to write. For a
   * queue, which knows at once that a run is somebody else's.
   */
  readonly fence?: ((sql: Sql) => Promise<void>) | undefined;
}

/** Which runs of a database are listed. */
export interface RecordQuery extends RunQuery {
  /** `PENDING` are those that go on. */
  readonly result?: Exclude<RecordedRun["result"], "CRASHED"> | undefined;
}

/** Some bytes of a log, or of a run's events. All who follow it get the same object: what is made of it can be made once. */
export interface LogBatch {
  readonly bytes: Uint8Array;
  /** Of the byte behind them: where whoever has them goes on. */
  readonly offset: number;
  /** Bytes before them that were left out, because whoever follows did not keep up. */
  readonly skipped: number;
}

/** A place in a log that is followed. */
export interface LogCursor {
  /**
   * What is behind it, and goes on there; `undefined` when nothing is there yet. What lies further back has to be read, and may be gone
   * when it is: then ask again.
   */
  next(): LogBatch | Promise<LogBatch | undefined> | undefined;
  /** Whether nothing will come any more: the run has ended, or the store was released. */
  readonly isOver: boolean;
  close(): void;
}

/** Runs that were removed. */
export interface RemovedRuns {
  readonly runs: number;
  readonly bytes: number;
}

/** How records end, in a transaction of who decides it. */
export interface RecordEnds {
  /**
   * Ends a run that nobody goes on with any more, for a queue that has given it up; one that has ended stays as it is.
   * @param sql The transaction in which that is decided.
   */
  close(sql: Sql, id: string, end: RunEnd): Promise<void>;
  /** How a run of a queue has ended in an attempt, as far as its record says; `undefined` while nothing says so. */
  endOf(sql: Sql, id: string, attempt: number): Promise<Pick<RunEnd, "result" | "revision"> | undefined>;
}

/**
 * Runs in a database: their heads, and while they go on their logs and events, so that whoever does a run and whoever looks at it may be
 * on different machines. When a run has ended, all of it goes to a store of objects in the layout of Prow's bucket, and its log
 * leaves the database.
 */
export interface RunDatabase extends RunStore, RecordEnds {
  /**
   * Begins a run or goes on with it.
   * @throws {RunError} as {@link RunStore.start}; `run-taken-over` when a later attempt has begun.
   */
  start(attempt: RunAttempt): Promise<Run>;
  /** @throws {RunError} as {@link RunStore.find}. */
  find(name: string): Promise<TimedRun>;
  list(query: RecordQuery): Promise<RunPage>;
  /**
   * Follows the log of a run, or its events, from a byte on. What was written before is read at the pace of whoever follows; who then
   * does not keep up misses something, and is told how much. Nothing is kept for one who does not read.
   * @param options `onMore` is called when there may be more, or the run may have ended.
   * @throws {RunError} `unknown-run`.
   */
  follow(
    id: string,
    options: {
      /** The log, when left out. */
      readonly what?: "log" | "events" | undefined;
      readonly from?: number | undefined;
      readonly onMore: () => void;
    },
  ): Promise<LogCursor>;
  /**
   * Brings what has ended to the objects where that has not been done: after a crash, or when they could not be reached. Called now
   * and then by a process that lives on. @returns How many runs there were.
   */
  keepEnded(): Promise<number>;
  /** Makes runs known that the objects have and the database has not, such as those of an earlier folder. @returns How many. */
  adopt(): Promise<number>;
  /**
   * Removes runs by rules of which the first that names a job holds for it, with all that is kept of them: never one that goes on or
   * is not kept yet, nor the newest of a job.
   * @param held Ids of runs that stay, whatever the rules say.
   */
  retain(
    rules: readonly RetentionRule[],
    options?: { readonly held?: ReadonlySet<string>; readonly now?: Date },
  ): Promise<RemovedRuns>;
  /**
   * Ends followers, and runs of this process that have not ended: what they have written by now is brought to the database where that can
   * be reached, and another attempt goes on with them.
   */
  release(): Promise<void>;
}

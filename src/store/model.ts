import type { WorkEvent } from "../events/index.ts";

/** What started a run: a push, a clock, or a pull request. */
export type RunType = "postsubmit" | "periodic" | "presubmit" | "batch";

/** The commits that a run is about, in Prow's words (`refs` of a job's spec). */
export interface RunRefs {
  readonly org: string;
  readonly repo: string;
  readonly base_ref: string;
  readonly base_sha?: string | undefined;
  readonly repo_link?: string | undefined;
  readonly pulls?:
    | readonly {
        readonly number: number;
        readonly author?: string | undefined;
        readonly sha: string;
        readonly title?: string | undefined;
        readonly head_ref?: string | undefined;
      }[]
    | undefined;
}

/** Who does what in a run. Holds no secret: whoever may read the record reads it. */
export interface RunHead {
  /** The verb of the command line, such as `promote`. */
  readonly verb: string;
  /** Such as `user@host`. */
  readonly by: string;
  /** What it is about: manifests, a registry, a repository. */
  readonly subject: string;
  /** The full hash of the commit that the subject is of, when it is of one. */
  readonly commit?: string | undefined;
  /** What was asked for beside, by the names of options. */
  readonly options?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** What is known of a run before it starts. */
export interface RunRequest {
  /** `^[A-Za-z0-9-._]+$`. */
  readonly job: string;
  readonly type: RunType;
  readonly head?: RunHead | undefined;
  readonly refs?: RunRefs | undefined;
  /** More of a job's spec, for `prowjob.json`. */
  readonly spec?: Readonly<Record<string, unknown>> | undefined;
  /** The environment's time, for tests. */
  readonly now?: (() => Date) | undefined;
}

/** Names a run: its id is that of no other run in the store. */
export interface RunName {
  readonly job: string;
  /** Digits: the time of the start, in the way of snowflake ids. */
  readonly id: string;
}

/** A run that is under way in this process. Methods throw {@link RunError}. */
export interface Run extends RunName {
  /** What `prowjob.json` calls it: `PROW_JOB_ID` of the job's environment. */
  readonly uuid: string;
  /** Where its record is, for people. */
  readonly where: string;
  /** An absolute folder of this machine, for programs that a run starts: when it ends, what they wrote there are artifacts. */
  readonly artifacts: string;
  /** Appends to the log; it outlives the process when this returns. */
  log(chunk: Uint8Array | string): void;
  /** Appends to the events, with the time; so do they. */
  append(event: WorkEvent): void;
  /** Keeps an artifact, whole or not at all. @param path Relative, with slashes. */
  write(path: string, content: string | Uint8Array | Iterable<string>): Promise<void>;
  /** The last word: nothing is written afterwards. */
  finish(end: RunEnd): Promise<void>;
}

/** How a run ended. */
export interface RunEnd {
  readonly result: "SUCCESS" | "FAILURE" | "ABORTED";
  /** The commit that it was about; what the request says by default. */
  readonly revision?: string | undefined;
  readonly planHash?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** A run as its record shows it: plain data. */
export interface RecordedRun extends RunName {
  /** Where the record is, and its log, for people. */
  readonly where: string;
  readonly log: string;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** `PENDING` while it may still be under way; `CRASHED` when its process has ended without a last word. */
  readonly result: RunEnd["result"] | "PENDING" | "CRASHED";
  readonly head: RunHead | undefined;
  readonly refs: RunRefs | undefined;
  readonly revision: string | undefined;
  readonly planHash: string | undefined;
}

/** A run that a store has, to be read as far as it is written by now. */
export interface StoredRun {
  readonly record: RecordedRun;
  /** The bytes of its log from an offset on; none when there is no log. */
  log(from?: number): AsyncIterable<Uint8Array>;
  /** Paths of its artifacts, sorted; 10,000 at most. */
  artifacts(): Promise<readonly string[]>;
  /** The bytes of an artifact; `undefined` when there is none. */
  artifact(path: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** When a byte of a log was written, and those behind it up to the next time. */
export interface LogTime {
  readonly offset: number;
  readonly at: Date;
}

/** A run whose log has times, and whose events are read as they are told. */
export interface TimedRun extends StoredRun {
  /** When its bytes from one to another were written, in order: the last time before them, and those among them. */
  logTimes(from: number, to: number): Promise<readonly LogTime[]>;
  /** The bytes of what has happened in it, from an offset on; none when nothing was told. */
  events(from: number): AsyncIterable<Uint8Array>;
}

/** Which runs are listed. */
export interface RunQuery {
  readonly job?: string | undefined;
  readonly limit: number;
  /** Those behind this one: what the page before says is {@link RunPage.next}. */
  readonly after?: string | undefined;
}

/** Some runs, newest first. */
export interface RunPage {
  readonly runs: readonly RecordedRun[];
  /** What the next page comes after; `undefined` when there is none. */
  readonly next: string | undefined;
}

/**
 * Runs, wherever they are kept. Any number of processes may use the same store. What it takes to start a run, to find one or to
 * list a page does not depend on how many runs there are.
 */
export interface RunStore {
  readonly where: string;
  /**
   * Begins a run: it can be found when this resolves. Earlier runs of its job whose process is known to have ended are closed:
   * they become `ABORTED`.
   * @throws {RunError} `invalid-job-name`, `invalid-refs`, `run-unwritable`.
   */
  start(request: RunRequest): Promise<Run>;
  /**
   * A run by `job/id`, by its id, by a job's name, which means its newest run, or by where its record is.
   * @throws {RunError} `unknown-run` with what there is.
   */
  find(name: string): Promise<StoredRun>;
  /** @throws {RunError} `unknown-run` when `after` names none. */
  list(query: RunQuery): Promise<RunPage>;
}

/** The artifact that holds the events of a run: a JSON document on each line. */
export const eventsArtifact = "events.jsonl";

/** The format of {@link eventsArtifact}, which its first line names. */
export const eventsFormat = "waybill-events/1";

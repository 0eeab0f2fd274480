/** What started a run: a push, a clock, or a pull request. */
export type RunType = "postsubmit" | "periodic" | "presubmit" | "batch";

/** The commits that a run is about, in Prow's words (`refs` of a job's spec). */
export interface RunRefs {
  readonly org: string;
  readonly repo: string;
  readonly base_ref: string;
  readonly base_sha?: string;
  readonly repo_link?: string;
  readonly pulls?: readonly {
    readonly number: number;
    readonly author?: string;
    readonly sha: string;
    readonly title?: string;
    readonly head_ref?: string;
  }[];
}

/** What is known of a run before it starts. */
export interface RunRequest {
  /** `^[A-Za-z0-9-._]+$`. */
  readonly job: string;
  readonly type: RunType;
  readonly refs?: RunRefs;
  /** More of a job's spec, for `prowjob.json`. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** The environment's time, for tests. */
  readonly now?: () => Date;
}

/** A run that is under way in this process. Methods throw {@link RunError}. */
export interface Run {
  readonly job: string;
  /** Digits: the time of the start, in the way of snowflake ids. */
  readonly id: string;
  /** What `prowjob.json` calls it: `PROW_JOB_ID` of the job's environment. */
  readonly uuid: string;
  /** Absolute: `<store>/logs/<job>/<id>`. */
  readonly folder: string;
  /** Its `artifacts/`, absolute, there already. */
  readonly artifacts: string;
  /** Appends to `build-log.txt`; what was given is in the file when the process is killed afterwards. */
  log(chunk: Uint8Array | string): void;
  /** Writes a file below `artifacts/` in one step. */
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Writes `finished.json`, the last file of a run. */
  finish(end: RunEnd): Promise<void>;
}

/** How a run ended. */
export interface RunEnd {
  readonly result: "SUCCESS" | "FAILURE" | "ABORTED";
  /** The commit that it was about; what the request's refs say by default. */
  readonly revision?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A run as its record shows it. */
export interface RecordedRun {
  readonly job: string;
  readonly id: string;
  readonly folder: string;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
  /** `PENDING` while it may still be under way; `CRASHED` when its process has ended without a last word. */
  readonly result: RunEnd["result"] | "PENDING" | "CRASHED";
  readonly refs?: RunRefs;
  readonly revision?: string;
}

/** A folder of runs, in the layout of Prow's bucket. */
export interface RunStore {
  readonly folder: string;
  /** Begins a run: its folder and `started.json` are there when this resolves. */
  start(request: RunRequest): Promise<Run>;
  /**
   * A run by its folder, by `job/id`, by its id, or by a job's name, which means its newest run.
   * @throws {RunError} `unknown-run` with what there is.
   */
  find(name: string): Promise<RecordedRun>;
  /** Runs, newest first; of one job, or of all. */
  list(job?: string): Promise<readonly RecordedRun[]>;
}

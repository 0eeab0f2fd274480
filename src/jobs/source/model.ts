import type { JobDiagnostic, LocatedJob } from "../model.ts";

/** The jobs that count now, and what is wrong where they come from. Plain data but for its dates. */
export interface JobSet {
  /** A folder; or a repository without a password, a branch and a folder in it. */
  readonly where: string;
  /** The commit that was read, of a branch. */
  readonly commit: string | undefined;
  readonly jobs: readonly LocatedJob[];
  /** All that was found in the files as they were read, remarks as well. */
  readonly diagnostics: readonly JobDiagnostic[];
  /** Files with errors: their jobs are those of the last time that they had none. */
  readonly problems: readonly JobFileProblem[];
  /** Why the files as they are now could not be read at all, or are not taken: all jobs are those of the last time. */
  readonly trouble: JobSourceTrouble | undefined;
}

/** A file of jobs that has errors. */
export interface JobFileProblem {
  readonly file: string;
  /** When it was first seen so, and at which commit of a branch. */
  readonly since: Date;
  readonly commit: string | undefined;
  /** When it was last read without errors, and at which commit; `undefined` when this process never has. */
  readonly good: ReadState | undefined;
  /** Its errors. */
  readonly diagnostics: readonly JobDiagnostic[];
  /** Jobs of it that count nevertheless: as they were before; of a file that was never better, those that are right. */
  readonly kept: readonly string[];
}

/** When files were read, and at which commit where they are those of a branch. */
export interface ReadState {
  readonly at: Date;
  readonly commit: string | undefined;
}

/** What is wrong with all of the place that jobs come from. */
export interface JobSourceTrouble {
  /**
   * `branch-rewritten`: what was read last is not in the history of the branch any more, because somebody pushed with force.
   */
  readonly code: "unreachable" | "branch-gone" | "branch-rewritten" | "folder-gone" | "too-large";
  /** When it was first seen so. */
  readonly since: Date;
  readonly message: string;
  readonly hint: string;
  /** Where a branch that was rewritten stands: what {@link JobSource.accept} takes. */
  readonly commit?: string | undefined;
}

/** Where jobs come from. */
export interface JobSource {
  readonly where: string;
  /**
   * The jobs as they are now. Nothing that files say, and nothing that a host answers or does not, is thrown: what counted before goes
   * on counting, and what is wrong is told.
   */
  look(): Promise<JobSet>;
  /** Takes a branch that was rewritten as it is at a commit, when it is looked at next. A folder has nothing to take. */
  accept(commit: string): void;
}

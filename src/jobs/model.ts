import type { BuildRequest } from "../builds/index.ts";
import type { Diagnostic } from "../diagnostics/index.ts";

/** One job, as its file says it: what is built, of which repository, and when. It never holds a command. */
export interface Job {
  /** `^[A-Za-z0-9-._]+$`. */
  readonly name: string;
  /** URL of the repository that is built. */
  readonly repo: string;
  readonly description?: string | undefined;
  /** Addresses of those who want to know when it fails. */
  readonly contact?: readonly string[] | undefined;
  /** The pushes that start it; an empty filter means all, none that no push does. */
  readonly on?: ChangeFilter | undefined;
  /** The pull requests that start it, by the branch they are for. */
  readonly pullRequest?: ChangeFilter | undefined;
  readonly clock?: Schedule | undefined;
  readonly build: JobBuild;
  /** Variables of the job's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** After this many seconds a run is stopped. */
  readonly timeoutSeconds?: number | undefined;
  /** Of jobs with the same one, a single run goes on at a time. */
  readonly mutex?: string | undefined;
  /** Runs of this job at the same time. */
  readonly maxConcurrency?: number | undefined;
}

/** Regular expressions in Go's syntax, each found anywhere in what it is held against. A pushed tag counts as a branch. */
export interface ChangeFilter {
  /** Of these, one has to be found in the branch's name. Joined by `|`, as Prow does it. */
  readonly branch?: readonly string[] | undefined;
  /** None of these may; they win. */
  readonly skipBranch?: readonly string[] | undefined;
  /** It has to be found in one changed path at least. Excludes `skipPaths`. */
  readonly paths?: string | undefined;
  /** One changed path at least has to be without it. */
  readonly skipPaths?: string | undefined;
}

/** Times that start a job: exactly one of `every`, `afterEnd` and `cron`. */
export interface Schedule {
  /** Seconds from the start of one run to that of the next. */
  readonly everySeconds?: number | undefined;
  /** Seconds from the end of one run to the start of the next. */
  readonly afterEndSeconds?: number | undefined;
  /** Five fields, in UTC, or such as `@daily`. */
  readonly cron?: string | undefined;
  /** The branch that is built. */
  readonly ref: string;
}

/** What is built, in the words of a build's request where they are the same. Paths are relative, with slashes, and stay in the repository. */
export interface JobBuild
  extends Pick<
    BuildRequest,
    | ("project" | "pushTo" | "pushAsNamed" | "variant" | "versionTagFilter")
    | ("withGitDir" | "allowDirty" | "noSource" | "google")
  > {
  /** The folder with the build file. */
  readonly dir: string;
  /** The build file, from `dir` on; `cloudbuild.yaml` by default. */
  readonly config?: string | undefined;
  /** The folder that is built from; `dir` by default. */
  readonly buildDir?: string | undefined;
  /** Variables of the job's environment that become substitutions, with an underscore before them. */
  readonly env?: readonly string[] | undefined;
}

/** A job and where it is written. */
export interface LocatedJob {
  readonly job: Job;
  readonly file: string;
  readonly line: number;
}

/** Something wrong in a job file; the job that it is in is left out. */
export interface JobDiagnostic extends Diagnostic {
  /** The job that is left out, where its name can be read. */
  readonly job?: string | undefined;
}

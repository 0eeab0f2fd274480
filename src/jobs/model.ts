import type { Diagnostic, TextPosition } from "../diagnostics/index.ts";
import type { JobKind, JobWork } from "./work.ts";

/** One job, as its file says it: what is done, with which repository, and when. It never holds a command. */
export interface Job {
  /** `^[A-Za-z0-9-._]+$`. */
  readonly name: string;
  /** URL of the repository whose pushes and pull requests start it, and whose files it works on. */
  readonly repo: string;
  /** The branch that is worked on where nothing that was pushed says it: after a job of another repository, at the word of a registry, by hand. */
  readonly ref?: string | undefined;
  readonly description?: string | undefined;
  /** Addresses of those who want to know when it fails. */
  readonly contact?: readonly string[] | undefined;
  /** The pushes that start it; an empty filter means all, none that no push does. */
  readonly on?: ChangeFilter | undefined;
  /** The pull requests that start it, by the branch they are for. */
  readonly pullRequest?: ChangeFilter | undefined;
  readonly clock?: Schedule | undefined;
  /** Names of jobs: a run of one of them that succeeds starts it. */
  readonly after?: readonly string[] | undefined;
  /** Pushes to registries that start it. They are hints to look: what is done depends on what is there then. */
  readonly registry?: RegistryFilter | undefined;
  /** What it does: the one of the keys of {@link JobWork} that its file has. */
  readonly work: JobWork;
  /** It is triggered, planned and recorded, and writes nothing that others see: no image, no status, no pull request. */
  readonly shadow?: boolean | undefined;
  /** Variables of a build's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** After this many seconds a run is stopped. */
  readonly timeoutSeconds?: number | undefined;
  /** Of jobs with the same one, a single run goes on at a time. */
  readonly mutex?: string | undefined;
  /** Runs of this job at the same time. */
  readonly maxConcurrency?: number | undefined;
  /** The name of a limit that the settings know: so many runs of all jobs with the same one go on at a time. */
  readonly capacity?: string | undefined;
  /** Of runs that wait, those with the higher number go first; 0 when left out. From -1000 to 1000. */
  readonly priority?: number | undefined;
  /** Why its runs wait until somebody releases them; none do when left out. */
  readonly hold?: string | undefined;
  /** Who may run it again or by hand, beside those who may run any job. */
  readonly rerun?: RerunRights | undefined;
  /** The name of the status that it has at a commit; the job's own when left out. */
  readonly context?: string | undefined;
  readonly notify?: JobNotify | undefined;
}

/** A job of one kind. */
export type JobOf<Kind extends JobKind> = Job & { readonly work: Extract<JobWork, { readonly kind: Kind }> };

/** Whether a job is of a kind. */
export function isJobOf<Kind extends JobKind>(job: Job, kind: Kind): job is JobOf<Kind> {
  return job.work.kind === kind;
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
  /** Five fields, or such as `@daily`. */
  readonly cron?: string | undefined;
  /** The time zone of `cron`, such as `Europe/Berlin`; UTC when left out. */
  readonly zone?: string | undefined;
  /** The branch that is worked on. */
  readonly ref: string;
}

/** Regular expressions as in {@link ChangeFilter}. */
export interface RegistryFilter {
  /** One has to be found in the repository with its host: `gcr.io/k8s-staging-foo/bar`. */
  readonly repository: readonly string[];
  /** One has to be found in the tag. With it, a push without a tag starts nothing. */
  readonly tag?: readonly string[] | undefined;
}

/** Who may run a job, as Prow's `rerun_auth_config` says it. Names are the forge's. */
export interface RerunRights {
  readonly anyone?: boolean | undefined;
  readonly users?: readonly string[] | undefined;
  readonly orgs?: readonly string[] | undefined;
  /** Each as `org/team`. */
  readonly teams?: readonly string[] | undefined;
}

/** When those who want to know are told. */
export interface JobNotify {
  /** So many runs have to fail in a row; 1 when left out. */
  readonly failures?: number | undefined;
  /** Names of receivers that the settings know, beside the job's `contact`. */
  readonly to?: readonly string[] | undefined;
}

/** A job and where it is written. */
export interface LocatedJob {
  readonly job: Job;
  readonly file: string;
  readonly line: number;
  /** Where in the file some of its values stand. */
  readonly places?: JobPlaces | undefined;
}

/** Where values stand that only all jobs together, or the settings, can say to be wrong. */
export interface JobPlaces {
  /** Of each name, in the order of the job's `after`. */
  readonly after: readonly TextPosition[];
  readonly capacity?: TextPosition | undefined;
}

/** Something wrong in a job file. The job that has an error is left out. */
export interface JobDiagnostic extends Diagnostic {
  /** The job that is left out, where its name can be read. */
  readonly job?: string | undefined;
}

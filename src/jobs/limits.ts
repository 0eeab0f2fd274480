import type { Job } from "./model.ts";

/** What starts a run: the words of the queue's causes. */
export type StartedBy =
  | "push"
  | "pull-request"
  | "clock"
  | "registry"
  | "hand"
  | "comment"
  | "after"
  | "retry";

/** What the queue holds a run of a job to. */
export interface JobLimits {
  readonly priority: number;
  readonly mutex: string | undefined;
  readonly maxConcurrency: number | undefined;
  readonly capacity: string | undefined;
  /** Why it waits until somebody releases it. */
  readonly held: string | undefined;
}

/** Where the job does not say it: what people wait for goes before what only a clock wants, a release before all. */
const usualPriorities: Readonly<Record<StartedBy, number>> = {
  push: 10,
  "pull-request": 10,
  hand: 10,
  comment: 10,
  after: 10,
  retry: 10,
  registry: 5,
  clock: 0,
};

const usualPriorityOfTag = 20;

/**
 * What a run of a job is held to.
 * @param ref the full name of what was pushed or is worked on, such as `refs/tags/v1.2.3`.
 */
export function limitsOf(job: Job, by: StartedBy, ref: string | undefined): JobLimits {
  const isTag = by === "push" && ref?.startsWith("refs/tags/") === true;
  return {
    priority: job.priority ?? (isTag ? usualPriorityOfTag : usualPriorities[by]),
    mutex: job.mutex,
    // Two runs of one promotion would only get in each other's way, and two proposals push to one branch.
    maxConcurrency: job.maxConcurrency ?? (isOneAtATime(job) ? 1 : undefined),
    capacity: job.capacity,
    held: job.hold,
  };
}

function isOneAtATime({ work }: Job): boolean {
  return work.kind === "promote" || work.kind === "propose";
}

/** The branch that a job works on where no push names one, as a full ref; nothing where the job says none. */
export function refOf({ ref, clock }: Job, by: StartedBy): string | undefined {
  const name = by === "clock" ? (clock?.ref ?? ref) : (ref ?? clock?.ref);
  if (name === undefined || name.startsWith("refs/")) return name;
  return `refs/heads/${name}`;
}

/** The jobs that a success of a job starts. */
export function startedAfter<Each extends Job>(jobs: readonly Each[], name: string): readonly Each[] {
  return jobs.filter(({ after }) => after?.includes(name) === true);
}

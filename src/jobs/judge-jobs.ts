import { didYouMean, inOrder, type TextPosition } from "../diagnostics/index.ts";
import type { Job, JobDiagnostic, LocatedJob } from "./model.ts";
import { type JobList, type jobCodes, withoutRepeated } from "./read.ts";
import { isSameRepository } from "./repository-url.ts";

/** What is known beside job files that they are judged by. */
export interface JobSurroundings {
  /** Names of the capacities of the settings; any name is right when left out. */
  readonly capacities?: readonly string[] | undefined;
}

/** The jobs of several files as one list, unjudged. */
export function joined(lists: readonly JobList[]): JobList {
  return {
    jobs: lists.flatMap(({ jobs }) => jobs),
    diagnostics: lists.flatMap(({ diagnostics }) => diagnostics),
  };
}

/**
 * Judges jobs together: of those with the same name the first one stands, and those are left out that come after a job that there is
 * not, or after themselves, or have a capacity that is not known. What nothing starts is mentioned.
 */
export function judgeJobs(list: JobList, { capacities }: JobSurroundings = {}): JobList {
  const { jobs, diagnostics } = withoutRepeated(list);
  const named = new Map(jobs.map((located) => [located.job.name, located]));
  // A job with an error is there, and comes back when that is mended.
  const names = new Set([...named.keys(), ...diagnostics.flatMap(({ job }) => job ?? [])]);
  const circles = circlesOf(named);
  const found = jobs.flatMap((located) => [
    ...unknownJobs(located, names),
    ...circleOf(located, circles),
    ...unknownBranch(located, named),
    ...unknownCapacity(located, capacities),
    ...neverStarted(located),
  ]);
  const wrong = new Set(found.filter(({ severity }) => severity === "error").map(({ job }) => job));
  return {
    jobs: jobs.filter(({ job }) => !wrong.has(job.name)),
    diagnostics: [...diagnostics, ...inOrder(found)],
  };
}

function finding(
  located: LocatedJob,
  code: keyof typeof jobCodes,
  message: string,
  { at, hint, severity = "error" }: Partial<Pick<JobDiagnostic, "at" | "hint" | "severity">> = {},
): JobDiagnostic {
  const { job, file, line } = located;
  return { code, severity, message, hint, file, at: at ?? { line, column: 1 }, job: job.name };
}

function placeOfAfter({ places }: LocatedJob, index: number): TextPosition | undefined {
  return places?.after[index];
}

function unknownJobs(located: LocatedJob, names: ReadonlySet<string>): JobDiagnostic[] {
  return (located.job.after ?? []).flatMap((name, index): JobDiagnostic[] => {
    if (names.has(name)) return [];
    const hint = didYouMean(name, [...names]);
    const message = `it comes after ${name}, and there is no such job`;
    return [finding(located, "unknown-job", message, { at: placeOfAfter(located, index), hint })];
  });
}

function circleOf(located: LocatedJob, circles: ReadonlyMap<string, readonly string[]>): JobDiagnostic[] {
  const { after = [], name } = located.job;
  const circle = circles.get(name);
  if (circle === undefined) return [];
  const index = after.findIndex((each) => circle.includes(each));
  const [first = name, ...others] = circle;
  const shown = others.length > 6 ? [...others.slice(0, 3), "…", ...others.slice(-2)] : others;
  const message = `it would start itself again and again: ${[first, ...shown, first].join(" comes after ")}`;
  const hint = "take one of them out of after:";
  return [finding(located, "job-cycle", message, { at: placeOfAfter(located, index), hint })];
}

/** Of each job that comes after itself, the shortest way around, with the job first. */
function circlesOf(named: ReadonlyMap<string, LocatedJob>): ReadonlyMap<string, readonly string[]> {
  const before = new Map([...named].map(([name, { job }]) => [name, job.after ?? []]));
  // What comes after nothing that is left is in no circle: most trees have none, and are through with this.
  for (let count = -1; count !== before.size; ) {
    count = before.size;
    for (const [name, after] of before) if (!after.some((each) => before.has(each))) before.delete(name);
  }
  const circles = new Map<string, readonly string[]>();
  for (const name of before.keys()) {
    const circle = wayAround(name, before);
    if (circle !== undefined) circles.set(name, circle);
  }
  return circles;
}

function wayAround(
  name: string,
  before: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const reachedFrom = new Map<string, string | undefined>([[name, undefined]]);
  for (const job of reachedFrom.keys()) {
    for (const next of before.get(job) ?? []) {
      if (next === name) {
        const way: string[] = [];
        for (let at: string | undefined = job; at !== undefined; at = reachedFrom.get(at)) way.unshift(at);
        return way;
      }
      if (before.has(next) && !reachedFrom.has(next)) reachedFrom.set(next, job);
    }
  }
  return undefined;
}

/** A job that comes after one of another repository works on a branch that the other one's run does not name. */
function unknownBranch(located: LocatedJob, named: ReadonlyMap<string, LocatedJob>): JobDiagnostic[] {
  const { after = [], ref, repo, work } = located.job;
  if (ref !== undefined || work.kind === "propose") return [];
  return after.flatMap((name, index): JobDiagnostic[] => {
    const other = named.get(name);
    if (other === undefined || isSameRepository(other.job.repo, repo)) return [];
    const message = `${name} is a job of another repository, so nothing says which branch of ${repo} is worked on`;
    const at = placeOfAfter(located, index);
    return [finding(located, "unknown-branch", message, { at, hint: "say it: ref: main" })];
  });
}

function unknownCapacity(located: LocatedJob, capacities: readonly string[] | undefined): JobDiagnostic[] {
  const { capacity } = located.job;
  if (capacity === undefined || capacities === undefined || capacities.includes(capacity)) return [];
  const hint = didYouMean(capacity, capacities) ?? "the settings of the server name them: capacities";
  const message = `there is no capacity ${JSON.stringify(capacity.slice(0, 80))} in the settings`;
  return [finding(located, "unknown-capacity", message, { at: located.places?.capacity, hint })];
}

function neverStarted(located: LocatedJob): JobDiagnostic[] {
  const { pullRequest, work } = located.job;
  if (pullRequest !== undefined && work.kind === "build") {
    const message = "no pull request starts it: nothing of what is proposed is built before it is merged";
    const hint = "its steps would be anybody's; take pullRequest out";
    return [finding(located, "never-started", message, { hint, severity: "info" })];
  }
  if (hasStart(located.job)) return [];
  const hint =
    "a push, a pull request, a clock, another job or a registry could: triggers, pullRequest, clock, after, registry";
  const message = "nothing starts it but somebody's hand";
  return [finding(located, "never-started", message, { hint, severity: "info" })];
}

/** Whether anything starts a job of itself. */
export function hasStart({ on, pullRequest, clock, after, registry }: Job): boolean {
  return [on, pullRequest, clock, after, registry].some((start) => start !== undefined);
}

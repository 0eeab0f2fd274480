import { secondsBetween } from "../cron.ts";
import { writeSeconds } from "../duration.ts";
import type { Job } from "../model.ts";
import type { ComparedRun, HistoryComparison, JobComparison, RunComparison, RunVerdict } from "./model.ts";
import {
  byStart,
  type ComparedSubject,
  type DatedRun,
  type MatchedRuns,
  pairRuns,
  subjectOf,
} from "./same-runs.ts";

/** Two histories of the same jobs. */
export interface HistoryQuestion {
  /** As Waybill has them; runs of others are left out. */
  readonly jobs: readonly Job[];
  readonly prow: readonly ComparedRun[];
  readonly waybill: readonly ComparedRun[];
  /** What began before is left out. */
  readonly since: Date;
  /** When the histories were read, which was at the same time. */
  readonly until: Date;
  /** Runs of the same commit that began further apart are not one; an hour when left out. */
  readonly toleranceSeconds?: number | undefined;
}

const usualTolerance = 60 * 60;

/**
 * Compares the runs of jobs with those that Prow had of the same jobs. Runs are one when they are about the same: a push of the same
 * commit to the same branch, the same state of a pull request, or the clock; and began near each other.
 */
export function compareHistories(question: HistoryQuestion): HistoryComparison {
  const { jobs, since, until } = question;
  const prow = byJob(question.prow);
  const waybill = byJob(question.waybill);
  const compared = jobs.map((job) => {
    const runs = compareRuns(job, prow.get(job.name) ?? [], waybill.get(job.name) ?? [], question);
    return { job: job.name, counts: countsOf(runs), runs };
  });
  return { since, until, jobs: compared, counts: countsOf(compared.flatMap(({ runs }) => runs)) };
}

function byJob(runs: readonly ComparedRun[]): ReadonlyMap<string, readonly ComparedRun[]> {
  return grouped(runs, ({ job }) => job);
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const known = groups.get(keyOf(item));
    if (known === undefined) groups.set(keyOf(item), [item]);
    else known.push(item);
  }
  return groups;
}

function countsOf(runs: readonly RunComparison[]): JobComparison["counts"] {
  const count = (verdict: RunVerdict): number => runs.filter((run) => run.verdict === verdict).length;
  return {
    agreed: count("agreed"),
    "different-result": count("different-result"),
    "only-in-prow": count("only-in-prow"),
    "only-in-waybill": count("only-in-waybill"),
    covered: count("covered"),
    undecided: count("undecided"),
  };
}

/** A pair, what it is about, and when that began. */
interface Match extends MatchedRuns {
  readonly subject: ComparedSubject;
  readonly startedAt: Date;
}

function compareRuns(
  job: Job,
  prow: readonly ComparedRun[],
  waybill: readonly ComparedRun[],
  { since, until, toleranceSeconds = usualTolerance }: HistoryQuestion,
): readonly RunComparison[] {
  // Two clocks of the same interval need not start together.
  const interval = job.clock === undefined ? undefined : secondsBetween(job.clock);
  const tolerance = Math.max(toleranceSeconds, interval ?? 0) * 1000;
  const isIn = (run: ComparedRun): run is DatedRun =>
    run.startedAt !== undefined && run.startedAt >= since && run.startedAt <= until;
  const theirs = grouped(prow.filter(isIn), (run) => subjectOf(job, run).key);
  const ours = grouped(waybill.filter(isIn), (run) => subjectOf(job, run).key);
  const matches = [...new Set([...theirs.keys(), ...ours.keys()])].flatMap((key): Match[] => {
    const pairs = pairRuns(theirs.get(key) ?? [], ours.get(key) ?? [], tolerance);
    return pairs.flatMap((pair): Match[] => {
      const run = pair.prow ?? pair.waybill;
      return run === undefined ? [] : [{ ...pair, subject: subjectOf(job, run), startedAt: run.startedAt }];
    });
  });
  const undated = [...prow, ...waybill].filter(({ startedAt }) => startedAt === undefined);
  const window = { start: since.getTime() + tolerance, end: until.getTime() - tolerance };
  return [
    ...matches.toSorted(byStart).map((match) => judge(match, matches, window)),
    ...undated.map((run): RunComparison => {
      const isOurs = waybill.includes(run);
      return {
        verdict: "undecided",
        what: subjectOf(job, run).what,
        prow: isOurs ? undefined : run,
        waybill: isOurs ? run : undefined,
        reason: "nobody knows when it began",
      };
    }),
  ];
}

/** Where a run that is alone has no partner because that would be outside: milliseconds since 1970. */
interface CertainTime {
  readonly start: number;
  readonly end: number;
}

function judge(match: Match, all: readonly Match[], certain: CertainTime): RunComparison {
  const { subject, prow, waybill } = match;
  const said = (verdict: RunVerdict, reason: string): RunComparison => ({
    ...{ verdict, what: subject.what, prow, waybill, reason },
  });
  if (prow !== undefined && waybill !== undefined) return judgeBoth(prow, waybill, said);
  const at = match.startedAt.getTime();
  if (prow !== undefined) {
    const repeated = all.find(
      (other) => other !== match && isSame(other, match) && other.waybill !== undefined,
    );
    if (repeated !== undefined) {
      return said("only-in-prow", `Prow ran it again: ${repeated.prow?.id} is the run that both have`);
    }
    const newer = takenInBy(match, all);
    if (newer !== undefined) {
      const reason = `Waybill did it with a newer commit, in ${newer.waybill?.id}: ${newer.subject.what}`;
      return said("covered", reason);
    }
    if (at > certain.end) return said("undecided", "it began too short a time ago: Waybill's may still come");
    if (at < certain.start)
      return said("undecided", "it began too early in this time: Waybill's may be before");
    return said("only-in-prow", "Waybill had no run of it");
  }
  if (at > certain.end) return said("undecided", "it began too short a time ago: Prow's may still come");
  if (at < certain.start) return said("undecided", "it began too early in this time: Prow's may be before");
  const repeated = all.some((other) => other !== match && isSame(other, match) && other.prow !== undefined);
  return said("only-in-waybill", repeated ? "Waybill ran it again" : "Prow had no run of it");
}

function isSame(one: Match, other: Match): boolean {
  return one.subject.key === other.subject.key && one.subject.key !== "clock";
}

/**
 * The run by which Waybill did what Prow did in two: a promotion reads the head of its branch when it begins, so commits that come
 * while it waits are one run.
 */
function takenInBy({ subject, prow }: Match, all: readonly Match[]): Match | undefined {
  if (subject.ref === undefined || prow === undefined) return undefined;
  return all.find(
    (other) =>
      other.subject.ref === subject.ref &&
      other.subject.key !== subject.key &&
      other.waybill !== undefined &&
      other.prow !== undefined &&
      other.prow.startedAt > prow.startedAt &&
      // What had begun before Prow's first run was about an older state.
      (other.waybill.finishedAt ?? other.waybill.startedAt) >= prow.startedAt,
  );
}

function judgeBoth(
  prow: DatedRun,
  waybill: DatedRun,
  said: (verdict: RunVerdict, reason: string) => RunComparison,
): RunComparison {
  const results = `Prow: ${inWords(prow)}, Waybill: ${inWords(waybill)}`;
  if ([prow, waybill].some(({ result }) => result === undefined || result === "PENDING"))
    return said("undecided", `it is not over: ${results}`);
  if (prow.result !== waybill.result) return said("different-result", results);
  const seconds = Math.round((waybill.startedAt.getTime() - prow.startedAt.getTime()) / 1000);
  const apart =
    seconds === 0
      ? "at the same time"
      : `${writeSeconds(Math.abs(seconds))} ${seconds < 0 ? "before" : "after"} Prow`;
  return said("agreed", `${prow.result}; Waybill began ${apart}`);
}

function inWords({ result, startedAt, finishedAt }: DatedRun): string {
  if (finishedAt === undefined || result === undefined) return result ?? "unknown";
  const seconds = Math.round((finishedAt.getTime() - startedAt.getTime()) / 1000);
  return `${result} after ${writeSeconds(Math.max(seconds, 1))}`;
}

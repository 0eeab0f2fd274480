import type { Job } from "../model.ts";
import { isPeriodic } from "../variables.ts";
import type { ComparedRun } from "./model.ts";

/** A run whose start is known. */
export type DatedRun = ComparedRun & { readonly startedAt: Date };

/** Two runs that are one, or one that the other side lacks. */
export interface MatchedRuns {
  readonly prow?: DatedRun | undefined;
  readonly waybill?: DatedRun | undefined;
}

/** What a run is about: runs of both sides can be one only where it is the same. */
export interface ComparedSubject {
  readonly key: string;
  /** The branch or tag, of a push. */
  readonly ref?: string | undefined;
  /** For people. */
  readonly what: string;
}

/** What a run of a job is about. A run of a job that only a clock starts is about its time alone. */
export function subjectOf(job: Job, { refs, revision }: ComparedRun): ComparedSubject {
  const { base_ref: ref = "", base_sha = revision ?? "", pulls = [] } = refs ?? {};
  if (pulls.length > 0) {
    const named = pulls.map(({ number, sha }) => `#${number} at ${sha.slice(0, 12)}`);
    const key = pulls.map(({ number, sha }) => `${number}:${sha}`).join(" ");
    return { key: `pull ${key}`, what: `pull request ${named.join(" with ")}` };
  }
  if (isPeriodic(job) || refs === undefined) return { key: "clock", what: "clock" };
  return { key: `push ${ref} ${base_sha}`, ref, what: `push of ${ref} at ${base_sha.slice(0, 12)}` };
}

/**
 * Which runs of the same subject are one: those next to each other in time, no further apart than some milliseconds. Of more runs
 * on one side, the others stay alone.
 */
export function pairRuns(
  prow: readonly DatedRun[],
  waybill: readonly DatedRun[],
  tolerance: number,
): readonly MatchedRuns[] {
  const theirs = prow.toSorted(byStart);
  const ours = waybill.toSorted(byStart);
  const near: { readonly their: DatedRun; readonly our: DatedRun; readonly apart: number }[] = [];
  let first = 0;
  for (const their of theirs) {
    const at = their.startedAt.getTime();
    while (first < ours.length && startOf(ours[first]) < at - tolerance) first += 1;
    for (let index = first; index < ours.length && startOf(ours[index]) <= at + tolerance; index += 1) {
      const our = ours[index];
      if (our !== undefined) near.push({ their, our, apart: Math.abs(startOf(our) - at) });
    }
  }
  const partner = new Map<DatedRun, DatedRun>();
  for (const { their, our } of near.sort((one, other) => one.apart - other.apart)) {
    if (partner.has(their) || partner.has(our)) continue;
    partner.set(their, our);
    partner.set(our, their);
  }
  return [
    ...theirs.map((run): MatchedRuns => ({ prow: run, waybill: partner.get(run) })),
    ...ours.filter((run) => !partner.has(run)).map((run): MatchedRuns => ({ waybill: run })),
  ];
}

function startOf(run: DatedRun | undefined): number {
  return run?.startedAt.getTime() ?? Number.NaN;
}

/** The order of time. */
export function byStart(one: Pick<DatedRun, "startedAt">, other: Pick<DatedRun, "startedAt">): number {
  return one.startedAt.getTime() - other.startedAt.getTime();
}

import type { Job } from "../jobs/index.ts";
import type { Queue } from "../queue/index.ts";
import type { PromotionState } from "../server/index.ts";
import type { RecordedRun, RunDatabase } from "../store/index.ts";
import type { RunSource } from "../work/index.ts";

/** Runs of each result that are looked at: a job may promote several branches, and each commit is of one. */
const maxLooked = 50;

/**
 * Whether a promotion job has brought to production what a commit asks for: whether the commit is in the history of what one of its
 * latest successful runs was about that wrote.
 */
export async function promotionState(
  job: Job,
  commit: string,
  {
    queue,
    runs,
    sourceOf,
  }: {
    readonly queue: Pick<Queue, "list">;
    readonly runs: Pick<RunDatabase, "list">;
    readonly sourceOf: (url: string) => RunSource;
  },
): Promise<PromotionState> {
  if (job.work.kind !== "promote") {
    return { state: "unknown", text: `the job brings nothing to production: it is a ${job.work.kind}` };
  }
  const latest = async (result: "SUCCESS" | "FAILURE"): Promise<readonly RecordedRun[]> => {
    const listed = await runs.list({ job: job.name, result, limit: maxLooked });
    return ofDistinctRevisions(listed.runs.filter(hasWritten));
  };
  const underWay = async (state: "running" | "waiting" | "held") =>
    (await queue.list({ job: job.name, state, limit: 1 })).runs;
  const [succeeded, failed, ...next] = await Promise.all([
    latest("SUCCESS"),
    latest("FAILURE"),
    underWay("running"),
    underWay("waiting"),
    underWay("held"),
  ]);
  const mirror = await sourceOf(job.repo).mirror();
  if (!(await mirror.bring(commit, [job.repo]))) {
    return { state: "unknown", text: "the repository does not have this commit" };
  }
  const repository = await mirror.open();
  const asked = await repository.commitOf(commit);
  const withIt = async (ended: readonly RecordedRun[]): Promise<RecordedRun | undefined> => {
    for (const run of ended) {
      const { revision } = run;
      if (revision === undefined || !(await mirror.bring(revision, [job.repo]))) continue;
      if ((await repository.mergeBase(asked, await repository.commitOf(revision))) === asked) return run;
    }
    return undefined;
  };
  const promoted = await withIt(succeeded);
  if (promoted !== undefined) {
    return {
      state: "promoted",
      text: `run ${promoted.id} has brought it to production`,
      run: promoted.id,
    };
  }
  const [waiting] = next.flat();
  if (waiting !== undefined) {
    return { state: "waiting", text: `run ${waiting.id} is ${waiting.state}`, run: waiting.id };
  }
  const stopped = await withIt(failed);
  if (stopped !== undefined) {
    return { state: "failed", text: `run ${stopped.id} has failed`, run: stopped.id };
  }
  return { state: "waiting", text: "no run has been about it yet" };
}

/** A promotion in its shadow, or one that only plans, has brought nothing anywhere. */
function hasWritten({ head }: RecordedRun): boolean {
  return head?.options?.dryRun !== true;
}

function ofDistinctRevisions(runs: readonly RecordedRun[]): readonly RecordedRun[] {
  const seen = new Set<string | undefined>();
  return runs.filter(({ revision }) => !seen.has(revision) && seen.add(revision));
}

import type { Job } from "../jobs/index.ts";
import type { Queue } from "../queue/index.ts";
import type { PromotionState } from "../server/index.ts";
import type { RunDatabase } from "../store/index.ts";
import type { RunSource } from "../work/index.ts";

/**
 * Whether a promotion job has brought to production what a commit asks for: whether the commit is in the history of what its newest
 * successful run was about.
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
  const newest = async (result: "SUCCESS" | "FAILURE") =>
    (await runs.list({ job: job.name, result, limit: 1 })).runs[0];
  const [succeeded, failed, waiting] = await Promise.all([
    newest("SUCCESS"),
    newest("FAILURE"),
    queue.list({ job: job.name, limit: 1 }),
  ]);
  const [next] = waiting.runs.filter(({ state }) => state !== "ended");
  const mirror = await sourceOf(job.repo).mirror();
  if (!(await mirror.bring(commit, [job.repo]))) {
    return { state: "unknown", text: "the repository does not have this commit" };
  }
  const repository = await mirror.open();
  const asked = await repository.commitOf(commit);
  const isIn = async (revision: string | undefined): Promise<boolean> => {
    if (revision === undefined || !(await mirror.bring(revision, [job.repo]))) return false;
    return (await repository.mergeBase(asked, await repository.commitOf(revision))) === asked;
  };
  if (await isIn(succeeded?.revision)) {
    return {
      state: "promoted",
      text: `run ${succeeded?.id} has brought it to production`,
      run: succeeded?.id,
    };
  }
  if (next !== undefined) return { state: "waiting", text: `run ${next.id} is ${next.state}`, run: next.id };
  if (await isIn(failed?.revision)) {
    return { state: "failed", text: `run ${failed?.id} has failed`, run: failed?.id };
  }
  return { state: "waiting", text: "no run has been about it yet" };
}

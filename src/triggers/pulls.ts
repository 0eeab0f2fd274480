import type { Sql } from "../database/index.ts";
import type { PullRequest } from "../forge/index.ts";
import { isJobOf, type Job, judgePull, repositoryKey } from "../jobs/index.ts";
import type { Asked, RunCause } from "../queue/index.ts";
import { ask } from "./asks.ts";

/**
 * Whether a job is one of the pull requests that are for a branch of a repository, whatever they change. Reviews alone are: whoever
 * proposes something has nothing of it run, and nothing written.
 */
export function isOfPulls(job: Job, repository: string, branch: string): boolean {
  return isJobOf(job, "review") && namesPulls(job, repository, branch);
}

function namesPulls(job: Job, repository: string, branch: string): boolean {
  if (job.pullRequest === undefined) return false;
  const filter = { ...job.pullRequest, paths: undefined, skipPaths: undefined };
  return (
    repositoryKey(job.repo) === repository &&
    judgePull({ ...job, pullRequest: filter }, branch, []).verdict === "run"
  );
}

/** Jobs of the pull requests that are for a branch of a repository, whatever they change. */
export interface PullJobs {
  /** Those that run for them. */
  readonly runs: readonly Job[];
  /** Those that name pull requests, and are of a kind that never runs for what is only proposed, such as a build. */
  readonly never: readonly Job[];
}

/** The jobs that say that they are of pull requests. @param url of their repository, in any form. */
export function pullJobs(jobs: readonly Job[], url: string, branch: string): PullJobs {
  const repository = repositoryKey(url);
  const named = jobs.filter((job) => namesPulls(job, repository, branch));
  return {
    runs: named.filter((job) => isJobOf(job, "review")),
    never: named.filter((job) => !isJobOf(job, "review")),
  };
}

/** Asks for a job of a pull request, as it is now, within a transaction. It waits as one with what was asked for it before. */
export function askForPull(sql: Sql, job: Job, pull: PullRequest, cause: RunCause): Promise<Asked> {
  const { number, url, author, head, base } = pull;
  const subject = {
    ...{ ref: `refs/heads/${base.branch}`, commit: head.commit },
    pull: { number, url, author, head, base },
  };
  return ask(sql, job, subject, cause);
}

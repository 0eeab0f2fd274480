import type { Sql } from "../database/index.ts";
import { documentOfJob, type Job, limitsOf, refOf } from "../jobs/index.ts";
import { type Asked, askForRun, type RunAsk, type RunCause } from "../queue/index.ts";
import type { TriggeredInput } from "./model.ts";

/** What a run is about, as far as whoever starts it knows. */
export interface AskSubject extends Omit<TriggeredInput, "job"> {
  /** In full; where the job says which one when it is left out. */
  readonly ref?: string | undefined;
  readonly commit?: string | undefined;
}

/** Kinds that bring the world to what a branch asks for, or look at it: they read the branch when they start. */
const ofBranch: ReadonlySet<Job["work"]["kind"]> = new Set(["promote", "verify", "snapshot"]);

/**
 * What is asked of the queue when something starts a job. Runs of one key are one as long as they wait: of a promotion there is one
 * for a branch, of a review one for a pull request, of a build one for each commit of a ref.
 */
export function runAskOf(job: Job, subject: AskSubject, cause: RunCause): RunAsk {
  const { kind } = job.work;
  const { push, pull, after, ref = refOf(job, cause.by) } = subject;
  const commit = ofBranch.has(kind) ? undefined : subject.commit;
  const input: TriggeredInput = { job: documentOfJob(job), push, pull, after };
  return {
    ...{ job: job.name, kind, repo: job.repo, ref, commit, pull: pull?.number, author: pull?.author },
    type: pull !== undefined ? "presubmit" : cause.by === "clock" ? "periodic" : "postsubmit",
    key: keyOf({ kind, ref, commit, pull, after }),
    ...{ shadow: job.shadow, timeoutSeconds: job.timeoutSeconds },
    ...limitsOf(job, cause.by, ref),
    ...{ input, cause },
  };
}

function keyOf({ kind, ref = "HEAD", commit, pull, after }: AskSubject & { readonly kind: string }): string {
  if (pull !== undefined) return `pull/${pull.number}`;
  // What each of two builds made is proposed, also when both are of one commit.
  if (kind === "propose" && after !== undefined) return `after/${after.id}`;
  return commit === undefined ? ref : `${ref}@${commit}`;
}

/** Asks for a run within a transaction. */
export function ask(sql: Sql, job: Job, subject: AskSubject, cause: RunCause): Promise<Asked> {
  return askForRun(sql, runAskOf(job, subject, cause));
}

/** A hash as people know it. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

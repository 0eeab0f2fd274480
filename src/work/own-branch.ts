import { messageOf } from "../errors/index.ts";
import { namesRef } from "../jobs/index.ts";
import type { RunWork } from "./work.ts";

/**
 * Whether what a branch asks for is what production is to be, as far as a run's job goes: anybody may have it look at another branch,
 * which nobody may ever merge. Says so where it is not, or nobody can tell.
 * @param ref The branch that the run works on, in full.
 */
export async function isOwnBranch({ run, job, source, say }: RunWork, ref: string): Promise<boolean> {
  // What nobody named is what the job works on by itself.
  if (run.ref === undefined) return true;
  try {
    const isOwn = namesRef(job, ref) ?? ref === (await (await source.mirror()).defaultBranch());
    if (!isOwn) say(`${ref} is no branch of ${job.name}: what is found here does not say how production is`);
    return isOwn;
  } catch (error) {
    say(`what is found here is not noted of production: ${messageOf(error)}`);
    return false;
  }
}

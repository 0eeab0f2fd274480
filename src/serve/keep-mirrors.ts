import { removeUnusedMirrors } from "../git/index.ts";
import { abortOf, every } from "./every.ts";
import { logProblem } from "./log.ts";
import type { ServerCore } from "./serve.ts";

const day = 24 * 60 * 60_000;
/** Days for which a mirror stays that no job names any more. */
const unusedDays = 14;

/** Removes mirrors from this machine that no job has named for long, until the signal is aborted. */
export async function keepMirrors(
  { mirrors, jobs, options: { jobs: place, log } }: ServerCore,
  signal: AbortSignal,
): Promise<void> {
  // As long as no job is known, all would be what nobody names.
  await Promise.race([jobs.known, abortOf(signal)]);
  const look = async (): Promise<void> => {
    const urls = [...("repo" in place ? [place.repo] : []), ...jobs.jobs().map(({ repo }) => repo)];
    const since = new Date(Date.now() - unusedDays * day);
    for (const mirror of await removeUnusedMirrors(mirrors, { urls, since })) {
      log("info", "a mirror that no job has named for long is removed", { mirror });
    }
  };
  await every(day, signal, look, logProblem(log, "mirrors that no job names cannot be removed", "warn"));
}

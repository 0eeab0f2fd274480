import pLimit, { type LimitFunction } from "p-limit";
import { Budget } from "../copy/index.ts";
import type { DesiredRepository } from "../edges/index.ts";
import { splitRepository } from "../oci/index.ts";

/**
 * Questions that are made up at the same time, by all repositories of one host: each one is memory, whether it waits for its
 * turn or for its answer. While the next repository of a host waits until it can ask 32, the host still has as many as it
 * lets under way, 64; where there are so many hosts that they keep this process busy together, half of that.
 */
const questionsAtOnce = { ofHost: 96, ofHostAmongMany: 64, ofAll: 1_024 };

/**
 * Does the work for each repository, so many of a host at a time: whoever waits for one host holds up no other.
 * @param work Given what the repositories of a host have for all their questions.
 * @returns What comes of it, in the order of the repositories.
 */
export async function onEachHost<Repository extends Pick<DesiredRepository, "destination">, Result>(
  repositories: readonly Repository[],
  atOnce: number,
  work: (repository: Repository, questions: Budget) => Promise<Result>,
): Promise<Result[]> {
  const hosts = new Map<string, number[]>();
  for (const [at, { destination }] of repositories.entries()) {
    const { host } = splitRepository(destination);
    const numbers = hosts.get(host) ?? [];
    hosts.set(host, numbers);
    numbers.push(at);
  }
  const results: Result[] = [];
  const { ofHost, ofHostAmongMany, ofAll } = questionsAtOnce;
  const share = Math.max(ofHostAmongMany, Math.min(ofHost, Math.floor(ofAll / hosts.size)));
  const workOnHost = async (numbers: readonly number[]): Promise<void> => {
    const questions = new Budget(share);
    const rest = numbers.values();
    // Those that wait are numbers, and no promises: there may be thousands.
    const worker = async (): Promise<void> => {
      for (const at of rest) {
        const repository = repositories[at];
        if (repository !== undefined) results[at] = await work(repository, questions);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, numbers.length) }, worker));
  };
  await Promise.all(Array.from(hosts.values(), workOnHost));
  return results;
}

/** A limit for each host, all of the same width. */
export function hostLimits(atOnce: number): (host: string) => LimitFunction {
  const limits = new Map<string, LimitFunction>();
  return (host) => {
    const limit = limits.get(host) ?? pLimit(atOnce);
    limits.set(host, limit);
    return limit;
  };
}

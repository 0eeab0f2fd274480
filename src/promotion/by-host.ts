import pLimit, { type LimitFunction } from "p-limit";
import type { DesiredRepository } from "../edges/index.ts";
import { splitRepository } from "../oci/index.ts";

/**
 * Does the work for each repository, so many of a host at a time: whoever waits for one host holds up no other.
 * @returns What comes of it, in the order of the repositories.
 */
export function onEachHost<Repository extends Pick<DesiredRepository, "destination">, Result>(
  repositories: readonly Repository[],
  atOnce: number,
  work: (repository: Repository) => Promise<Result>,
): Promise<Result[]> {
  const limitOf = hostLimits(atOnce);
  return Promise.all(
    repositories.map((repository) =>
      limitOf(splitRepository(repository.destination).host)(() => work(repository)),
    ),
  );
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

import pLimit from "p-limit";
import { splitRepository } from "../oci/index.ts";
import type { DesiredRepository } from "./desired.ts";

/**
 * Does the work for each repository, so many of a host at a time: whoever waits for one host holds up no other.
 * @returns What comes of it, in the order of the repositories.
 */
export function onEachHost<Repository extends Pick<DesiredRepository, "destination">, Result>(
  repositories: readonly Repository[],
  atOnce: number,
  work: (repository: Repository) => Promise<Result>,
): Promise<Result[]> {
  const limits = new Map<string, ReturnType<typeof pLimit>>();
  const limitOf = (host: string): ReturnType<typeof pLimit> => {
    const limit = limits.get(host) ?? pLimit(atOnce);
    limits.set(host, limit);
    return limit;
  };
  return Promise.all(
    repositories.map((repository) =>
      limitOf(splitRepository(repository.destination).host)(() => work(repository)),
    ),
  );
}

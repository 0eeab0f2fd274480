import pLimit, { type LimitFunction } from "p-limit";
import { Budget } from "../copy/index.ts";
import type { DesiredRepository } from "../edges/index.ts";
import { splitRepository } from "../oci/index.ts";

/**
 * Questions to one host that are made up at the same time, by all of its repositories: more than it lets under way,
 * for each one that waits there is memory that hosts and repositories would multiply.
 */
const questionsAtOnce = 128;

/**
 * Does the work for each repository, so many of a host at a time: whoever waits for one host holds up no other.
 * @param work Given what the repositories of a host have for all their questions.
 * @returns What comes of it, in the order of the repositories.
 */
export function onEachHost<Repository extends Pick<DesiredRepository, "destination">, Result>(
  repositories: readonly Repository[],
  atOnce: number,
  work: (repository: Repository, questions: Budget) => Promise<Result>,
): Promise<Result[]> {
  const limitOf = hostLimits(atOnce);
  const questionsOf = eachHost(() => new Budget(questionsAtOnce));
  return Promise.all(
    repositories.map((repository) => {
      const { host } = splitRepository(repository.destination);
      return limitOf(host)(() => work(repository, questionsOf(host)));
    }),
  );
}

/** A limit for each host, all of the same width. */
export function hostLimits(atOnce: number): (host: string) => LimitFunction {
  return eachHost(() => pLimit(atOnce));
}

function eachHost<Value>(make: () => Value): (host: string) => Value {
  const values = new Map<string, Value>();
  return (host) => {
    const value = values.get(host) ?? make();
    values.set(host, value);
    return value;
  };
}

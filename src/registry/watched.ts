import { Readable } from "node:stream";
import { WaybillError } from "../errors/index.ts";
import type { Until } from "../http/index.ts";
import { RegistryError } from "./errors.ts";
import { placeOf, type Repository, type RepositoryWriter } from "./repository.ts";

/** How work with repositories is brought to an end from outside. */
export interface Ending {
  /** Once it is aborted nothing more is begun: every method fails at once, with `interrupted`. */
  readonly stop?: AbortSignal | undefined;
  /** Once it is aborted, what is under way fails as well. */
  readonly cut?: AbortSignal | undefined;
  /**
   * Asked before each write, and right before each of its requests leaves, whether it may still be done: the run may have been given to another worker, which knows nothing of
   * what this one goes on with. One that may not fails with `interrupted`.
   */
  readonly mayWrite?: (() => boolean | Promise<boolean>) | undefined;
}

/** @throws {RegistryError} `interrupted` when nothing may be written any more. */
export async function demandLeave({ mayWrite }: Ending): Promise<void> {
  if (mayWrite !== undefined && !(await mayWrite())) throw interruptedAt(undefined);
}

function interruptedAt(where: string | undefined): RegistryError {
  return new RegistryError("interrupted", "given up: the run was stopped", {
    where,
    hint: "run again: it goes on from what is there by then",
  });
}

/** The methods of a repository that change what others see, or lead to it. */
const writes: ReadonlySet<string | symbol> = new Set<keyof RepositoryWriter>([
  "push",
  "put",
  "delete",
  "confirmReferrers",
]);

/**
 * Makes of a repository the same one, whose methods end when they are told to, so that nobody waits for an answer that may never
 * come; and it is known meanwhile what is under way. All that its methods fail with, and streams that they open, says that it
 * was this repository.
 * @param untilCut Does what fails once `cut` is aborted.
 */
export function watching({ stop, cut, mayWrite }: Ending, untilCut: Until) {
  /** By host, when each thing was begun that is under way, in that order. */
  const hosts = new Map<string, Set<{ readonly since: number }>>();
  // One for all repositories: of those there are thousands.
  const handler: ProxyHandler<Repository> = {
    get(target, property) {
      const placed = (thrown: unknown): unknown =>
        thrown instanceof WaybillError ? thrown.placedAt(placeOf(target)) : thrown;
      const found: unknown = Reflect.get(target, property);
      if (typeof found !== "function") return placed(found);
      const interrupted = (): RegistryError => interruptedAt(target.name);
      return async (...parameters: unknown[]) => {
        if (stop?.aborted || cut?.aborted) throw interrupted();
        if (mayWrite !== undefined && writes.has(property) && !(await mayWrite())) throw interrupted();
        const host = target.host ?? target.address;
        const work = { since: Date.now() };
        const beside = hosts.get(host) ?? new Set();
        hosts.set(host, beside.add(work));
        try {
          const result = await untilCut(
            () => Promise.resolve(Reflect.apply(found, target, parameters)),
            interrupted,
          );
          // Whoever reads it learns of its failure; one that nobody reads must not end the process.
          if (result instanceof Readable) result.on("error", placed);
          return result;
        } catch (error) {
          throw placed(error);
        } finally {
          beside.delete(work);
        }
      };
    },
  };
  return {
    watched: (repository: Repository): Repository => new Proxy(repository, handler),
    underWay: (): readonly HostWork[] =>
      [...hosts].flatMap(([host, works]) => {
        const [oldest] = works;
        return oldest === undefined ? [] : [{ host, count: works.size, since: oldest.since }];
      }),
  };
}

/** Work of one host that is not over. */
export interface HostWork {
  readonly host: string;
  readonly count: number;
  /** When the oldest of them was, in milliseconds since 1970. */
  readonly since: number;
}

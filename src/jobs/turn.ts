import { createHash } from "node:crypto";
import { join } from "node:path";
import { holdingLock, holdingOneOf, type LockOptions, makeFolder } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import { JobsError } from "./errors.ts";
import type { Job } from "./model.ts";

/** Processes on other machines may use the folder: their locks are respected for as long as they give signs of life. */
const patienceMilliseconds = 60_000;
/** A build ends after a day at most. */
const maxWaitMilliseconds = 24 * 60 * 60 * 1000;

/** A run waits for its turn. */
export interface TurnEvent {
  readonly type: "turn-awaited";
  /** What goes on instead, in words. */
  readonly what: string;
  /** The number of the process that does it, where it is one of this machine. */
  readonly holder: number | undefined;
}

/**
 * Runs `body` when it is the turn of a run of the job: no more runs of it go on than its `maxConcurrency` says, and of jobs with
 * its `mutex` no other. Runs are held apart by lock files, so by all processes that use the folder; those of a process that was
 * killed are taken over. Runs that wait are not in line.
 * @param folder For lock files, absolute; made when it is missing.
 * @throws {JobsError} `turn-unavailable`; whatever `body` throws.
 */
export async function holdingTurn<Result>(
  { name, mutex, maxConcurrency }: Pick<Job, "name" | "mutex" | "maxConcurrency">,
  folder: string,
  body: () => Promise<Result>,
  listener: Listener<TurnEvent>,
): Promise<Result> {
  if (mutex === undefined && maxConcurrency === undefined) return body();
  await makeFolder(folder).catch((error: unknown) => {
    throw unavailable(error, folder);
  });
  const options = (what: string): LockOptions => ({
    failure: unavailable,
    patienceMilliseconds,
    maxWaitMilliseconds,
    onWait: (holder) => listener({ type: "turn-awaited", what, holder }),
  });
  const inMutex = (): Promise<Result> => {
    if (mutex === undefined) return body();
    const what = `another run holds the mutex ${mutex}`;
    return holdingLock(join(folder, `mutex-${fileWord(mutex)}.lock`), body, options(what));
  };
  if (maxConcurrency === undefined) return inMutex();
  const places = Array.from({ length: maxConcurrency }, (_, index) =>
    join(folder, `job-${fileWord(name)}-${index}.lock`),
  );
  // A run that waits for its mutex holds a place of its own job alone, so that no two wait for each other.
  const what =
    maxConcurrency === 1 ? `another run of ${name} goes on` : `${maxConcurrency} runs of ${name} go on`;
  return holdingOneOf(places, inMutex, options(what));
}

/** Any text as a part of a file's name, which no other text has. */
function fileWord(text: string): string {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return `${text.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60)}-${hash}`;
}

function unavailable(error: unknown, where: string): JobsError {
  const message = `it cannot be known whether other runs go on: ${messageOf(error)}`;
  return new JobsError("turn-unavailable", message, {
    where,
    hint: "look at the rights of the data folder, or whether another run never ends",
    cause: error,
  });
}

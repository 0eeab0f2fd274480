import { AsyncResource } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { errorCodeOf, makeFolder } from "../../disk/index.ts";
import { DatabaseError, databaseFailure, diskFailure } from "../errors.ts";
import { closedFailure, type DatabaseSession, type Driver } from "../frame.ts";
import type { DatabaseOptions } from "../model.ts";
import type { Encoded } from "../values.ts";
import { type DatabaseEngine, startEngine } from "./engine.ts";
import { filesIn, filesOf, makeFiles } from "./files.ts";
import { type FolderLock, lockFolder } from "./lock.ts";
import { keepUp } from "./upkeep.ts";

const upkeepMilliseconds = 60_000;
/** How long it is believed without a look that the folder is still locked. */
const trustMilliseconds = 5_000;

/**
 * Opens the database whose files are in a folder; one that is not there is made. What is committed outlives a crash of the
 * process and of the machine. One process at a time has the folder.
 */
export async function openPglite(
  folder: string,
  { onTrouble, mayCreate = true }: DatabaseOptions,
): Promise<Driver> {
  if (!mayCreate && (await filesIn(folder)) === "none") {
    throw new DatabaseError("missing", "there is no database in this folder", { where: folder });
  }
  await makeFolder(folder).catch((error: unknown) => {
    throw diskFailure(error, folder);
  });
  const lock = await lockFolder(folder);
  try {
    if ((await filesIn(folder)) === "none") await makeFiles(folder, initialize);
    const driver = driverOf(folder, await startEngine(filesOf(folder)), lock);
    const upkeep = setInterval(() => {
      keepUp(driver.withSession).catch((error: unknown) => {
        const failure = databaseFailure(error, folder);
        if (failure.code !== "closed") onTrouble?.(failure);
      });
    }, upkeepMilliseconds).unref();
    const close: Driver["close"] = (within) => {
      clearInterval(upkeep);
      return driver.close(within);
    };
    return { ...driver, close };
  } catch (error) {
    await lock.release();
    throw diskFailure(error, folder);
  }
}

async function initialize(files: string): Promise<void> {
  const { pglite } = await startEngine(files);
  await pglite.close();
}

function driverOf(folder: string, { pglite, lastWords }: DatabaseEngine, lock: FolderLock): Driver {
  const turns = pLimit(1);
  let broken: DatabaseError | undefined;
  let isTaken = false;
  let seen = performance.now();
  const checkLock = async (): Promise<void> => {
    if (performance.now() - seen > trustMilliseconds && !(await lock.isMine())) {
      broken = new DatabaseError("locked", "another process has taken the folder over while this one slept", {
        where: folder,
        hint: "start this one again when the other one has ended",
      });
    }
    if (broken !== undefined) throw broken;
    seen = performance.now();
  };
  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
    if (isTaken) throw closedFailure(folder);
    if (broken !== undefined) throw broken;
    let failure: unknown;
    try {
      const answer = await question();
      if (lastWords() === undefined) return answer;
    } catch (error) {
      // PostgreSQL says it, and goes on.
      if (errorCodeOf(error) !== undefined && lastWords() === undefined) throw error;
      failure = error;
    }
    broken = new DatabaseError("broken", `PostgreSQL has stopped: ${lastWords() ?? String(failure)}`, {
      where: folder,
      hint: "start Waybill again: it recovers what is committed; make room first if the disk is full",
    });
    throw broken;
  };
  const session: DatabaseSession = {
    query: async <Row extends object>(text: string, values: readonly Encoded[]) =>
      (await ask(() => pglite.query<Row>(text, [...values]))).rows,
    async script(text) {
      const answers: readonly { readonly command?: string }[] = await ask(() => pglite.exec(text));
      return answers.at(-1)?.command;
    },
    discard: () => undefined,
  };
  const withSession: Driver["withSession"] = (use) =>
    turns(async () => {
      await checkLock();
      return use(session);
    });
  return {
    kind: "pglite",
    where: folder,
    withSession,
    async listen(channel, onNotice) {
      const tell = AsyncResource.bind(onNotice);
      const stop = await withSession(() => ask(() => pglite.listen(channel, tell)));
      return async () => {
        if (!isTaken) await withSession(() => ask(stop));
      };
    },
    async close(within) {
      const patience = new AbortController();
      const idle = turns(async () => undefined);
      await Promise.race([idle, sleep(within, undefined, { signal: patience.signal })]);
      patience.abort();
      isTaken = true;
      // What is broken, or another's by now, is left as it is: its log has all that counts.
      if (broken === undefined) await pglite.close();
      await lock.release();
    },
  };
}

import { join } from "node:path";
import { errorCodeOf, holdingLock } from "../../disk/index.ts";
import { DatabaseError, diskFailure } from "../errors.ts";

/** A folder that no other process opens meanwhile. */
export interface FolderLock {
  /** Whether it still is: a process that slept for long may find its folder taken. */
  isMine(): Promise<boolean>;
  release(): Promise<void>;
}

/** How long a holder is believed in that gives no sign of life, and of which nothing else is known: it may be of another machine. */
const patienceMilliseconds = 30_000;

/**
 * Locks the folder of an embedded database. Two engines on one folder destroy it. Throws {@link DatabaseError} `locked`, with
 * who holds it, within seconds of a living holder.
 */
export function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, "postgres.lock");
  let holder: number | undefined;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return new Promise((resolve, reject) => {
    const held = holdingLock(
      file,
      async ({ isMine }) => {
        const end = async (): Promise<void> => {
          release();
          await held;
        };
        resolve({ isMine, release: end });
        await released;
      },
      {
        patienceMilliseconds,
        maxWaitMilliseconds: 2 * patienceMilliseconds,
        refusesLiving: true,
        onWait: (number) => {
          holder = number;
        },
        failure: (error) => lockFailure(error, folder, holder),
      },
    );
    held.catch(reject);
  });
}

function lockFailure(error: unknown, folder: string, holder: number | undefined): Error {
  if (errorCodeOf(error) !== "ELOCKED") return diskFailure(error, folder);
  const who = holder === undefined ? "a process of another machine or container" : `process ${holder}`;
  return new DatabaseError("locked", `${who} has the database in this folder open`, {
    where: folder,
    hint: "end that process first, or ask it: --server URL; or let both have one database of a server: --database postgres://…",
  });
}

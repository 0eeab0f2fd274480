import { join } from "node:path";
import { holdingLock, makeFolder } from "../disk/index.ts";
import { recordFailure } from "./errors.ts";
import { readSmall, replaceFile, unfinished } from "./files.ts";
import { folderOfPlace } from "./places.ts";
import { isRunId, newestFirst } from "./snowflake.ts";

/**
 * Says in `latest-build.txt` that a run is its job's newest, unless a newer one has said so: readers find other runs by
 * going back from there.
 * @param directory Where the file is, from the top of the store.
 */
export async function noteLatest(store: string, directory: string, id: string): Promise<void> {
  const file = join(folderOfPlace(store, directory), "latest-build.txt");
  const lock = join(store, unfinished, `${directory.replaceAll("/", ".")}.lock`);
  await makeFolder(join(store, unfinished)).catch((error) => {
    throw recordFailure(error, lock);
  });
  await holdingLock(
    lock,
    async ({ isMine }) => {
      const noted = (await readSmall(file, 64))?.trim() ?? "";
      if (isRunId(noted) && newestFirst(noted, id) <= 0) return;
      if (await isMine()) await replaceFile(store, file, id);
    },
    { failure: recordFailure },
  );
}

import { fstat, type Stats, write } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import { promisify } from "node:util";
import { errorCodeOf } from "./fault.ts";

/**
 * What a descriptor is open on that this process was given to write to. Throws `EBADF` for one that is not open for writing,
 * and for those that Node has opened for itself: what is written to them reaches nobody, or ends the process.
 */
export async function givenDescriptor(number: number): Promise<Stats> {
  const found = await promisify(fstat)(number);
  // Nothing, sent to a socket, may be a message.
  if (found.isSocket()) return found;
  const isOurs = !(await takesWrites(number)) || (found.isFIFO() && (await isReadHere(number, found)));
  if (!isOurs) return found;
  throw Object.assign(new Error("it is not open for writing"), { code: "EBADF" });
}

/** Writes nothing: what is not open for writing refuses that, and so does what Node waits on for events. */
function takesWrites(descriptor: number): Promise<boolean> {
  return new Promise((resolve) => {
    write(descriptor, new Uint8Array(), 0, 0, null, (error) => resolve(error === null));
  });
}

/** Whether this process has both ends of a pipe without a name, as Node's threads have of theirs. */
async function isReadHere(descriptor: number, pipe: Stats): Promise<boolean> {
  const name = await readlink(`/dev/fd/${descriptor}`).catch(() => undefined);
  if (name?.startsWith("/")) return false;
  for (const other of (await readdir("/dev/fd")).map(Number)) {
    const found = await promisify(fstat)(other).catch((error: unknown) => {
      // The one that the list was read from is closed by now.
      if (errorCodeOf(error) === "EBADF") return undefined;
      throw error;
    });
    const isSame = found?.isFIFO() && found.ino === pipe.ino && found.dev === pipe.dev;
    if (isSame && !(await takesWrites(other))) return true;
  }
  return false;
}

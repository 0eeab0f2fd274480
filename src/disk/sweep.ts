import { chmod, lstat, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ifPresent } from "./fault.ts";
import { isKnownToHaveEnded, processMark } from "./mark.ts";

/** What is looked for in a folder that processes leave things in which they do not come back for. */
export interface Left {
  /** The part of a name that begins with the mark of whoever it belongs to; `undefined` of what is none of it. */
  readonly owner: (name: string) => string | undefined;
  /** What was last changed before, in milliseconds, goes whoever's it is. */
  readonly before?: number;
}

/**
 * Removes from a folder what is known to be nobody's, with all that is in it: what a process left that has ended, and what is
 * too old. What cannot be removed stays. Throws what the file system says of the folder, if it is there.
 * @returns How many were removed.
 */
export async function sweep(folder: string, { owner: ownerOf, before }: Left): Promise<number> {
  let swept = 0;
  for (const name of (await ifPresent(readdir(folder))) ?? []) {
    const path = join(folder, name);
    const owner = ownerOf(name);
    if (owner === undefined) continue;
    if (!isKnownToHaveEnded(owner) && !(await isOlder(path, before))) continue;
    await removeTree(path).then(
      () => {
        swept += 1;
      },
      () => undefined,
    );
  }
  return swept;
}

async function isOlder(path: string, before: number | undefined): Promise<boolean> {
  if (before === undefined) return false;
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < before;
}

/**
 * Removes a file or a folder with all that is in it, also while programs that are ending still write into it, and folders that
 * not even their owner may write, as images and caches of modules have them. Throws what the file system says.
 */
export async function removeTree(path: string): Promise<void> {
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 });
  await remove().catch(async () => {
    await makeWritable(path);
    await remove();
  });
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700).catch(() => undefined);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}

/**
 * Makes an empty folder among the temporary files, for this process, and removes those of the same name whose processes were
 * killed before they could. Links in its path are resolved. Whoever makes it removes it.
 * @param name Such as `waybill-build`.
 */
export async function makeTemporaryFolder(name: string): Promise<string> {
  const prefix = `${name}-`;
  const owner = (other: string) => (other.startsWith(prefix) ? other.slice(prefix.length) : undefined);
  // A folder that many share may be one that nobody lists.
  await sweep(tmpdir(), { owner }).catch(() => undefined);
  return realpath(await mkdtemp(join(tmpdir(), `${prefix}${processMark()}-`)));
}

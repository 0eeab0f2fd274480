import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { holdingLock, ifPresent, removeTree } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { GitError } from "./errors.ts";
import { mirrorName } from "./mirror.ts";
import { withoutPassword } from "./password.ts";

/** Which mirrors are left alone. */
export interface MirrorsInUse {
  /** URLs of their remotes. */
  readonly urls: readonly string[];
  /** Others are when they have been used since. */
  readonly since: Date;
}

/**
 * Removes mirrors that nobody needs any more from their folder. One that is needed again is fetched anew.
 * @returns Their names.
 * @throws {GitError} `git-failed` when one cannot be removed.
 */
export async function removeUnusedMirrors(
  folder: string,
  { urls, since }: MirrorsInUse,
): Promise<readonly string[]> {
  const used = new Set(urls.map((url) => mirrorName(withoutPassword(url))));
  const removed: string[] = [];
  for (const name of (await ifPresent(readdir(folder))) ?? []) {
    if (!/-[0-9a-f]{16}$/.test(name) || used.has(name)) continue;
    const path = join(folder, name);
    const failure = (error: unknown): GitError =>
      new GitError("git-failed", `a mirror that nobody uses cannot be removed: ${messageOf(error)}`, {
        where: path,
        cause: error,
      });
    const isUnused = async (): Promise<boolean> => {
      const found = await ifPresent(stat(path));
      return found !== undefined && found.mtimeMs < since.getTime();
    };
    if (!(await isUnused())) continue;
    await holdingLock(
      `${path}.lock`,
      async () => {
        if (!(await isUnused())) return;
        await removeTree(path).catch((error: unknown) => {
          throw failure(error);
        });
        removed.push(name);
      },
      { failure },
    );
  }
  return removed;
}

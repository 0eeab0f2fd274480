import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../disk/index.ts";
import { GitError } from "./errors.ts";
import { withoutPassword } from "./password.ts";
import { type GitRun, gitOutput } from "./program.ts";

/** Bytes that the objects of a repository take. @param counted What `git count-objects -v` gives. */
export async function bytesOf(folder: string, counted: Promise<GitRun>): Promise<number> {
  const text = await gitOutput(folder, counted);
  const sizes = [...text.matchAll(/^size(?:-pack|-garbage)?: (\d+)$/gm)];
  return sizes.reduce((sum, [, kibibytes]) => sum + Number(kibibytes) * 1024, 0);
}

/** Why a fetch has not ended for lack of room; `undefined` when it has failed for something else. */
export function lackOfRoom(
  { stderr }: Pick<GitRun, "stderr">,
  mirror: { readonly url: string; readonly folder: string; readonly maxBytes: number },
): GitError | undefined {
  if (/\bFile too large\b/.test(stderr)) return mirrorTooLarge(mirror);
  if (!/\bNo space left on device\b|\bDisk quota exceeded\b/.test(stderr)) return undefined;
  const message = `the disk is full: ${withoutPassword(mirror.url)} cannot be fetched`;
  return new GitError("disk-full", message, {
    where: mirror.folder,
    hint: "make room there; it is fetched again then",
  });
}

/** That a mirror may not be as large as its remote is. */
function mirrorTooLarge({ url, maxBytes }: { readonly url: string; readonly maxBytes: number }): GitError {
  const message = `its mirror would be larger than ${sizeOf(maxBytes)}, which is all that it may have`;
  return new GitError("mirror-too-large", message, {
    where: withoutPassword(url),
    hint: "let it have more by serve.maxMirrorBytes in waybill.yaml, if there is room",
  });
}

function sizeOf(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${Number((bytes / 2 ** (10 * power)).toFixed(1))} ${units[power]}`;
}

/** Removes what fetches have left that came to no end: nobody else writes there while the mirror is locked. @param git The folder `.git`. */
export async function removeParts(git: string): Promise<void> {
  const objects = join(git, "objects");
  for (const folder of (await ifPresent(readdir(objects))) ?? []) {
    if (folder !== "pack" && !/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of (await ifPresent(readdir(join(objects, folder)))) ?? []) {
      if (name.startsWith("tmp_")) await rm(join(objects, folder, name), { force: true });
    }
  }
}

/** Git holds the lock of a ref for as long as a small file takes to write: one that is older was left by a process that was killed. */
const staleLockMilliseconds = 60_000;

/** Removes what a killed run of Git has left in the way of all others. @param git The folder `.git`. */
export async function removeStaleLocks(git: string): Promise<void> {
  const before = Date.now() - staleLockMilliseconds;
  const names = [
    ...(await readdir(git)),
    ...(await readdir(join(git, "refs"), { recursive: true })).map((name) => join("refs", name)),
  ];
  for (const name of names.filter((one) => one.endsWith(".lock"))) {
    const path = join(git, name);
    const found = await ifPresent(stat(path));
    if (found !== undefined && found.mtimeMs < before) await rm(path, { force: true });
  }
}

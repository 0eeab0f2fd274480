import { link, readdir, rename, unlink, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCodeOf, ifPresent, makeFolder } from "../disk/index.ts";
import type { Digest } from "../oci/index.ts";
import type { Kept, RepositoryFolder } from "./layout.ts";

/** Takes something out of sight that seems to be needed by nobody. `false` when it is not there. */
export async function setAside(place: RepositoryFolder, kind: Kept, digest: Digest): Promise<boolean> {
  const aside = place.aside(kind, digest);
  await makeFolder(dirname(aside));
  try {
    await rename(place.path(kind, digest), aside);
    return true;
  } catch (thrown) {
    if (errorCodeOf(thrown) === "ENOENT") return false;
    throw thrown;
  }
}

/** Gives what was set aside its name again, unless it has come anew. `false` when nothing was set aside. */
export async function bringBack(place: RepositoryFolder, kind: Kept, digest: Digest): Promise<boolean> {
  const aside = place.aside(kind, digest);
  try {
    await link(aside, place.path(kind, digest));
  } catch (thrown) {
    if (errorCodeOf(thrown) === "ENOENT" || errorCodeOf(thrown) === "ENOTDIR") return false;
    if (errorCodeOf(thrown) !== "EEXIST") throw thrown;
  }
  await ifPresent(unlink(aside));
  return true;
}

/** Brings back everything that a collection which was ended has left aside in a repository. */
export async function bringAllBack(place: RepositoryFolder): Promise<void> {
  for (const name of (await ifPresent(readdir(place.asides))) ?? []) {
    const [, kind, algorithm, hex] = /^(blob|manifest)-(sha256|sha512)-([0-9a-f]+)$/.exec(name) ?? [];
    if (kind === undefined) continue;
    await bringBack(place, kind as Kept, `${algorithm}:${hex}` as Digest);
  }
}

/** Does something with the file of what a repository has, which may have been set aside a moment ago. */
export async function reach<Found>(
  place: RepositoryFolder,
  kind: Kept,
  digest: Digest,
  work: (path: string) => Promise<Found>,
): Promise<Found | undefined> {
  const path = place.path(kind, digest);
  const found = await ifPresent(work(path));
  if (found !== undefined || !(await bringBack(place, kind, digest))) return found;
  return ifPresent(work(path));
}

/** Has a file stay for a while, because whoever is told of it may be about to refer to it. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

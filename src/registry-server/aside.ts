import { link, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCodeOf, ifPresent, makeFolder } from "../disk/index.ts";
import type { Digest, RepositoryPath } from "../oci/index.ts";
import { asidePath, blobPath, type Layout, manifestPath, repositoryFolder } from "./layout.ts";

/** What may be set aside. */
export type Kept = "blob" | "manifest";

/** Where it is while it is in sight. */
export const pathOf = { blob: blobPath, manifest: manifestPath } as const;

/** Takes something out of sight that seems to be needed by nobody. `false` when it is not there. */
export async function setAside(
  layout: Layout,
  repository: RepositoryPath,
  kind: Kept,
  digest: Digest,
): Promise<boolean> {
  const aside = asidePath(layout, repository, kind, digest);
  await makeFolder(dirname(aside));
  try {
    await rename(pathOf[kind](layout, repository, digest), aside);
    return true;
  } catch (thrown) {
    if (errorCodeOf(thrown) === "ENOENT") return false;
    throw thrown;
  }
}

/** Gives what was set aside its name again, unless it has come anew. `false` when nothing was set aside. */
export async function bringBack(
  layout: Layout,
  repository: RepositoryPath,
  kind: Kept,
  digest: Digest,
): Promise<boolean> {
  const aside = asidePath(layout, repository, kind, digest);
  try {
    await link(aside, pathOf[kind](layout, repository, digest));
  } catch (thrown) {
    if (errorCodeOf(thrown) === "ENOENT" || errorCodeOf(thrown) === "ENOTDIR") return false;
    if (errorCodeOf(thrown) !== "EEXIST") throw thrown;
  }
  await ifPresent(unlink(aside));
  return true;
}

/** Brings back everything that a collection which was ended has left aside in a repository. */
export async function bringAllBack(layout: Layout, repository: RepositoryPath): Promise<void> {
  const folder = join(repositoryFolder(layout, repository), "_aside");
  for (const name of (await ifPresent(readdir(folder))) ?? []) {
    const [, kind, algorithm, hex] = /^(blob|manifest)-(sha256|sha512)-([0-9a-f]+)$/.exec(name) ?? [];
    if (kind === undefined) continue;
    await bringBack(layout, repository, kind as Kept, `${algorithm}:${hex}` as Digest);
  }
}

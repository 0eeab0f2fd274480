import { basename, join, resolve } from "node:path";
import {
  algorithmOf,
  type Digest,
  hexOf,
  isRepositoryPath,
  parseRepository,
  type RepositoryPath,
} from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { Repository } from "../repository.ts";
import { folderExists, type GuardedFolder, openRegular, sizeOfRegular, subfolders, within } from "./files.ts";
import { openLayout } from "./layout.ts";

/** Image layouts in a folder, one for each repository, to be read. */
export type LayoutFolder = Awaited<ReturnType<typeof openLayoutFolder>>;

/**
 * Opens the layouts in a folder, at any depth, by their paths from there. A folder that is a layout itself has its own name, and
 * what lies below it continues that. What lies in the folder is never followed out of it.
 * @throws {RegistryError} `storage` when there is no layout in the folder or it cannot be read, as its methods do.
 */
export async function openLayoutFolder(path: string) {
  const root = resolve(path);
  const top: GuardedFolder = { root, path: root };
  const own = (await isLayoutAt(top)) ? basename(root) : undefined;
  const opened = new Map<RepositoryPath, Repository>();
  const folderOf = (name: RepositoryPath): GuardedFolder | undefined => {
    const parts = name.split("/");
    return own === undefined || parts.shift() === own ? within(top, ...parts) : undefined;
  };
  const names = async (): Promise<readonly RepositoryPath[]> => {
    if (own === undefined) return layoutsBelow(top, "");
    const below = await layoutsBelow(top, `${own}/`);
    return isRepositoryPath(own) ? [own, ...below] : below;
  };
  if ((await names()).length === 0) {
    throw new RegistryError("storage", "there is no image layout that could be a repository", {
      where: root,
      hint: "a layout has a file oci-layout; it and the folders on the way to it are named as repositories are",
    });
  }
  return {
    /** The repositories, in no order. */
    names,
    /** The layout of that name, `undefined` when there is none. */
    async repository(name: RepositoryPath): Promise<Repository | undefined> {
      const at = folderOf(name);
      if (at === undefined || !(await isLayoutAt(at))) return undefined;
      const repository =
        opened.get(name) ?? openLayout(at.path, parseRepository(`localhost/${name}`), { root });
      opened.set(name, repository);
      return repository;
    },
    /** The file of a blob, which the caller closes; its bytes are not hashed. `undefined` when there is none. */
    async blob(name: RepositoryPath, digest: Digest) {
      const at = folderOf(name);
      const blobs = at && within(at, "blobs", algorithmOf(digest));
      if (at === undefined || blobs === undefined || !(await isLayoutAt(at)) || !(await folderExists(blobs)))
        return undefined;
      const file = await openRegular(join(blobs.path, hexOf(digest)));
      return file && { file, size: (await file.stat()).size };
    },
  };
}

async function layoutsBelow(folder: GuardedFolder, prefix: string): Promise<readonly RepositoryPath[]> {
  const found: RepositoryPath[] = [];
  for (const child of await subfolders(folder)) {
    const name = `${prefix}${child}`;
    if (child === "blobs" || !isRepositoryPath(name)) continue;
    const below = within(folder, child);
    if (await isLayoutAt(below)) found.push(name);
    found.push(...(await layoutsBelow(below, `${name}/`)));
  }
  return found;
}

/** Whether a folder is an image layout itself. @throws {RegistryError} `storage` when it cannot be read. */
export function isLayout(path: string): Promise<boolean> {
  const root = resolve(path);
  return isLayoutAt({ root, path: root });
}

async function isLayoutAt(folder: GuardedFolder): Promise<boolean> {
  return (await folderExists(folder)) && (await sizeOfRegular(join(folder.path, "oci-layout"))) !== undefined;
}

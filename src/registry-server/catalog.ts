import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../disk/index.ts";
import { isRepositoryPath, type RepositoryPath } from "../oci/index.ts";
import { digestsIn, type Layout, placeOf } from "./layout.ts";

/** Which repositories there are: those that hold a manifest or a blob. */
export interface Catalog {
  has(repository: RepositoryPath): Promise<boolean>;
  /** All repositories, in the order of their names. */
  list(): Promise<RepositoryPath[]>;
  /** The components that continue this name towards at least one repository, in order. */
  children(repository: RepositoryPath): Promise<string[]>;
}

/** The {@link Catalog} of the layout's folders. */
export function catalogOf(layout: Layout): Catalog {
  async function* below(folder: string, prefix: string): AsyncGenerator<RepositoryPath> {
    for (const component of await componentsIn(folder)) {
      const name = `${prefix}${component}`;
      if (!isRepositoryPath(name)) continue;
      if (await holdsAnything(join(folder, component))) yield name;
      yield* below(join(folder, component), `${name}/`);
    }
  }
  return {
    has: (repository) => holdsAnything(placeOf(layout, repository).folder),
    async list() {
      const found: RepositoryPath[] = [];
      for await (const name of below(layout.repositories, "")) found.push(name);
      return found.sort();
    },
    async children(repository) {
      const { folder } = placeOf(layout, repository);
      const found: string[] = [];
      for (const component of await componentsIn(folder)) {
        const path = join(folder, component);
        const hit =
          (await holdsAnything(path)) || !(await below(path, `${repository}/${component}/`).next()).done;
        if (hit) found.push(component);
      }
      return found.sort();
    },
  };
}

async function componentsIn(folder: string): Promise<string[]> {
  const entries = (await ifPresent(readdir(folder, { withFileTypes: true }))) ?? [];
  return entries.flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith("_") ? entry.name : []));
}

async function holdsAnything(folder: string): Promise<boolean> {
  for (const kind of ["_manifests", "_blobs"]) {
    if ((await digestsIn(join(folder, kind))).length > 0) return true;
  }
  return false;
}

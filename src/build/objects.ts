import { cp, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import picomatch from "picomatch";
import { BuildError } from "./errors.ts";

/** Files of a workspace that a build keeps. */
export interface KeptObjects {
  /** Paths in the workspace, with slashes. */
  readonly files: readonly string[];
}

/**
 * Copies the files that `artifacts.objects` names from the workspace into a folder, where Cloud Build would upload them.
 * @param paths Globs, from the workspace on.
 * @throws {BuildError} `objects-missing` for a path that no file matches.
 */
export async function keepObjects(
  workspace: string,
  paths: readonly string[],
  folder: string,
): Promise<KeptObjects> {
  const all = (await readdir(workspace, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(workspace, join(parentPath, name)).split(sep).join("/"));
  const kept = new Set<string>();
  for (const path of paths) {
    const matches = picomatch(path.replace(/^\/workspace\//, "").replace(/^\.\//, ""), { dot: true });
    const files = all.filter((file) => matches(file));
    if (files.length === 0) {
      throw new BuildError("objects-missing", `no file of the workspace matches ${JSON.stringify(path)}`, {
        hint: "artifacts.objects.paths start at /workspace; * does not cross a slash",
      });
    }
    for (const file of files) kept.add(file);
  }
  for (const file of kept) await cp(join(workspace, file), join(folder, file), { preserveTimestamps: true });
  return { files: [...kept] };
}

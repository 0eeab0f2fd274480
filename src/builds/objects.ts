import { cp, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { type Glob, matchesWhole, parseGlob } from "../cloudbuild/index.ts";
import { BuildError } from "./errors.ts";

/**
 * Copies the files that `artifacts.objects` names from the workspace into a folder, where Cloud Build would upload them.
 * @param paths Globs, from the workspace on, as gsutil reads them: `*` does not cross a slash, `**` between slashes does.
 * @returns Their paths in the workspace, with slashes.
 * @throws {BuildError} `objects-missing` for a path that no file matches.
 */
export async function keepObjects(
  workspace: string,
  paths: readonly string[],
  folder: string,
): Promise<readonly string[]> {
  const all = (await readdir(workspace, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(workspace, join(parentPath, name)).split(sep).join("/"));
  const kept = new Set<string>();
  for (const path of paths) {
    const pattern = path
      .replace(/^\/workspace\//, "")
      .replace(/^\.\//, "")
      .split("/")
      .map(partOf);
    const files = all.filter((file) => matches(pattern, file.split("/")));
    if (files.length === 0) {
      throw new BuildError("objects-missing", `no file of the workspace matches ${JSON.stringify(path)}`, {
        hint: "artifacts.objects.paths start at /workspace; * does not cross a slash",
      });
    }
    for (const file of files) kept.add(file);
  }
  for (const file of kept) await cp(join(workspace, file), join(folder, file), { preserveTimestamps: true });
  return [...kept];
}

/** What stands between two slashes of a path; `folders` for any number of them. */
type Part = Glob | "folders";

function partOf(text: string): Part {
  return text === "**" ? "folders" : parseGlob(text);
}

/** Takes no longer than the length of the one times that of the other, whatever a build file asks for. */
function matches(pattern: readonly Part[], names: readonly string[]): boolean {
  let [at, name] = [0, 0];
  let last: { readonly at: number; readonly name: number } | undefined;
  while (name < names.length) {
    const part = pattern[at];
    if (part === "folders") {
      last = { at, name };
      at += 1;
    } else if (part !== undefined && matchesWhole(part, names[name] ?? "")) {
      at += 1;
      name += 1;
    } else if (last !== undefined) {
      last = { at: last.at, name: last.name + 1 };
      at = last.at + 1;
      name = last.name;
    } else return false;
  }
  return pattern.slice(at).every((part) => part === "folders");
}

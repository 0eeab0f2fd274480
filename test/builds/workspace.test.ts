import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BuildFolder, openBuildFolder } from "../../src/builds/build-folder.ts";
import { containerOf } from "../../src/builds/workspace.ts";
import { resolved } from "../cloudbuild/reading.ts";

let folder: BuildFolder;
beforeEach(async () => {
  folder = await openBuildFolder();
});
afterEach(() => folder.remove());

async function prepare(dir: string) {
  const [step] = resolved(`steps: [{name: busybox, dir: '${dir}'}]`).steps;
  if (step === undefined) throw new Error("no step");
  const source = folder.workspace;
  return containerOf(step, { source, original: source, folder, env: {}, secrets: new Map() });
}

describe("the folder of a step", () => {
  test("is made where it is not there yet", async () => {
    expect((await prepare("go/src/k8s.io")).dir).toBe("/workspace/go/src/k8s.io");
    expect((await stat(join(folder.workspace, "go/src/k8s.io"))).isDirectory()).toBe(true);
    await prepare("go/src");
    expect(await readdir(join(folder.workspace, "go/src"))).toEqual(["k8s.io"]);
  });

  test("is left to the engine outside of the workspace, and behind a file", async () => {
    await writeFile(join(folder.workspace, "file"), "");
    for (const dir of ["/tmp/elsewhere", "../beside", "file/below"]) await prepare(dir);
    expect(await readdir(folder.workspace)).toEqual(["file"]);
    expect(await readdir(folder.path)).not.toContain("beside");
  });

  test("is not made where a link of the workspace leads out of it", async () => {
    await mkdir(join(folder.path, "outside"));
    await mkdir(join(folder.workspace, "inside"));
    await symlink(join(folder.path, "outside"), join(folder.workspace, "out"));
    await symlink(join(folder.path, "nowhere"), join(folder.workspace, "dangling"));
    await symlink("inside", join(folder.workspace, "in"));
    for (const dir of ["out/made", "out/../beside", "dangling/made", "in/made"]) await prepare(dir);
    expect(await readdir(join(folder.path, "outside"))).toEqual([]);
    expect(await readdir(folder.path)).not.toContain("nowhere");
    expect(await readdir(folder.path)).not.toContain("beside");
    expect(await readdir(join(folder.workspace, "inside"))).toEqual(["made"]);
  });
});

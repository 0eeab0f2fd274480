import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keepObjects } from "../../src/builds/objects.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let workspace: string;
beforeAll(async () => {
  folder = await temporaryFolder("objects");
  workspace = join(folder.path, "workspace");
  const outside = join(folder.path, "outside");
  await mkdir(join(workspace, "out", "deep"), { recursive: true });
  await mkdir(outside);
  for (const file of ["top.txt", "out/.one", "out/two.txt", "out/deep/three.txt", "a".repeat(200)])
    await writeFile(join(workspace, file), file);
  await writeFile(join(outside, "private"), "private");
  await symlink(outside, join(workspace, "link"));
  await symlink(join(outside, "private"), join(workspace, "file-link"));
});
afterAll(() => folder.remove());

async function kept(...paths: string[]): Promise<readonly string[]> {
  return (await keepObjects(workspace, paths, join(folder.path, "kept"))).toSorted();
}

describe("files that a build keeps", () => {
  test.each([
    ["top.txt", ["top.txt"]],
    ["/workspace/out/*", ["out/.one", "out/two.txt"]],
    ["./out/**", ["out/.one", "out/deep/three.txt", "out/two.txt"]],
    ["**/*.txt", ["out/deep/three.txt", "out/two.txt", "top.txt"]],
    ["out/**/deep/**/three.[a-z]?t", ["out/deep/three.txt"]],
  ])("are those that %s names", async (path, files) => {
    expect(await kept(path)).toEqual(files);
    expect(await readFile(join(folder.path, "kept", files[0] ?? ""), "utf8")).toBe(files[0]);
  });

  test.each(["link/private", "link/*", "file-link", "../outside/private", "nothing", "out"])(
    "are none behind %s",
    async (path) => {
      await expect(kept(path)).rejects.toMatchObject({ code: "objects-missing" });
      expect(await readdir(folder.path)).not.toContain("private");
    },
  );

  test("are found in time, whatever is asked for", async () => {
    await expect(kept(`${"*a".repeat(40)}*b`)).rejects.toMatchObject({ code: "objects-missing" });
    await expect(kept(`${"**/a/".repeat(40)}b`)).rejects.toMatchObject({ code: "objects-missing" });
  });
});

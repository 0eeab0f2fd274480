import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeMerge } from "../../src/merge/merge.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder("replace");
  file = join(folder.path, "images.yaml");
  await writeFile(file, "\uFEFFbefore\r\n");
});
afterEach(() => folder.remove());

test("replaces the text, byte order mark and line breaks as given, and keeps the mode", async () => {
  await chmod(file, 0o444);
  await writeMerge({ file, before: "\uFEFFbefore\r\n", after: "\uFEFFafter\r\n" });
  expect(await readFile(file, "utf8")).toBe("\uFEFFafter\r\n");
  expect((await stat(file)).mode & 0o777).toBe(0o444);
  expect(await readdir(folder.path)).toEqual(["images.yaml"]);
});

test("a link stays a link; what it leads to is replaced", async () => {
  await mkdir(join(folder.path, "links"));
  const link = join(folder.path, "links", "images.yaml");
  await symlink(file, link);
  await writeMerge({ file: link, before: "\uFEFFbefore\r\n", after: "after" });
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(file, "utf8")).toBe("after");
});

test("a file that holds something else is left alone, and nothing stays behind", async () => {
  await expect(writeMerge({ file, before: "something else", after: "after" })).rejects.toMatchObject({
    code: "manifest-changed",
  });
  expect(await readFile(file, "utf8")).toBe("\uFEFFbefore\r\n");
  expect(await readdir(folder.path)).toEqual(["images.yaml"]);
});

test("a file that is not there is not made", async () => {
  const missing = join(folder.path, "none.yaml");
  await expect(writeMerge({ file: missing, before: "", after: "after" })).rejects.toMatchObject({
    code: "write-failed",
    where: missing,
  });
  expect(await readdir(folder.path)).toEqual(["images.yaml"]);
});

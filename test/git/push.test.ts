import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { checkoutPush, type PushQuestion, readPush } from "../../src/git/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;

beforeEach(async () => {
  folder = await temporaryFolder("push");
  repository = await createRepository(join(folder.path, "repository"));
});

afterEach(() => folder.remove());

const push = (question: PushQuestion = {}) =>
  readPush(repository.path, { environment: gitEnvironment, ...question });

async function commit(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(repository.path, path, ".."), { recursive: true });
    await writeFile(join(repository.path, path), text);
  }
  return repository.commit();
}

describe("a push", () => {
  test("of a branch has what its commits changed, also what a later one took back", async () => {
    const first = await commit({ a: "1", "dir/b": "1" });
    await commit({ a: "2", "dir/ü\n": "1" });
    await repository.git("mv", "dir/b", "dir/c");
    const last = await commit({ a: "1" });
    expect(await push({ before: first })).toMatchObject({
      ref: "refs/heads/main",
      commit: last,
      before: first,
      changes: ["a", "dir/b", "dir/c", "dir/ü\n"],
    });
    expect((await push()).changes).toEqual(["a", "dir/b", "dir/c"]);
  });

  test("that begins a history has all of its files", async () => {
    const first = await commit({ a: "1", b: "1" });
    const found = await push();
    expect(found).toMatchObject({ commit: first, changes: ["a", "b"] });
    expect(found.before).toBeUndefined();
  });

  test("of a merge has what it brought", async () => {
    await commit({ a: "1" });
    await repository.git("checkout", "--quiet", "-b", "feature");
    await commit({ b: "1" });
    await repository.git("checkout", "--quiet", "main");
    const before = await commit({ c: "1" });
    await repository.git("merge", "--quiet", "--no-ff", "--no-edit", "feature");
    expect(await push()).toMatchObject({ before, changes: ["b"] });
  });

  test("of a tag is of the commit, and has no changed paths", async () => {
    const first = await commit({ a: "1" });
    await repository.git("tag", "--annotate", "--message", "one", "v1");
    await commit({ a: "2" });
    const found = { ref: "refs/tags/v1", commit: first, changes: [] };
    expect(await push({ ref: "v1" })).toMatchObject(found);
    expect(await push({ ref: "refs/tags/v1" })).toMatchObject(found);
  });

  test("is of a ref alone", async () => {
    const first = await commit({ a: "1" });
    await repository.git("tag", "both");
    await repository.git("branch", "both");
    const refusal = (ref?: string) =>
      push(ref === undefined ? {} : { ref }).catch(({ code, message, hint }) => [code, message, hint]);
    expect(await refusal("both")).toEqual([
      "unknown-revision",
      "both is a branch as well as a tag",
      "name it in full: refs/heads/both or refs/tags/both",
    ]);
    expect(await refusal("mian")).toEqual([
      "unknown-revision",
      'Git knows no commit "mian"',
      "did you mean main?",
    ]);
    expect(await refusal(first)).toMatchObject([
      "unknown-revision",
      expect.stringContaining("no branch and no tag"),
      {},
    ]);
    await repository.git("checkout", "--quiet", "--detach");
    expect(await refusal()).toMatchObject(["unknown-revision", expect.anything(), "name it with --ref"]);
  });
});

describe("the files of a push", () => {
  test("are those of its commit in a repository of their own, until they are closed", async () => {
    await repository.git("remote", "add", "origin", "https://example.com/a/b");
    await commit({ a: "1" });
    await repository.git("tag", "v1");
    await commit({ a: "2" });
    await writeFile(join(repository.path, "untracked"), "x");
    const files = await checkoutPush(await push({ ref: "v1" }), gitEnvironment);
    expect((await readdir(files.folder)).sort()).toEqual([".git", "a"]);
    expect(await readFile(join(files.folder, "a"), "utf8")).toBe("1");
    expect((await stat(join(files.folder, ".git"))).isDirectory()).toBe(true);
    const there = await readPush(files.folder, { ref: "v1", environment: gitEnvironment });
    expect(there.origin).toBe("https://example.com/a/b");
    await files.close();
    await expect(stat(files.folder)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await repository.git("worktree", "list", "--porcelain")).not.toContain(files.folder);
  });
});

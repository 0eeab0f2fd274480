import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { type GitRepository, openGitRepository } from "../../src/git/index.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let upstream: TestRepository;
let first: string;
let second: string;

beforeEach(async () => {
  folder = await temporaryFolder("git");
  upstream = await createRepository(join(folder.path, "upstream"));
  await mkdir(join(upstream.path, "tree/sub"), { recursive: true });
  await writeFile(join(upstream.path, "tree/file"), "one\n");
  first = await upstream.commit("first");
  await writeFile(join(upstream.path, "tree/file"), "two\n");
  second = await upstream.commit("second");
});

afterEach(() => folder.remove());

const open = (path = upstream.path, environment = gitEnvironment): Promise<GitRepository> =>
  openGitRepository(path, environment);

const refusal = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "nothing was thrown",
    ({ code, message, hint, where }) => ({ code, message, hint, where }),
  );

describe("opening a repository", () => {
  test("finds its top and the way to a folder or file", async () => {
    const { root } = await open();
    expect(await open(join(upstream.path, "tree"))).toMatchObject({ root, prefix: "tree" });
    expect(await open(join(upstream.path, "tree/"))).toMatchObject({ root, prefix: "tree" });
    expect(await open(join(upstream.path, "tree/file"))).toMatchObject({ root, prefix: "tree/file" });
    expect(await open(upstream.path)).toMatchObject({ root, prefix: "" });
  });

  test("follows a link to where the folder really is", async () => {
    await symlink(join(upstream.path, "tree"), join(folder.path, "link"));
    expect(await open(join(folder.path, "link"))).toMatchObject({ prefix: "tree" });
  });

  test("takes no other repository that the environment names", async () => {
    const other = await createRepository(join(folder.path, "other"));
    const environment = {
      ...gitEnvironment,
      GIT_DIR: join(other.path, ".git"),
      GIT_WORK_TREE: other.path,
    };
    expect((await open(upstream.path, environment)).root).toBe((await open()).root);
  });

  test("says that there is none, or no git", async () => {
    expect(await refusal(open(folder.path))).toMatchObject({ code: "not-a-repository", where: folder.path });
    expect(await refusal(open(upstream.path, { PATH: folder.path }))).toMatchObject({ code: "git-missing" });
  });

  test("takes git from absolute folders of PATH alone", async () => {
    await writeFile(join(upstream.path, "git"), "#!/bin/sh\ntouch ran\n", { mode: 0o755 });
    const before = process.cwd();
    process.chdir(upstream.path);
    try {
      await open(upstream.path, { ...gitEnvironment, PATH: `.:${gitEnvironment.PATH}` });
      await open(upstream.path, { ...gitEnvironment, PATH: "" }).catch(() => undefined);
    } finally {
      process.chdir(before);
    }
    expect(await upstream.git("status", "--porcelain")).toBe("?? git");
  });

  test("does not take a folder for a bare repository, whose configuration somebody else wrote", async () => {
    const planted = join(upstream.path, "planted");
    await upstream.git("init", "--quiet", "--bare", planted);
    await writeFile(
      join(planted, "config"),
      "[core]\n\tbare = false\n\tworktree = ..\n\tfsmonitor = false\n",
    );
    expect(await refusal(open(planted))).toMatchObject({ code: "git-failed" });
  });
});

describe("revisions", () => {
  test("are resolved to full hashes", async () => {
    const repository = await open();
    await upstream.git("tag", "--annotate", "--message=x", "v1", first);
    const found = ["HEAD", "main", "HEAD~1", "HEAD^", second.slice(0, 10), "v1", ":/^first"];
    expect(await Promise.all(found.map((name) => repository.commitOf(name)))).toEqual([
      ...[second, second, first, first, second, first, first],
    ]);
  });

  test("that look like options, or like several, are none", async () => {
    const repository = await open();
    const odd = [
      "--all",
      "-x",
      "--output=ran",
      "",
      "HEAD\nHEAD",
      "main..main",
      "HEAD main",
      "HEAD:tree",
      "\0",
    ];
    for (const revision of odd) {
      expect(await refusal(repository.commitOf(revision))).toMatchObject({ code: "unknown-revision" });
    }
    expect(await upstream.git("status", "--porcelain")).toBe("");
  });

  test("that are unknown come with what was meant", async () => {
    const repository = await open();
    await upstream.git("branch", "release-1.30");
    await upstream.git("update-ref", "refs/remotes/origin/develop", second);
    expect(await refusal(repository.commitOf("release-1.3"))).toMatchObject({
      code: "unknown-revision",
      message: 'Git knows no commit "release-1.3"',
      hint: "did you mean release-1.30?",
    });
    expect(await refusal(repository.commitOf("develop"))).toMatchObject({
      hint: "did you mean origin/develop?",
    });
    expect(await refusal(repository.commitOf("main~7"))).toMatchObject({
      hint: "it knows main, but no commit that far from it",
    });
    expect(await refusal(repository.commitOf("f".repeat(40)))).toMatchObject({ code: "unknown-revision" });
  });

  test("a first commit has no parent, a merge the branch that it was made on", async () => {
    const repository = await open();
    await upstream.git("checkout", "--quiet", "-b", "side", first);
    const side = await upstream.commit("side");
    await upstream.git("checkout", "--quiet", "main");
    await upstream.git("merge", "--quiet", "--no-ff", "--message=merge", "side");
    const commit = (name: string) => repository.commitOf(name);
    expect(await repository.firstParent(await commit("HEAD"))).toBe(second);
    expect(await repository.firstParent(await commit(first))).toBeUndefined();
    expect(await repository.mergeBase(await commit(second), await commit(side))).toBe(first);
  });

  test("commits without a common ancestor have none", async () => {
    const repository = await open();
    await upstream.git("checkout", "--quiet", "--orphan", "other");
    const other = await repository.commitOf(await upstream.commit("other"));
    expect(await refusal(repository.mergeBase(await repository.commitOf("main"), other))).toMatchObject({
      code: "unknown-revision",
    });
  });
});

describe("a shallow clone", () => {
  let clone: TestRepository;

  beforeEach(async () => {
    const path = join(folder.path, "clone");
    await upstream.git("clone", "--quiet", "--depth=1", `file://${upstream.path}`, path);
    clone = repositoryAt(path);
  });

  test("says what to fetch", async () => {
    const repository = await open(clone.path);
    const head = await repository.commitOf("HEAD");
    expect(await refusal(repository.firstParent(head))).toMatchObject({
      code: "shallow-clone",
      hint: "fetch it: git fetch --deepen=1, or git fetch --unshallow for all of it",
    });
    expect(await refusal(repository.commitOf(first))).toMatchObject({
      code: "shallow-clone",
      hint: `fetch it: git fetch --depth=1 origin ${first}, or git fetch --unshallow for all of it`,
    });
    await clone.git("fetch", "--quiet", "--depth=1", "origin", first);
    expect(await repository.commitOf(first)).toBe(first);
    expect(await refusal(repository.mergeBase(head, await repository.commitOf(first)))).toMatchObject({
      code: "shallow-clone",
    });
  });

  test("knows the parent once it is fetched", async () => {
    await clone.git("fetch", "--quiet", "--deepen=1");
    const repository = await open(clone.path);
    expect(await repository.firstParent(await repository.commitOf("HEAD"))).toBe(first);
    expect(await repository.firstParent(await repository.commitOf(first))).toBeUndefined();
  });

  test("still tells a slip of the pen", async () => {
    const repository = await open(clone.path);
    expect(await refusal(repository.commitOf("maim"))).toMatchObject({ code: "unknown-revision" });
  });
});

describe("the files of a commit", () => {
  test("are those of the commit, whatever is on disk, links followed within it", async () => {
    const at = (path: string) => join(upstream.path, path);
    await writeFile(at("tree/sub/näme with blanks"), "x");
    await symlink("../tree/sub", at("tree/link"));
    await symlink("tree", at("top"));
    await symlink("nowhere", at("tree/dangling"));
    await symlink("circle", at("tree/circle"));
    await symlink("/etc", at("tree/outside"));
    await mkdir(at("-x"));
    await writeFile(at("-x/--y"), "option");
    await upstream.git("init", "--quiet", "tree/module");
    await repositoryAt(at("tree/module")).commit();
    await upstream.git("-c", "advice.addEmbeddedRepo=false", "add", "--all");
    const commit = await upstream.commit();
    await rm(at("tree"), { recursive: true });

    const repository = await open();
    const files = repository.filesAt(await repository.commitOf(commit));
    const text = async (path: string) => {
      const bytes = await files.read(path, 100);
      return typeof bytes === "string" ? `(${bytes})` : Buffer.from(bytes).toString();
    };
    expect(await files.list("tree")).toEqual([
      { name: "circle", kind: "link" },
      { name: "dangling", kind: "link" },
      { name: "file", kind: "file" },
      { name: "link", kind: "link" },
      { name: "module", kind: "submodule" },
      { name: "outside", kind: "link" },
      { name: "sub", kind: "folder" },
    ]);
    const kinds = ["tree", "tree/file", "tree/link", "top/link", "", "tree/dangling", "tree/circle"];
    expect(await Promise.all(kinds.map((path) => files.kindOf(path)))).toEqual([
      ...["folder", "file", "folder", "folder", "folder", undefined, undefined],
    ]);
    for (const path of ["tree/outside", "tree/module", "tree/file/x", "no\nsuch", "tree/module/x"]) {
      expect(await files.kindOf(path)).toBeUndefined();
      expect(await files.list(path)).toEqual([]);
    }
    expect(await text("top/link/näme with blanks")).toBe("x");
    expect(await text("-x/--y")).toBe("option");
    expect(await text("tree/file")).toBe("two\n");
    expect(await text("tree")).toBe("(folder)");
    expect(await text("tree/none")).toBe("(missing)");
    expect(await files.read("tree/file", 3)).toBe("too-large");
    files.close();
  });

  test("may be many and large, in any order", async () => {
    for (let at = 0; at < 50; at += 1) {
      await writeFile(join(upstream.path, `tree/${at}`), `${at}\n`.repeat(20_000 + at));
    }
    const repository = await open();
    const files = repository.filesAt(await repository.commitOf(await upstream.commit()));
    const read = await Promise.all(
      Array.from({ length: 50 }, (_, at) => files.read(`tree/${at}`, 1_000_000)),
    );
    expect(
      read.map(
        (bytes) =>
          Buffer.from(bytes as Uint8Array)
            .toString()
            .split("\n").length,
      ),
    ).toEqual(Array.from({ length: 50 }, (_, at) => 20_001 + at));
    files.close();
  });

  test("are refused when an object is missing, not taken for absent", async () => {
    const blob = await upstream.git("rev-parse", "HEAD:tree/file");
    await rm(join(upstream.path, ".git/objects", blob.slice(0, 2), blob.slice(2)));
    const repository = await open();
    const files = repository.filesAt(await repository.commitOf("HEAD"));
    expect(await refusal(files.read("tree/file", 100))).toMatchObject({ code: "git-failed" });
    files.close();
  });

  test("in a repository with SHA-256", async () => {
    const path = join(folder.path, "sha256");
    await upstream.git("init", "--quiet", "--object-format=sha256", path);
    await mkdir(join(path, "a"));
    await writeFile(join(path, "a/file"), "x");
    await writeFile(join(path, "b"), "y");
    const commit = await repositoryAt(path).commit();
    const repository = await open(path);
    const files = repository.filesAt(await repository.commitOf(commit));
    expect(await files.list("")).toEqual([
      { name: "a", kind: "folder" },
      { name: "b", kind: "file" },
    ]);
    expect(Buffer.from((await files.read("a/file", 9)) as Uint8Array).toString()).toBe("x");
    files.close();
  });
});

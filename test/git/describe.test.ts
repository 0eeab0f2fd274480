import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeCheckout, openGitRepository, readPush } from "../../src/git/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;
beforeAll(async () => {
  folder = await temporaryFolder("describe");
  repository = await createRepository(join(folder.path, "repository"));
  await mkdir(join(repository.path, "apps", "x"), { recursive: true });
  await writeFile(join(repository.path, "apps", "x", "Dockerfile"), "FROM scratch\n");
});
afterAll(() => folder.remove());

const here = (options = {}) => describeCheckout(join(repository.path, "apps", "x"), options, gitEnvironment);

test("a repository without a commit cannot be described", async () => {
  await expect(here()).rejects.toMatchObject({
    code: "unknown-revision",
    hint: "commit what is to be built",
  });
});

test("a checkout is described by tags, commits, and changes of files that Git knows", async () => {
  const commit = await repository.commit();
  const short = await repository.git("rev-parse", "--short", "HEAD");
  expect(await here()).toMatchObject({ path: "apps/x", commit, describe: short, isDirty: false });
  await repository.git("tag", "v0.1.0");
  await repository.git("tag", "sub/v9.0.0");
  expect(await here({ match: "v*" })).toMatchObject({ describe: "v0.1.0" });
  expect(await here({ match: "sub/*" })).toMatchObject({ describe: "sub/v9.0.0" });
  await writeFile(join(repository.path, "untracked"), "x");
  expect((await here()).isDirty).toBe(false);
  await writeFile(join(repository.path, "apps", "x", "Dockerfile"), "FROM scratch\nENV A=b\n");
  expect(await here({ match: "v*" })).toMatchObject({ describe: "v0.1.0-dirty", isDirty: true });
  await repository.commit();
  expect((await here({ match: "v*" })).describe).toMatch(/^v0\.1\.0-1-g[0-9a-f]{7,}$/);
  expect((await here()).committedAt.getTime()).toBeGreaterThan(Date.now() - 600_000);
});

test("the remote is known without passwords", async () => {
  expect((await here()).origin).toBeUndefined();
  await repository.git("remote", "add", "origin", "https://user:secret@example.com/org/x.git");
  expect(await here()).toMatchObject({ origin: "https://example.com/org/x.git" });
  await repository.git("remote", "set-url", "origin", "git@github.com:org/x.git");
  expect(await here()).toMatchObject({ origin: "git@github.com:org/x.git" });
  await repository.git("remote", "set-url", "origin", "ssh://git:secret@example.com/org/x.git");
  expect(await here()).toMatchObject({ origin: "ssh://git@example.com/org/x.git" });
  for (const url of [
    "https://user:se@cret@example.com/org/x.git",
    "HTTPS://secret@example.com/org/x.git",
    "https://example.com/org/x.git?private_token=secret",
    "git+ssh://git:se@cret@example.com/org/x.git",
  ]) {
    await repository.git("remote", "set-url", "origin", url);
    expect((await here()).origin).toMatch(/^(https:\/\/|git\+ssh:\/\/git@)example\.com\/org\/x\.git$/i);
  }
});

test("the branch and the tag of the commit are told, where there are any", async () => {
  const found = await here();
  expect(found).toMatchObject({ branch: "main" });
  expect(found.tag).toBeUndefined();
  await repository.git("tag", "v3.0.0");
  expect(await here({ match: "v*" })).toMatchObject({ branch: "main", tag: "v3.0.0" });
  expect((await here({ match: "w*" })).tag).toBeUndefined();
  await repository.git("checkout", "--quiet", "--detach");
  expect((await here()).branch).toBeUndefined();
});

test("a repository that lacks its commit is damaged, and not empty", async () => {
  const path = join(folder.path, "damaged");
  const damaged = await createRepository(path);
  await writeFile(join(path, "file"), "x");
  const commit = await damaged.commit();
  await rm(join(path, ".git", "objects", commit.slice(0, 2), commit.slice(2)));
  await expect(describeCheckout(path, {}, gitEnvironment)).rejects.toMatchObject({
    code: "git-failed",
    message: expect.stringMatching(
      `^the repository is damaged or incomplete, and the commit ${commit} cannot`,
    ),
    hint: expect.stringContaining("git fsck"),
  });
  const opened = await openGitRepository(path, gitEnvironment);
  await expect(opened.commitOf("main")).rejects.toMatchObject({
    code: "git-failed",
    message: `the repository is damaged or incomplete: it lacks ${commit}`,
  });
  await expect(opened.commitOf("1".repeat(40))).rejects.toMatchObject({ code: "unknown-revision" });
  await expect(readPush(path, { environment: gitEnvironment })).rejects.toMatchObject({ code: "git-failed" });
});

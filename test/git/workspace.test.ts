import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { openWorkspace, type Workspace } from "../../src/git/index.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let upstream: TestRepository;
/** What is pushed to: a bare repository, as forges have them. */
let fork: string;

beforeEach(async () => {
  folder = await temporaryFolder("workspace");
  upstream = await createRepository(join(folder.path, "upstream"));
  await writeFile(join(upstream.path, "file"), "one\n");
  await upstream.commit("first");
  fork = join(folder.path, "fork.git");
  await upstream.git("clone", "--quiet", "--bare", upstream.path, fork);
});

afterEach(() => folder.remove());

async function open(checkout?: string): Promise<Workspace> {
  return openWorkspace({
    upstream: upstream.path,
    branch: "main",
    ...(checkout === undefined ? {} : { checkout }),
    environment: gitEnvironment,
  });
}

async function commitTo(workspace: Workspace, text: string, message = "change\n\nof a file") {
  await writeFile(join(workspace.folder, "file"), text);
  return workspace.commit({ files: ["file"], message, signOff: true });
}

const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "nothing was thrown",
    ({ code, message, hint }) => ({ code, message, hint }),
  );

describe("a workspace", () => {
  test("has the files of the branch, and is gone when it is closed", async () => {
    const workspace = await open();
    expect(await readFile(join(workspace.folder, "file"), "utf8")).toBe("one\n");
    await workspace.close();
    await expect(access(workspace.folder)).rejects.toThrow();
  });

  test("of a checkout leaves the checkout as it is", async () => {
    const checkout = join(folder.path, "checkout");
    await upstream.git("clone", "--quiet", upstream.path, checkout);
    await writeFile(join(checkout, "file"), "not committed\n");
    await writeFile(join(upstream.path, "file"), "two\n");
    const newest = await upstream.commit("second");
    const state = () => repositoryAt(checkout).git("for-each-ref");
    const before = await state();
    const workspace = await open(checkout);
    expect(workspace.base).toBe(newest);
    expect(await readFile(join(workspace.folder, "file"), "utf8")).toBe("two\n");
    await commitTo(workspace, "three\n");
    await workspace.close();
    expect(await state()).toBe(before);
    expect(await readFile(join(checkout, "file"), "utf8")).toBe("not committed\n");
    expect(await readdir(join(checkout, ".git"))).not.toContain("worktrees/files");
  });

  test("commits the files that are named, signed off, and nothing else", async () => {
    const workspace = await open();
    await writeFile(join(workspace.folder, "other"), "left alone\n");
    const commit = await commitTo(workspace, "two\n");
    const shown = await repositoryAt(workspace.folder).git("show", "--name-only", "--format=%B", commit);
    expect(shown).toContain("Signed-off-by: Somebody <somebody@example.com>");
    expect(shown.trim().split("\n").at(-1)).toBe("file");
    expect(shown).not.toContain("other");
    await workspace.close();
  });

  test("says so when Git does not know who commits", async () => {
    const configuration = {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "user.useConfigOnly",
      GIT_CONFIG_VALUE_0: "true",
    };
    const { PATH = "", GIT_CONFIG_NOSYSTEM = "", GIT_CONFIG_GLOBAL = "" } = gitEnvironment;
    const workspace = await openWorkspace({
      upstream: upstream.path,
      branch: "main",
      environment: { PATH, GIT_CONFIG_NOSYSTEM, GIT_CONFIG_GLOBAL, ...configuration },
    });
    expect(await refusal(commitTo(workspace, "two\n"))).toMatchObject({ code: "no-identity" });
    await workspace.close();
  });

  test("pushes a new branch, and moves it only from where it was seen", async () => {
    const remote = { url: fork, branch: "promotion" };
    const mine = await open();
    const theirs = await open();
    expect(await mine.tipOf(remote)).toBeUndefined();
    const commit = await commitTo(mine, "mine\n");
    const other = await commitTo(theirs, "theirs\n");
    await mine.push(commit, remote, undefined);
    expect(await mine.tipOf(remote)).toMatchObject({ commit, message: expect.stringContaining("of a file") });
    expect(await refusal(theirs.push(other, remote, undefined))).toMatchObject({
      code: "push-refused",
      message: "somebody else has pushed to the branch in the meantime",
    });
    const seen = await theirs.tipOf(remote);
    await theirs.push(other, remote, seen?.commit);
    expect((await mine.tipOf(remote))?.commit).toBe(other);
    expect(await theirs.areEqual(other, commit, ["file"])).toBe(false);
    await Promise.all([mine.close(), theirs.close()]);
  });

  test("names the branch that is not there, and the repository that cannot be read", async () => {
    expect(
      await refusal(openWorkspace({ upstream: fork, branch: "nowhere", environment: gitEnvironment })),
    ).toMatchObject({
      code: "unreachable",
      message: "there is no branch nowhere",
    });
    const absent = join(folder.path, "absent.git");
    expect(
      await refusal(openWorkspace({ upstream: absent, branch: "main", environment: gitEnvironment })),
    ).toMatchObject({
      code: "unreachable",
    });
  });

  test("runs nothing that a URL says", async () => {
    const proof = join(folder.path, "proof");
    const url = `ext::sh -c touch% ${proof}`;
    expect(
      await refusal(openWorkspace({ upstream: url, branch: "main", environment: gitEnvironment })),
    ).toMatchObject({
      code: "unreachable",
    });
    await expect(access(proof)).rejects.toThrow();
  });
});

import { execFileSync } from "node:child_process";
import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { type Clone, openClone } from "../../src/git/index.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let upstream: TestRepository;
/** What is pushed to: a bare repository, as forges have them. */
let fork: string;

beforeEach(async () => {
  folder = await temporaryFolder("clone");
  upstream = await createRepository(join(folder.path, "upstream"));
  await writeFile(join(upstream.path, "file"), "one\n");
  await upstream.commit("first");
  fork = join(folder.path, "fork.git");
  await upstream.git("clone", "--quiet", "--bare", upstream.path, fork);
});

afterEach(() => folder.remove());

async function open(checkout?: string): Promise<Clone> {
  return openClone({
    upstream: upstream.path,
    branch: "main",
    ...(checkout === undefined ? {} : { checkout }),
    environment: gitEnvironment,
  });
}

async function commitTo(clone: Clone, text: string, message = "change\n\nof a file") {
  await writeFile(join(clone.folder, "file"), text);
  return clone.commit({ files: ["file"], message, signOff: true });
}

const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "nothing was thrown",
    ({ code, message, hint }) => ({ code, message, hint }),
  );

describe("a clone", () => {
  test("has the files of the branch, and is gone when it is closed", async () => {
    const clone = await open();
    expect(await readFile(join(clone.folder, "file"), "utf8")).toBe("one\n");
    await clone.close();
    await expect(access(clone.folder)).rejects.toThrow();
  });

  test("of a checkout leaves the checkout as it is", async () => {
    const checkout = join(folder.path, "checkout");
    await upstream.git("clone", "--quiet", upstream.path, checkout);
    await writeFile(join(checkout, "file"), "not committed\n");
    await writeFile(join(upstream.path, "file"), "two\n");
    const newest = await upstream.commit("second");
    const state = () => repositoryAt(checkout).git("for-each-ref");
    const before = await state();
    const clone = await open(checkout);
    expect(clone.base).toBe(newest);
    expect(await readFile(join(clone.folder, "file"), "utf8")).toBe("two\n");
    await commitTo(clone, "three\n");
    await clone.close();
    expect(await state()).toBe(before);
    expect(await readFile(join(checkout, "file"), "utf8")).toBe("not committed\n");
    expect(await readdir(join(checkout, ".git"))).not.toContain("worktrees/files");
  });

  test("commits the files that are named, signed off, and nothing else", async () => {
    const clone = await open();
    await writeFile(join(clone.folder, "other"), "left alone\n");
    const commit = await commitTo(clone, "two\n");
    const shown = await repositoryAt(clone.folder).git("show", "--name-only", "--format=%B", commit);
    expect(shown).toContain("Signed-off-by: Somebody <somebody@example.com>");
    expect(shown.trim().split("\n").at(-1)).toBe("file");
    expect(shown).not.toContain("other");
    await clone.close();
  });

  test("commits as whom a checkout names, and says so when nobody is named", async () => {
    const configuration = {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "user.useConfigOnly",
      GIT_CONFIG_VALUE_0: "true",
    };
    const { PATH = "", GIT_CONFIG_NOSYSTEM = "", GIT_CONFIG_GLOBAL = "" } = gitEnvironment;
    const environment = { PATH, GIT_CONFIG_NOSYSTEM, GIT_CONFIG_GLOBAL, ...configuration };
    const asked = { upstream: upstream.path, branch: "main", environment };
    const clone = await openClone(asked);
    expect(await refusal(commitTo(clone, "two\n"))).toMatchObject({ code: "no-identity" });
    await clone.close();

    const path = join(folder.path, "checkout");
    await upstream.git("clone", "--quiet", upstream.path, path);
    const checkout = repositoryAt(path);
    await checkout.git("config", "user.name", "Ann");
    await checkout.git("config", "user.email", "ann@example.com");
    for (const named of [{ checkout: path }, { committer: join(path, "file") }]) {
      const own = await openClone({ ...asked, ...named });
      const commit = await commitTo(own, "two\n");
      const shown = await repositoryAt(own.folder).git("show", "--no-patch", "--format=%an %ae%n%b", commit);
      expect(shown).toMatch(/^Ann ann@example\.com\n[\s\S]*Signed-off-by: Ann <ann@example\.com>/);
      await own.close();
    }
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

  describe("of a clone that holds the newest commit alone", () => {
    const url = (path: string): string => `file://${path}`;
    const openShallow = (checkout?: string): Promise<Clone> =>
      openClone({
        ...{ upstream: url(upstream.path), branch: "main", environment: gitEnvironment },
        ...(checkout === undefined ? {} : { checkout }),
      });
    const commitsOf = async ({ folder: path }: Clone, commit: string): Promise<number> =>
      Number(await repositoryAt(path).git("rev-list", "--count", commit));
    /** Commits that the fork has not got. */
    const goOn = async (count: number): Promise<void> => {
      const from = await upstream.git("rev-parse", "HEAD");
      const commits = Array.from({ length: count }, (_, at) => {
        const parent = at === 0 ? `from ${from}\n` : "";
        return `commit refs/heads/main\ncommitter A <a@example.com> ${1_800_000_000 + at} +0000\ndata 1\nx\n${parent}`;
      });
      const options = { input: commits.join("\n"), env: gitEnvironment };
      execFileSync("git", ["-C", upstream.path, "fast-import", "--quiet"], options);
    };

    test("pushes on top of what the other side has without any history", async () => {
      const clone = await openShallow();
      const commit = await commitTo(clone, "two\n");
      await clone.push(commit, { url: url(fork), branch: "promotion" }, undefined);
      expect(await commitsOf(clone, commit)).toBe(2);
      await clone.close();
    });

    const lacking = async (fromCheckout: boolean, behind: number): Promise<void> => {
      const checkout = fromCheckout ? join(folder.path, "checkout") : undefined;
      if (checkout !== undefined) await upstream.git("clone", "--quiet", url(upstream.path), checkout);
      await goOn(behind);
      const remote = { url: url(fork), branch: "promotion" };
      const first = await openShallow(checkout);
      const commit = await commitTo(first, "two\n");
      await first.push(commit, remote, undefined);
      expect((await first.tipOf(remote))?.commit).toBe(commit);
      await first.close();

      // Again, after the base has changed, over the branch that is there.
      await goOn(2);
      const second = await openShallow(checkout);
      const tip = await second.tipOf(remote);
      const newer = await commitTo(second, "three\n");
      await second.push(newer, remote, tip?.commit);
      expect((await second.tipOf(remote))?.commit).toBe(newer);
      await second.close();
    };
    test("fetches more where a fork lacks the base", () => lacking(false, 3));
    test("fetches all where a fork is far behind", () => lacking(false, 250));
    test("fetches more beside a checkout, where a fork lacks the base", () => lacking(true, 3));
  });

  test("shows the reason of a refused push, whatever it stands between", async () => {
    const reasons = {
      "\n        \nGitea: Not allowed to push to protected branch promotion        \n. Processing 1 references        ":
        "Gitea: Not allowed to push to protected branch promotion",
      "error: the disk is full        ": "the disk is full",
    };
    const clone = await open();
    const commit = await commitTo(clone, "two\n");
    for (const [lines, reason] of Object.entries(reasons)) {
      const hook = `#!/bin/sh\ncat >&2 <<'END'\n${lines}\nEND\nexit 1\n`;
      await writeFile(join(fork, "hooks", "pre-receive"), hook, { mode: 0o755 });
      const remote = { url: fork, branch: "promotion" };
      expect(await refusal(clone.push(commit, remote, undefined))).toMatchObject({
        ...{ code: "push-refused", message: expect.stringContaining(`: ${reason}`) },
      });
    }
    await clone.close();
  });

  test("names the branch that is not there, and the repository that cannot be read", async () => {
    expect(
      await refusal(openClone({ upstream: fork, branch: "nowhere", environment: gitEnvironment })),
    ).toMatchObject({
      code: "unreachable",
      message: "there is no branch nowhere",
    });
    const absent = join(folder.path, "absent.git");
    expect(
      await refusal(openClone({ upstream: absent, branch: "main", environment: gitEnvironment })),
    ).toMatchObject({
      code: "unreachable",
    });
  });

  test("runs nothing that a URL says", async () => {
    const proof = join(folder.path, "proof");
    const url = `ext::sh -c touch% ${proof}`;
    expect(
      await refusal(openClone({ upstream: url, branch: "main", environment: gitEnvironment })),
    ).toMatchObject({
      code: "unreachable",
    });
    await expect(access(proof)).rejects.toThrow();
  });
});

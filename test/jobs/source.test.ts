import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { type JobSet, type JobSource, openJobSource } from "../../src/jobs/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder("source");
});
afterEach(() => folder.remove());

/** A clock that a test moves. */
function clock() {
  let minute = 0;
  return {
    now: () => new Date(Date.UTC(2026, 0, 1, 0, minute)),
    passes: () => {
      minute += 1;
    },
  };
}

const job = (name: string, more = "build: {dir: .}"): string =>
  `name: ${name}\nrepo: https://github.com/example/a\ntriggers: {}\n${more}\n`;

const names = ({ jobs }: JobSet): string[] => jobs.map(({ job }) => job.name);

const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute));

describe("jobs of a folder", () => {
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  };

  test("are those of its files as they are now", async () => {
    await write({ "a.yaml": job("a"), "b.yml": job("b"), ".c.yaml": job("c"), "d.txt": job("d") });
    const source = openJobSource({ folder: folder.path });
    const first = await source.look();
    expect(first).toMatchObject({ where: folder.path, commit: undefined, problems: [], trouble: undefined });
    expect(names(first)).toEqual(["a", "b"]);
    await rm(join(folder.path, "a.yaml"));
    await write({ "b.yml": `jobs:\n  - {name: x, repo: git@e.com:a/b, triggers: {}, build: {dir: .}}\n` });
    expect(names(await source.look())).toEqual(["x"]);
  });

  test("of a bad file go on as they were, and it is told since when and why", async () => {
    const time = clock();
    await write({ "a.yaml": job("a"), "b.yaml": job("b", "build: {dir: one}") });
    const source = openJobSource({ folder: folder.path }, { now: time.now });
    await source.look();
    time.passes();
    await write({ "b.yaml": job("b", "build: {dir: /two}") });
    const bad = await source.look();
    expect(names(bad)).toEqual(["a", "b"]);
    expect(bad.jobs[1]?.job.work).toEqual({ kind: "build", build: { dir: "one" } });
    const problem = {
      file: join(folder.path, "b.yaml"),
      since: at(1),
      good: { at: at(0), commit: undefined },
      kept: ["b"],
      diagnostics: [
        expect.objectContaining({
          message: "the path leads out of the repository",
          at: { line: 4, column: 14 },
        }),
      ],
    };
    expect(bad.problems).toEqual([problem]);
    time.passes();
    expect((await source.look()).problems).toEqual([problem]);
    await write({ "b.yaml": job("b", "build: {dir: two}") });
    const mended = await source.look();
    expect(mended.problems).toEqual([]);
    expect(mended.jobs[1]?.job.work).toEqual({ kind: "build", build: { dir: "two" } });
  });

  test("of a file that was never better: those that are right", async () => {
    const list = "jobs:\n  - {name: a, repo: git@e.com:a/b, build: {dir: .}}\n  - {name: b}\n";
    await write({ "a.yaml": list });
    const first = await openJobSource({ folder: folder.path }).look();
    expect(names(first)).toEqual(["a"]);
    expect(first.problems).toMatchObject([{ kept: ["a"] }]);
  });

  test("that are wrong only together: the file that brought it stays as it was", async () => {
    await write({
      "a.yaml": job("a"),
      "b.yaml": job("b", "build: {dir: .}\nafter: a"),
      "c.yaml": job("c", "build: {dir: one}"),
    });
    const source = openJobSource({ folder: folder.path }, { capacities: ["big"] });
    await source.look();
    await write({
      // A circle, a name that is taken, and a capacity that there is not.
      "a.yaml": job("a", "build: {dir: .}\nafter: b"),
      "c.yaml": job("c", "build: {dir: two}\ncapacity: bg"),
      "d.yaml": job("b"),
    });
    const bad = await source.look();
    expect(names(bad)).toEqual(["a", "b", "c"]);
    expect(bad.jobs.map(({ job }) => job.after)).toEqual([undefined, ["a"], undefined]);
    expect(bad.jobs[2]?.job.work).toMatchObject({ build: { dir: "one" } });
    expect(
      bad.problems.map(({ file, kept, diagnostics }) => [file.slice(-6), kept, diagnostics[0]?.code]),
    ).toEqual(
      expect.arrayContaining([
        ["a.yaml", ["a"], "job-cycle"],
        ["b.yaml", ["b"], "job-cycle"],
        ["c.yaml", ["c"], "unknown-capacity"],
        ["d.yaml", [], "duplicate-job"],
      ]),
    );
  });

  test("that has moved from a bad file to another is the one that has moved", async () => {
    await write({ "a.yaml": job("a", "build: {dir: old}") });
    const source = openJobSource({ folder: folder.path });
    await source.look();
    await write({ "a.yaml": "nonsense: [", "b.yaml": job("a", "build: {dir: new}") });
    const moved = await source.look();
    expect(moved.jobs.map(({ job }) => job.work)).toEqual([{ kind: "build", build: { dir: "new" } }]);
    expect(moved.problems).toMatchObject([{ kept: [] }]);
  });

  test("go on when the folder is gone, and it may be gone from the start", async () => {
    const time = clock();
    const place = join(folder.path, "jobs");
    const source = openJobSource({ folder: place }, { now: time.now });
    expect(await source.look()).toMatchObject({
      jobs: [],
      trouble: { code: "folder-gone", since: at(0), message: "there is no folder of jobs" },
    });
    await mkdir(place);
    await writeFile(join(place, "a.yaml"), job("a"));
    expect(await source.look()).toMatchObject({ trouble: undefined });
    await rename(place, join(folder.path, "elsewhere"));
    time.passes();
    const gone = await source.look();
    time.passes();
    expect(await source.look()).toEqual(gone);
    expect(names(gone)).toEqual(["a"]);
    expect(gone.trouble).toMatchObject({ code: "folder-gone", since: at(1) });
  });
});

describe("jobs of a trusted branch", () => {
  let repository: TestRepository;

  const commit = async (files: Readonly<Record<string, string>>, message?: string): Promise<string> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(repository.path, name, ".."), { recursive: true });
      await writeFile(join(repository.path, name), text);
    }
    return repository.commit(message);
  };

  const open = (more: Readonly<Record<string, string>> = {}): JobSource =>
    openJobSource({
      repository: pathToFileURL(repository.path).href,
      branch: "main",
      folder: "ci/jobs",
      mirrors: join(folder.path, "mirrors"),
      environment: gitEnvironment,
      ...more,
    });

  beforeEach(async () => {
    repository = await createRepository(join(folder.path, "group", "repository"));
  });

  test("are those of its newest commit, links within it followed, and of no other branch", async () => {
    await commit({ "ci/jobs/a.yaml": job("a"), "shared/b.yaml": job("b"), "ci/jobs/below/c.yaml": job("c") });
    await symlink("../../shared/b.yaml", join(repository.path, "ci/jobs/b.yaml"));
    await symlink("/etc/hostname", join(repository.path, "ci/jobs/d.yaml"));
    const tip = await repository.commit();
    const source = open();
    const first = await source.look();
    expect(first).toMatchObject({
      where: `${pathToFileURL(repository.path).href} main ci/jobs`,
      commit: tip,
      trouble: undefined,
      problems: [{ file: "ci/jobs/d.yaml", kept: [] }],
    });
    expect(names(first)).toEqual(["a", "b"]);
    expect(first.jobs.map(({ file }) => file)).toEqual(["ci/jobs/a.yaml", "ci/jobs/b.yaml"]);
    await repository.git("switch", "--quiet", "--create", "proposal");
    await commit({ "ci/jobs/a.yaml": job("evil") });
    // What a forge keeps for the pull request of a fork.
    await repository.git("update-ref", "refs/pull/7/head", "proposal");
    await repository.git("update-ref", "refs/merge-requests/7/head", "proposal");
    expect(await source.look()).toEqual(first);
    await repository.git("switch", "--quiet", "main");
    await repository.git("merge", "--quiet", "--no-edit", "proposal");
    expect(names(await source.look())).toEqual(["evil", "b"]);
  });

  test("are read by nothing that the repository brings", async () => {
    const trap = join(folder.path, "trap");
    await commit({
      "ci/jobs/a.yaml": job("a"),
      ".gitattributes": "*.yaml filter=trap\n",
      ".gitmodules": `[submodule "x"]\n  path = x\n  url = ext::sh -c "touch ${trap}"\n`,
    });
    expect(names(await open().look())).toEqual(["a"]);
    await expect(rm(trap)).rejects.toThrow("ENOENT");
  });

  test("of a bad file go on as they were", async () => {
    const good = await commit({ "ci/jobs/a.yaml": job("a"), "ci/jobs/b.yaml": job("b") });
    const source = open();
    await source.look();
    const broken = await commit({ "ci/jobs/a.yaml": "name: [" });
    const bad = await source.look();
    expect(names(bad)).toEqual(["a", "b"]);
    const problem = { file: "ci/jobs/a.yaml", kept: ["a"], commit: broken, good: { commit: good } };
    expect(bad.problems).toMatchObject([problem]);
    await commit({ "ci/jobs/b.yaml": job("b", "build: {dir: two}") });
    expect((await source.look()).problems).toMatchObject([problem]);
  });

  test("go on when the branch is rewritten, until somebody takes that, or it is undone", async () => {
    const first = await commit({ "ci/jobs/a.yaml": job("a") });
    const second = await commit({ "ci/jobs/a.yaml": job("b") });
    const source = open();
    expect(names(await source.look())).toEqual(["b"]);
    await repository.git("reset", "--quiet", "--hard", first);
    const forced = await commit({ "ci/jobs/a.yaml": job("c") });
    const rewritten = await source.look();
    expect(names(rewritten)).toEqual(["b"]);
    expect(rewritten).toMatchObject({
      commit: second,
      trouble: {
        code: "branch-rewritten",
        commit: forced,
        message: `the branch main was pushed with force: ${forced.slice(0, 12)} does not go on from ${second.slice(0, 12)}`,
      },
    });
    // Another process knows it as well.
    expect(await open().look()).toMatchObject({ commit: second, trouble: { code: "branch-rewritten" } });
    source.accept(first);
    expect((await source.look()).trouble?.code).toBe("branch-rewritten");
    source.accept(forced);
    const taken = await source.look();
    expect(names(taken)).toEqual(["c"]);
    expect(taken).toMatchObject({ commit: forced, trouble: undefined });
    await repository.git("reset", "--quiet", "--hard", second);
    expect((await source.look()).trouble?.code).toBe("branch-rewritten");
    const other = open();
    other.accept(second);
    expect(await other.look()).toMatchObject({ commit: second, trouble: undefined });
    expect(await source.look()).toMatchObject({ commit: second, trouble: undefined });
  });

  test("go on when the branch, the folder or the host is gone", async () => {
    const tip = await commit({ "ci/jobs/a.yaml": job("a") });
    const source = open();
    await source.look();
    await repository.git("branch", "--move", "main", "other");
    expect(await source.look()).toMatchObject({
      commit: tip,
      trouble: { code: "branch-gone", message: "there is no branch main" },
    });
    expect(await open().look()).toMatchObject({ commit: tip, trouble: { code: "branch-gone" } });
    await repository.git("branch", "--move", "other", "main");
    expect(await source.look()).toMatchObject({ commit: tip, trouble: undefined });
    await rm(join(repository.path, "ci"), { recursive: true });
    const without = await repository.commit();
    const gone = await source.look();
    expect(names(gone)).toEqual(["a"]);
    expect(gone.trouble).toMatchObject({
      code: "folder-gone",
      message: `there is no folder of jobs ci/jobs at ${without.slice(0, 12)}`,
    });
    await rename(repository.path, join(folder.path, "elsewhere"));
    for (const each of [source, open()]) {
      const away = await each.look();
      expect(names(away)).toEqual(["a"]);
      expect(away).toMatchObject({ commit: tip, trouble: { code: "unreachable" } });
    }
  });

  test("that nobody has ever read are none, and that is told", async () => {
    expect(await open().look()).toMatchObject({
      jobs: [],
      commit: undefined,
      trouble: { code: "branch-gone" },
    });
    await rename(repository.path, join(folder.path, "elsewhere"));
    expect(await open().look()).toMatchObject({ jobs: [], trouble: { code: "unreachable" } });
  });
});

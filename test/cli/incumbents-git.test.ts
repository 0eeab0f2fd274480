import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { digestFor } from "../promotion/world.ts";
import { outputOf } from "../support/child.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";
import { runAs, runWith } from "./captured.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;
let path: string;

beforeEach(async () => {
  folder = await temporaryFolder("incumbents");
  repository = await createRepository(join(folder.path, "repository"));
  path = join(repository.path, "registry.k8s.io");
});
afterEach(() => folder.remove());

/** A list with these tags, of a digest each. Nothing answers at the registries: what is planned there is unread. */
const write = (...tags: string[]): Promise<void> =>
  writeTree(path, [
    {
      name: "foo",
      source: "127.0.0.1:1/foo",
      destinations: ["127.0.0.1:1/eu", "127.0.0.1:1/us"],
      images: {
        app: Object.fromEntries(tags.map((tag) => [digestFor(tag), [tag]])),
      } satisfies Project["images"],
    },
  ]);

/** Tags that a line of kpromo looks at in production. */
async function planned(environment: Record<string, string>, ...flags: string[]): Promise<string[] | string> {
  const config = join(folder.path, "waybill.yaml");
  await writeFile(config, "hosts: { '127.0.0.1:1': { retries: 0 } }\n");
  const env = { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: config, ...environment };
  const { stdout, stderr } = await runAs(
    env,
    "kpromo",
    "cip",
    "--log-level=debug",
    `--thin-manifest-dir=${path}`,
    ...flags,
  );
  const tags = Array.from(stdout.matchAll(/^(?:unread| {3}) \S+\/app:(\S+)/gm), ([, tag]) => tag ?? "");
  return stdout === "" ? stderr : [...new Set(tags)].sort();
}

describe("a line of kpromo in a job", () => {
  const prow = "--use-prow-manifest-diff";

  test("plans what a pull request of Prow changes, and after the merge what it brought", async () => {
    await write("v1");
    await repository.commit();
    await write("v1", "v2");
    const base = await repository.commit();
    await write("v1", "v2", "v3");
    await repository.commit();
    await write("v1", "v2", "v3", "v4");
    await repository.commit();
    expect(await planned({ JOB_TYPE: "presubmit", PULL_BASE_SHA: base }, prow)).toEqual(["v3", "v4"]);
    expect(await planned({ JOB_TYPE: "batch", PULL_BASE_SHA: base }, prow)).toEqual(["v3", "v4"]);
    expect(await planned({ JOB_TYPE: "postsubmit", PULL_BASE_SHA: base }, prow)).toEqual(["v4"]);
    expect(await planned({})).toEqual(["v1", "v2", "v3", "v4"]);
    expect(await planned({ JOB_TYPE: "periodic" }, prow)).toContain("error: unknown job type: periodic\n");
  });
});

describe("--manifest-diff-since", () => {
  const since = (date: string) => planned({}, `--manifest-diff-since=${date}`);

  test("plans what the branch has got since the date", async () => {
    await committedAt(30, "v1");
    await committedAt(20, "v1", "v2");
    await committedAt(10, "v1", "v2", "v3");
    await committedAt(5, "v1", "v2", "v3", "v4");
    expect(await since("14.days")).toEqual(["v3", "v4"]);
    expect(await since("7 days ago")).toEqual(["v4"]);
    expect(await since("25.days")).toEqual(["v2", "v3", "v4"]);
    expect(await since("1.day")).toEqual([]);
    // Everything is newer: there is nothing to compare with.
    expect(await since("40.days")).toEqual(["v1", "v2", "v3", "v4"]);
  });

  test("takes what was merged for new, however old its commits are", async () => {
    await committedAt(30, "v1");
    await repository.git("checkout", "-q", "-b", "feature");
    await committedAt(29, "v1", "v2");
    await repository.git("checkout", "-q", "main");
    await write("v1");
    await dated(20, "commit", "-q", "--allow-empty", "-m", "main goes on");
    await dated(3, "merge", "-q", "--no-ff", "-m", "merge", "feature");
    expect(await since("14.days")).toEqual(["v2"]);
  });

  test("does not take the end of a shallow clone for the beginning", async () => {
    await committedAt(10, "v1");
    await committedAt(5, "v1", "v2");
    const clone = join(folder.path, "clone");
    await repository.git("clone", "-q", "--depth=1", `file://${repository.path}`, clone);
    path = join(clone, "registry.k8s.io");
    expect(await since("20.days")).toMatch(
      /^.*error: the parent of \w+ is not in this clone.*hint: fetch it/s,
    );
    expect(await since("1.day")).toEqual([]);
  });

  test("refuses what is no date in the past, which Git takes for this moment", async () => {
    await committedAt(30, "v1");
    for (const date of ["nonsense", "now", "-x"]) {
      expect(await since(date)).toContain(`error: "${date}" is no date, or none in the past\n`);
    }
    const { stderr } = await runWith(
      { ...gitEnvironment, HOME: folder.path },
      ...["plan", path, "--since-date", "1.day", "--since", "HEAD"],
    );
    expect(stderr).toContain("cannot be used with");
  });
});

/** Commits these tags with dates of so many days ago. */
async function committedAt(daysAgo: number, ...tags: string[]): Promise<void> {
  await write(...tags);
  await repository.git("add", "--all", ".");
  await dated(daysAgo, "commit", "-q", "--allow-empty", "-m", tags.join(" "));
}

/** Runs Git with the clock of so many days ago. */
async function dated(daysAgo: number, ...words: string[]): Promise<void> {
  const date = `@${Math.floor(Date.now() / 1000 - daysAgo * 24 * 3600)} +0000`;
  await outputOf("git", ["-C", repository.path, ...words], {
    ...gitEnvironment,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
  });
}

import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findBuildPaths } from "../../src/builds/config-folder.ts";
import { copySource } from "../../src/builds/source.ts";
import { readVariants } from "../../src/builds/variants.ts";
import { createRepository } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder("build-config");
});
afterAll(() => folder.remove());

async function variantsOf(text: string, wanted?: string) {
  const file = join(folder.path, "variants.yaml");
  await writeFile(file, text);
  return (await readVariants(file, wanted)).variants;
}

describe("variants.yaml", () => {
  const two = "variants:\n  one:\n    CONFIG: a\n    N: 1.10\n  two: {CONFIG: 'b,c'}\n";

  test("gives each variant its values, as they are written", async () => {
    expect(await variantsOf(two)).toEqual([
      { name: "one", substitutions: { _CONFIG: "a", _N: "1.10" } },
      { name: "two", substitutions: { _CONFIG: "b,c" } },
    ]);
    expect(await variantsOf(two, "two")).toHaveLength(1);
  });

  test("takes keys with their underscore as they are, and says what image-builder makes of them", async () => {
    const file = join(folder.path, "variants.yaml");
    await writeFile(file, "variants:\n  one: {_CONFIG: a, TYPE: b, EMPTY: }\n  two:\n");
    const { variants, notes } = await readVariants(file);
    expect(variants).toEqual([
      { name: "one", substitutions: { _CONFIG: "a", _TYPE: "b", _EMPTY: "" } },
      { name: "two", substitutions: {} },
    ]);
    expect(notes).toEqual([expect.stringContaining("image-builder itself makes $__CONFIG of it")]);
    await writeFile(file, "variants:\n  one: {CONFIG: a}\n");
    expect((await readVariants(file)).notes).toEqual([]);
  });

  test("is not needed", async () => {
    const nowhere = join(folder.path, "nowhere", "variants.yaml");
    const { variants } = await readVariants(nowhere);
    expect(variants).toEqual([{ name: "build", substitutions: {} }]);
    await expect(readVariants(nowhere, "x")).rejects.toThrow(
      'no variants.yaml found, but a build variant ("x") was specified',
    );
  });

  test("says which variants there are", async () => {
    await expect(variantsOf(two, "twp")).rejects.toMatchObject({
      code: "unknown-variant",
      message: 'requested variant "twp", which is not present in variants.yaml',
      hint: "did you mean two?",
    });
  });

  test.each([
    ["variants:\n  a:\n    config: x\n", ":3:5"],
    ["variants:\n  a:\n    _: x\n", ":3:5"],
    ["variants:\n  a: {CONFIG: x, _CONFIG: y}\n", ":2:18"],
    ["variants:\n  a:\n    _CONFIG: [x]\n", ":3:14"],
    ["variants:\n  a: x\n", ":2:6"],
    ["variants: {}\n", ":1:11"],
    ["variants:\n  a: {_X: b}\n  a: {_X: c}\n", ":3:3"],
    ["variant:\n  a: {_X: b}\n", ":1:1"],
    ["variants:\n  a: {_X: b}\nmore: 1\n", ":3:1"],
    ["", ":1:1"],
    ["variants: [\n", ":2:1"],
    ["variants:\n  a: {X: b}\n---\nvariants:\n  b: {X: c}\n", ":3:1"],
    ["variants:\n  ..: {_X: b}\n", ":2:3"],
    ['variants:\n  "a\\nb": {_X: b}\n', ":2:3"],
    ["variants:\n  a/b: {_X: b}\n  a-b: {_X: c}\n", ":3:3"],
  ])("refuses %j at its place", async (text, place) => {
    await expect(variantsOf(text)).rejects.toMatchObject({
      code: "variants-invalid",
      where: expect.stringContaining(`variants.yaml${place}`),
    });
  });
});

describe("the folders of a build", () => {
  test("are found by image-builder's rules, and missed in its words", async () => {
    const root = folder.path;
    const config = join(root, "apps", "x");
    await mkdir(join(config, "hack"), { recursive: true });
    await writeFile(join(config, "hack", "cb.yaml"), "steps: []\n");
    const environment = {};
    expect(await findBuildPaths({ configDir: config, configFile: "hack/cb.yaml", environment })).toEqual({
      configDir: config,
      config: join(config, "hack", "cb.yaml"),
      buildDir: config,
    });
    const missing = join(root, "no");
    await expect(findBuildPaths({ configDir: missing, environment })).rejects.toThrow(
      `Config directory (${missing}) does not exist`,
    );
    const file = join(config, "hack", "cb.yaml");
    await expect(findBuildPaths({ configDir: file, environment })).rejects.toThrow(
      `Config directory (${file}) is not actually a directory`,
    );
    await expect(findBuildPaths({ configDir: config, environment })).rejects.toThrow(
      `${join(config, "cloudbuild.yaml")} does not exist`,
    );
  });
});

describe("a config folder behind a link", () => {
  test("is found where it is, as Git finds it", async () => {
    const config = join(folder.path, "real");
    await mkdir(config);
    await writeFile(join(config, "cloudbuild.yaml"), "steps: []\n");
    const link = join(folder.path, "link-to-config");
    await symlink(config, link);
    const paths = { configDir: config, config: join(config, "cloudbuild.yaml"), buildDir: config };
    expect(await findBuildPaths({ configDir: link, environment: {} })).toEqual(paths);
    expect(await findBuildPaths({ configDir: config, buildDir: link, environment: {} })).toEqual(paths);
  });
});

describe("the copy of a source", () => {
  test("that is cancelled says so, and nothing of files", async () => {
    const copying = copySource(folder.path, join(folder.path, "..", "never"), {
      withGitDir: false,
      signal: AbortSignal.abort(),
    });
    await expect(copying).rejects.toMatchObject({ name: "AbortError" });
  });

  test("is the folder without .git, links, modes and times as they are", async () => {
    const from = join(folder.path, "source");
    const repository = await createRepository(from);
    await mkdir(join(from, "sub"));
    await writeFile(join(from, "sub", "run.sh"), "#!/bin/sh\n");
    await chmod(join(from, "sub", "run.sh"), 0o751);
    await utimes(join(from, "sub", "run.sh"), 1_000_000, 1_000_000);
    await symlink("../outside", join(from, "link"));
    await writeFile(join(from, "sub", ".git"), "gitdir: elsewhere\n");
    await writeFile(join(from, ".gitignore"), "ignored\n");
    await writeFile(join(from, "ignored"), "still built\n");
    await repository.git("status");
    const to = join(folder.path, "copy");
    await copySource(from, to, { withGitDir: false });
    expect((await readdir(to)).sort()).toEqual([".gitignore", "ignored", "link", "sub"]);
    expect(await readdir(join(to, "sub"))).toEqual(["run.sh"]);
    expect(await readlink(join(to, "link"))).toBe("../outside");
    const { mode, mtimeMs } = await stat(join(to, "sub", "run.sh"));
    expect(mode & 0o777).toBe(0o751);
    expect(mtimeMs).toBe(1_000_000_000);

    const whole = join(folder.path, "whole");
    await copySource(from, whole, { withGitDir: true });
    expect(await readFile(join(whole, ".git", "HEAD"), "utf8")).toBe("ref: refs/heads/main\n");
  });

  test("does without the records of runs, where those are in it", async () => {
    const from = join(folder.path, "with-records");
    await mkdir(join(from, "data", "logs"), { recursive: true });
    await writeFile(join(from, "file"), "x");
    const to = join(folder.path, "without-records");
    await copySource(from, to, { withGitDir: false, leaveOut: join(from, "data") });
    expect(await readdir(to)).toEqual(["file"]);
  });

  test("says what cannot be read", async () => {
    const missing = join(folder.path, "missing");
    await expect(copySource(missing, join(folder.path, "c2"), { withGitDir: false })).rejects.toMatchObject({
      code: "source-unreadable",
    });
  });
});

import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { compareManifests, readManifestsBeforeChange } from "../../src/edges/index.ts";
import { type ManifestTree, readManifests, readManifestsAt } from "../../src/manifest/index.ts";
import { digestFor } from "../promotion/world.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");
const options = { environment: gitEnvironment };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;
let tree: string;

beforeEach(async () => {
  folder = await temporaryFolder("at-commit");
  repository = await createRepository(join(folder.path, "repository"));
  tree = join(repository.path, "infra", "registry.k8s.io");
});

afterEach(() => folder.remove());

async function put(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), content);
  }
}

const registries = (...names: string[]): string =>
  `registries:\n${names.map((name, at) => `- name: ${name}\n${at === 0 ? "  src: true\n" : ""}`).join("")}`;
const list = (tag: string, nickname = "one"): string =>
  `- name: app\n  dmap:\n    "${digestFor(nickname)}": ["${tag}"]\n`;

async function putProject(name: string, tag = "v1"): Promise<void> {
  await put({
    [`manifests/${name}/promoter-manifest.yaml`]: registries(`gcr.io/${name}`, `us.io/${name}`),
    [`images/${name}/images.yaml`]: list(tag),
  });
}

/** A tree that was never read from disk, so that nothing is taken over from it. */
const unread = (path = tree): ManifestTree => ({ path, manifests: [], diagnostics: [], unreadable: [] });

const changed = async (since: { tree: ManifestTree } | undefined, path = tree) =>
  since === undefined ? undefined : compareManifests(since.tree, await readManifests(path)).edges;

describe("manifests at a commit", () => {
  test("are read as from disk, with the same places and findings", async () => {
    await putProject("a");
    await putProject("b");
    await putProject("large");
    await put({
      "manifests/README.md": "x",
      "images/README.md": "x",
      "images/alone/images.yaml": "",
      "images/misplaced/promoter-manifest.yaml": "",
      "manifests/b/promoter-manifest.yaml": "[",
      "manifests/broken/promoter-manifest.yaml": registries("gcr.io/x", "us.io/x"),
      "images/broken/images.yaml": "- name: app\n  dmap:\n    sha256:123: []\n",
      "manifests/crlf/promoter-manifest.yaml": registries("gcr.io/y", "us.io/y").replaceAll("\n", "\r\n"),
      "images/crlf/images.yaml": list("v1").replaceAll("\n", "\r\n"),
      "images/large/images.yaml": Buffer.alloc(9 * 1024 * 1024, "#"),
      "manifests/no-images/promoter-manifest.yaml": registries("gcr.io/z", "us.io/z"),
      "manifests/utf16/promoter-manifest.yaml": Buffer.from("\uFEFFregistries:\n", "utf16le"),
      "manifests/deep/er/promoter-manifest.yaml": "x",
      "manifests/nothing/OWNERS": "x",
      "manifests/folder/promoter-manifest.yaml/x": "x",
      "manifests/promoter-manifest.yaml": "x",
      "manifests/näme with blanks/promoter-manifest.yaml": registries("gcr.io/n", "us.io/n"),
      "images/näme with blanks/images.yaml": list("v2"),
    });
    await mkdir(join(repository.path, "elsewhere"));
    await writeFile(join(repository.path, "elsewhere/images.yaml"), list("v9"));
    await put({ "manifests/linked/promoter-manifest.yaml": registries("gcr.io/l", "us.io/l") });
    await symlink("../../../elsewhere", join(tree, "images/linked"));
    await symlink("a", join(tree, "manifests/twin"));
    await symlink("a", join(tree, "images/twin"));
    await symlink("nowhere", join(tree, "manifests/dangling"));
    await symlink("circle", join(tree, "manifests/circle"));
    await repository.commit();

    const onDisk = await readManifests(tree);
    expect(onDisk.manifests.map(({ project }) => project)).toEqual([
      ...["a", "broken", "crlf", "linked", "näme with blanks", "twin"],
    ]);
    expect((await readManifestsAt(unread(), "HEAD", options)).tree).toEqual(onDisk);
    expect((await readManifestsAt(onDisk, "HEAD", options)).tree).toEqual(onDisk);

    const relative = await readManifests(`${tree}/../registry.k8s.io/`);
    expect(relative).toEqual(onDisk);
    expect((await readManifestsAt(unread(`${tree}/`), "HEAD", options)).tree).toEqual(onDisk);
  });

  test("of a folder that is a link are those of where it leads", async () => {
    await putProject("a");
    await repository.commit();
    const link = join(folder.path, "link");
    await symlink(tree, link);
    expect((await readManifestsAt(unread(link), "HEAD", options)).tree).toEqual(await readManifests(link));
  });

  test("are those of the commit, whatever is on disk", async () => {
    await putProject("a");
    const first = await repository.commit();
    await putProject("a", "v2");
    await putProject("b");
    const { commit, tree: before } = await readManifestsAt(await readManifests(tree), "HEAD", options);
    expect(commit).toBe(first);
    expect(before.manifests.map(({ project }) => project)).toEqual(["a"]);
    expect(before.manifests[0]?.images[0]?.digests[0]?.tags[0]?.tag).toBe("v1");
  });

  test("that were not there yet are none", async () => {
    await repository.commit();
    await putProject("a");
    const onDisk = await readManifests(tree);
    const { tree: before } = await readManifestsAt(onDisk, "HEAD", options);
    expect(before.manifests).toEqual([]);
    expect(before.diagnostics).toMatchObject([{ code: "missing-directory", file: tree }]);
  });

  test("in one file", async () => {
    const text = `${registries("gcr.io/p", "us.io/p")}images:\n${list("v1")}`;
    await put({ "plain.yaml": text });
    await repository.commit();
    const file = join(tree, "plain.yaml");
    const onDisk = await readManifests(file);
    expect((await readManifestsAt(onDisk, "HEAD", options)).tree).toEqual(onDisk);
    await writeFile(file, text.replace("v1", "v2"));
    expect(
      await changed(await readManifestsAt(await readManifests(file), "HEAD", options), file),
    ).toMatchObject({
      added: 1,
      removed: 1,
    });
  });

  test("in a submodule are in another repository", async () => {
    await putProject("a");
    const module = join(tree, "manifests/module");
    await repository.git("init", "--quiet", module);
    await writeFile(join(module, "promoter-manifest.yaml"), registries("gcr.io/m", "us.io/m"));
    await repository.git("-C", module, "add", "--all");
    await repository.git("-C", module, "commit", "--quiet", "--message=x");
    await put({ "images/module/images.yaml": list("v1") });
    await repository.commit();
    expect((await readManifests(tree)).unreadable).toEqual([]);
    const { tree: before } = await readManifestsAt(unread(), "HEAD", options);
    expect(before.unreadable).toEqual(["module"]);
    expect(before.manifests.map(({ project }) => project)).toEqual(["a"]);
  });

  test("at which a branch was left", async () => {
    await putProject("a");
    const fork = await repository.commit();
    await repository.git("checkout", "--quiet", "-b", "feature");
    await putProject("b");
    await repository.commit();
    await repository.git("checkout", "--quiet", "main");
    await putProject("c");
    await repository.commit();
    await repository.git("checkout", "--quiet", "feature");
    const onDisk = await readManifests(tree);
    expect(await readManifestsAt(onDisk, "main...", options)).toMatchObject({ commit: fork });
    await expect(readManifestsAt(onDisk, "main...feature", options)).rejects.toMatchObject({
      code: "unknown-revision",
    });
  });
});

describe("a change of form alone", () => {
  test("is told from a change of what is asked for", async () => {
    await putProject("a");
    await putProject("b");
    await putProject("c");
    await put({ "images/c/images.yaml": `${list("v1")}- name: Bad\n  dmap:\n    x: []\n` });
    await repository.commit();
    await put({
      "images/a/images.yaml": `# a comment\n- dmap:\n    ${digestFor("one")}:\n    - v1\n  name: app\n`,
      "manifests/b/promoter-manifest.yaml": registries("gcr.io/b", "us.io/b").replaceAll("\n", "\r\n"),
      "images/c/images.yaml": `${list("v1")}- name: Worse\n  dmap:\n    x: []\n`,
    });
    const onDisk = await readManifests(tree);
    const { tree: before } = await readManifestsAt(onDisk, "HEAD", options);
    const compared = compareManifests(before, onDisk);
    expect(compared).toMatchObject({ repositories: [], projects: [], edges: { unchanged: 3 } });
    expect(compared.rewritten).toEqual([join(tree, "images/a/images.yaml")]);
  });

  test("as the new name of a folder is none", async () => {
    await putProject("a");
    await repository.commit();
    await rename(join(tree, "manifests/a"), join(tree, "manifests/z"));
    await rename(join(tree, "images/a"), join(tree, "images/z"));
    const { tree: before } = await readManifestsAt(await readManifests(tree), "HEAD", options);
    expect(compareManifests(before, await readManifests(tree))).toMatchObject({
      repositories: [],
      projects: [{ project: "z", renamedFrom: "a" }],
    });
  });
});

describe("manifests before the last change", () => {
  const earlier = async () => readManifestsBeforeChange(await readManifests(tree), options);

  test("are those of the parent when nothing was changed since", async () => {
    await putProject("a");
    const first = await repository.commit();
    await putProject("a", "v2");
    await repository.commit();
    expect(await earlier()).toMatchObject({ commit: first });
    expect(await changed(await earlier())).toMatchObject({ added: 1, removed: 1 });
  });

  test("are those of HEAD when something on disk asks for more, be it in a new file", async () => {
    await putProject("a");
    await repository.commit();
    await putProject("a", "v2");
    const second = await repository.commit();
    await writeFile(join(repository.path, "other"), "somewhere else");
    await put({ "images/a/images.yaml": `# only a comment\n${list("v2")}` });
    expect((await earlier())?.commit).not.toBe(second);
    await putProject("b");
    expect(await earlier()).toMatchObject({ commit: second });
    await rm(join(tree, "manifests/b"), { recursive: true });
    await rm(join(tree, "images/b"), { recursive: true });
    await put({ "manifests/a/promoter-manifest.yaml": "[" });
    expect(await earlier()).toMatchObject({ commit: second });
  });

  test("of a merge are those of the branch that it was merged into", async () => {
    await putProject("a");
    await repository.commit();
    await repository.git("checkout", "--quiet", "-b", "feature");
    await putProject("b");
    await repository.commit();
    await putProject("c");
    await repository.commit();
    await repository.git("checkout", "--quiet", "main");
    await putProject("d");
    const main = await repository.commit();
    await repository.git("merge", "--quiet", "--no-ff", "--message=merge", "feature");
    expect(await earlier()).toMatchObject({ commit: main });
    expect(await changed(await earlier())).toMatchObject({ added: 2, unchanged: 2 });
  });

  test("are none for the first commit", async () => {
    await putProject("a");
    await repository.commit();
    expect(await earlier()).toBeUndefined();
  });

  test("are unknown without any commit, or outside of a repository", async () => {
    await putProject("a");
    await expect(earlier()).rejects.toMatchObject({ code: "unknown-revision" });
    await rm(join(repository.path, ".git"), { recursive: true });
    await expect(earlier()).rejects.toMatchObject({ code: "not-a-repository" });
  });

  test("run nothing that is configured for the checkout", async () => {
    await putProject("a");
    await repository.commit();
    await putProject("a", "v2");
    await repository.commit();
    const script = join(repository.path, ".git", "spy");
    await writeFile(script, `#!/bin/sh\ntouch ${folder.path}/ran\ncat\n`, { mode: 0o755 });
    for (const hook of ["post-index-change", "reference-transaction", "post-checkout"]) {
      await writeFile(join(repository.path, ".git/hooks", hook), await readFile(script), { mode: 0o755 });
    }
    for (const key of [
      "core.fsmonitor",
      "filter.spy.clean",
      "filter.spy.smudge",
      "diff.spy.textconv",
      "core.pager",
    ]) {
      await repository.git("config", key, script);
    }
    await put({ ".gitattributes": "* filter=spy diff=spy\n" });
    await rm(join(folder.path, "ran"), { force: true });
    expect(await changed(await earlier())).toMatchObject({ added: 1 });
    await expect(readFile(join(folder.path, "ran"))).rejects.toThrow();
  });
});

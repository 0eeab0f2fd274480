import { execFileSync } from "node:child_process";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readManifests, readTextFileOf } from "../../src/manifest/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { digestOfWord } from "./findings.ts";

let folder: { path: string; remove: () => Promise<void> };
let tree: string;
/** What is not part of the tree, beside it. */
let elsewhere: string;

const secret = "root-password-of-this-machine";

async function put(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

async function putProject(at: string, name: string): Promise<void> {
  const registries = "registries:\n- name: gcr.io/staging\n  src: true\n- name: us.gcr.io/prod\n";
  await put(join(at, "manifests", name, "promoter-manifest.yaml"), registries);
  const images = `- name: ${name}\n  dmap:\n    "${digestOfWord(name)}": ["1.0"]\n`;
  await put(join(at, "images", name, "images.yaml"), images);
}

beforeEach(async () => {
  folder = await temporaryFolder("links");
  tree = join(folder.path, "tree");
  elsewhere = join(folder.path, "elsewhere");
  await putProject(tree, "a");
  await putProject(elsewhere, "b");
  await put(join(elsewhere, "secret"), `${secret}\n`);
});

afterEach(() => folder.remove());

/** Puts a link in place of a file or folder of the tree. */
async function lead(name: string, target: string): Promise<void> {
  await mkdir(dirname(join(tree, name)), { recursive: true });
  await rename(join(tree, name), join(folder.path, "taken away")).catch(() => undefined);
  await symlink(target, join(tree, name));
}

const leadingOut: readonly [what: string, () => Promise<void>][] = [
  ["a list of images", () => lead("images/a/images.yaml", join(elsewhere, "secret"))],
  ["a promoter manifest", () => lead("manifests/a/promoter-manifest.yaml", join(elsewhere, "secret"))],
  ["a relative one", () => lead("images/a/images.yaml", "../../../elsewhere/secret")],
  ["a folder of a project", () => lead("manifests/b", join(elsewhere, "manifests/b"))],
  ["a folder of images", () => lead("images/a", join(elsewhere, "images/b"))],
  ["the folder of all of them", () => lead("manifests", join(elsewhere, "manifests"))],
  ["what the system tells of this process", () => lead("images/a/images.yaml", "/proc/self/environ")],
  ["a device", () => lead("images/a/images.yaml", "/dev/zero")],
];

describe.each([
  ["a folder", async () => undefined],
  ["a checkout", async () => void (await mkdir(join(tree, ".git")))],
])("links of %s", (_where, prepare) => {
  test.each(leadingOut)("are not followed out of it: %s", async (_what, make) => {
    await prepare();
    await make();
    const { diagnostics, manifests } = await readManifests(tree);
    expect(diagnostics.map(({ message }) => message).join()).toContain("leads out of the repository");
    expect(JSON.stringify({ diagnostics, manifests })).not.toContain(secret);
    expect(manifests.map(({ project }) => project)).not.toContain("b");
  });

  test("are followed within it", async () => {
    await prepare();
    await symlink("a", join(tree, "manifests/c"));
    await symlink("../images/a", join(tree, "images/c"));
    const { diagnostics, manifests } = await readManifests(tree);
    expect(diagnostics.filter(({ code }) => code === "unreadable-file")).toEqual([]);
    expect(manifests.map(({ project }) => project)).toEqual(["a", "c"]);
  });
});

test("links of a part of a checkout are followed within the whole of it, and whoever names a link means it", async () => {
  await mkdir(join(folder.path, ".git"));
  await symlink(join(elsewhere, "manifests/b"), join(tree, "manifests/b"));
  await symlink(join(elsewhere, "images/b"), join(tree, "images/b"));
  expect((await readManifests(tree)).manifests).toHaveLength(2);
});

test("a link that is named itself is followed", async () => {
  await symlink(tree, join(folder.path, "named"));
  expect((await readManifests(join(folder.path, "named"))).manifests).toHaveLength(1);
  await symlink(join(elsewhere, "images/b/images.yaml"), join(folder.path, "plain"));
  expect(await readTextFileOf(join(folder.path, "plain"))).toContain("dmap");
});

test("a pipe is not waited for", async () => {
  await rename(join(tree, "images/a/images.yaml"), join(folder.path, "taken away"));
  execFileSync("mkfifo", [join(tree, "images/a/images.yaml")]);
  const { diagnostics } = await readManifests(tree);
  expect(diagnostics).toMatchObject([{ code: "unreadable-file" }]);
});

import { execFileSync } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkManifests } from "../../src/check/index.ts";
import { type ManifestTree, readManifestTree } from "../../src/manifest/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { digestOfWord, found } from "./findings.ts";

let folder: { path: string; remove: () => Promise<void> };
let dir: string;

beforeEach(async () => {
  folder = await temporaryFolder("thin");
  dir = folder.path;
});

afterEach(() => folder.remove());

async function put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), content);
  }
}

function registries(source: string, ...destinations: readonly string[]): string {
  return `registries:\n- name: ${source}\n  src: true\n${destinations.map((name) => `- name: ${name}\n`).join("")}`;
}

function image(name: string, digest: string, tag: string): string {
  return `- name: ${name}\n  dmap:\n    "${digest}": ["${tag}"]\n`;
}

async function putProject(project: string): Promise<void> {
  await put({
    [`manifests/${project}/promoter-manifest.yaml`]: registries(`gcr.io/${project}`, "us.gcr.io/prod"),
    [`images/${project}/images.yaml`]: image(project, digestOfWord(project), "1.0"),
  });
}

function projectsOf({ manifests }: ManifestTree): string[] {
  return manifests.map(({ project }) => project);
}

describe("directories that are read", () => {
  test("one project: its parts, and where they stand", async () => {
    await put({
      "manifests/a/promoter-manifest.yaml": registries(
        "gcr.io/foo-staging",
        "us.gcr.io/some-prod",
        "eu.gcr.io/some-prod",
        "asia.gcr.io/some-prod",
      ),
      "images/a/images.yaml": image("foo-controller", digestOfWord("D"), "1.0"),
    });
    const tree = await readManifestTree(dir);
    expect(tree).toMatchObject({ path: dir, diagnostics: [], unreadable: [] });
    expect(tree.manifests).toMatchObject([
      {
        project: "a",
        file: `${dir}/manifests/a/promoter-manifest.yaml`,
        imagesFile: `${dir}/images/a/images.yaml`,
        source: { name: "gcr.io/foo-staging" },
        destinations: [
          { name: "us.gcr.io/some-prod" },
          { name: "eu.gcr.io/some-prod" },
          { name: "asia.gcr.io/some-prod" },
        ],
        images: [
          { name: "foo-controller", digests: [{ digest: digestOfWord("D"), tags: [{ tag: "1.0" }] }] },
        ],
      },
    ]);
  });

  test("several projects, in the order of their names; other files and folders are nobody's business", async () => {
    for (const project of ["d", "a", "c", "b"]) await putProject(project);
    await put({
      "README.md": "x",
      "manifests/README.md": "x",
      "images/README.md": "x",
      "manifests/a/OWNERS": "x",
      "images/a/OWNERS": "x",
      "manifest/e/promoter-manifest.yaml": "x",
    });
    const tree = await readManifestTree(dir);
    expect([projectsOf(tree), tree.diagnostics]).toEqual([["a", "b", "c", "d"], []]);
  });

  test.each([
    ["a trailing slash", () => `${dir}/`],
    ["several of them", () => `${dir}///`],
    ["a leading ./", () => `./${relative(process.cwd(), dir)}`],
    ["a detour", () => `${dir}/images/../`],
  ])("%s changes nothing", async (_, spelling) => {
    await putProject("a");
    const tree = await readManifestTree(spelling());
    expect([projectsOf(tree), tree.diagnostics]).toEqual([["a"], []]);
    expect(tree.manifests[0]?.file.endsWith("manifests/a/promoter-manifest.yaml")).toBe(true);
    expect(tree.path.endsWith("/")).toBe(false);
  });

  test("a symbolic link for images/<project>, and for manifests/<project>", async () => {
    await putProject("a");
    await putProject("b");
    await rm(join(dir, "images/b"), { recursive: true });
    await symlink("a", join(dir, "images/b"));
    await symlink("a", join(dir, "manifests/c"));
    await symlink("a", join(dir, "images/c"));
    const tree = await readManifestTree(dir);
    expect([projectsOf(tree), found(tree.diagnostics, dir)]).toEqual([["a", "b", "c"], []]);
    expect(tree.manifests.map(({ images }) => images[0]?.name)).toEqual(["a", "a", "a"]);
  });

  test("two projects with one source, and two that ask for the same", async () => {
    const digest = digestOfWord("same");
    await put({
      "manifests/a/promoter-manifest.yaml": registries("gcr.io/foo", "us.gcr.io/prod"),
      "images/a/images.yaml": image("x", digest, "1.0"),
      "manifests/b/promoter-manifest.yaml": registries("gcr.io/foo", "us.gcr.io/prod"),
      "images/b/images.yaml": image("x", digestOfWord("other"), "2.0"),
      "manifests/c/promoter-manifest.yaml": registries("gcr.io/bar", "us.gcr.io/prod"),
      "images/c/images.yaml": image("x", digest, "1.0"),
    });
    const result = await checkManifests(dir);
    expect([result.diagnostics, result.overlaps, result.counts.edges]).toEqual([[], [], 3]);
  });

  test("a destination that is the source of another project is worth a note", async () => {
    await put({
      "manifests/a/promoter-manifest.yaml": registries("gcr.io/dev", "gcr.io/staging"),
      "images/a/images.yaml": "",
      "manifests/b/promoter-manifest.yaml": registries("gcr.io/staging", "gcr.io/prod"),
      "images/b/images.yaml": "",
    });
    const { manifests, diagnostics } = await readManifestTree(dir);
    expect(manifests.map(({ destinations }) => destinations.length)).toEqual([1, 1]);
    expect(found(diagnostics, dir)).toEqual([
      "manifests/a/promoter-manifest.yaml:4:3 destination-is-staging",
    ]);
  });
});

describe("what is wrong with a directory", () => {
  test.each<[string, () => Promise<void>, string[]]>([
    ["nothing there", () => rm(dir, { recursive: true }), [". missing-directory"]],
    [
      "neither folder",
      () => put({ "x.txt": "x" }),
      ["images missing-directory", "manifests missing-directory"],
    ],
    ["no images", () => put({ "manifests/x": "" }), ["images missing-directory"]],
    ["a file called images", () => put({ images: "", "manifests/x": "" }), ["images missing-directory"]],
    ["no project", () => put({ "manifests/x": "", "images/x": "" }), [". no-manifests"]],
  ])("%s", async (_, prepare, findings) => {
    await prepare();
    const tree = await readManifestTree(dir);
    expect([found(tree.diagnostics, dir), tree.manifests]).toEqual([findings, []]);
  });

  test("its messages are those of the incumbents", async () => {
    await put({ "manifests/x": "", images: "" });
    expect((await readManifestTree(dir)).diagnostics[0]?.message).toBe('"images" is not a directory');
    await rm(join(dir, "images"));
    expect((await readManifestTree(dir)).diagnostics[0]?.message).toContain("stat directory images:");
    await put({ "images/x": "" });
    expect((await readManifestTree(dir)).diagnostics[0]?.message).toBe("no manifests found in dir");
  });
});

describe("what is wrong with one project stops no other", () => {
  beforeEach(() => putProject("good"));

  test.each<[string, () => Promise<void>, string[], string[]]>([
    [
      "no images.yaml",
      () => put({ "manifests/b/promoter-manifest.yaml": registries("gcr.io/b") }),
      ["images/b/images.yaml missing-images-file", "manifests/b/promoter-manifest.yaml:2:1 no-destinations"],
      ["b"],
    ],
    [
      "images.yaml is a folder",
      () =>
        put({
          "manifests/b/promoter-manifest.yaml": registries("gcr.io/b", "gcr.io/c"),
          "images/b/images.yaml/x": "",
        }),
      ["images/b/images.yaml unreadable-file"],
      ["b"],
    ],
    [
      "a manifest one folder too deep, beside a decoy",
      () => put({ "manifests/b/c/promoter-manifest.yaml": "x", "manifests/images/c/images.yaml": "" }),
      [
        "manifests/b/c/promoter-manifest.yaml unexpected-manifest-path",
        "manifests/images missing-promoter-manifest",
      ],
      ["b/c"],
    ],
    [
      "a manifest far too deep, in a project that is fine itself",
      () => put({ "manifests/good/c/d/e/promoter-manifest.yaml": "x" }),
      ["manifests/good/c/d/e/promoter-manifest.yaml unexpected-manifest-path"],
      ["good/c/d/e"],
    ],
    [
      "a manifest without a folder",
      () => put({ "manifests/promoter-manifest.yaml": "x" }),
      ["manifests/promoter-manifest.yaml unexpected-manifest-path"],
      ["promoter-manifest.yaml"],
    ],
    [
      "a folder without manifest",
      () => put({ "manifests/b/promoter-manifest.yml": "x", "images/b/images.yaml": "" }),
      ["manifests/b missing-promoter-manifest"],
      [],
    ],
    [
      "images without manifest",
      () => put({ "images/b/images.yaml": "" }),
      ["images/b images-without-manifest"],
      [],
    ],
    [
      "a manifest among the images",
      () => put({ "images/b/images.yaml": "", "images/b/promoter-manifest.yaml": "" }),
      ["images/b/promoter-manifest.yaml misplaced-promoter-manifest"],
      [],
    ],
    [
      "a link that leads nowhere",
      () => symlink("nowhere", join(dir, "manifests/b")),
      ["manifests/b unreadable-file"],
      ["b"],
    ],
    [
      "a link in a circle",
      () => symlink("b", join(dir, "manifests/b")),
      ["manifests/b unreadable-file"],
      ["b"],
    ],
    [
      "registries that are no YAML",
      () => put({ "manifests/b/promoter-manifest.yaml": "[", "images/b/images.yaml": "- name: Foo\n" }),
      [
        "images/b/images.yaml:1:3 missing-dmap",
        "images/b/images.yaml:1:9 invalid-image-name",
        "manifests/b/promoter-manifest.yaml:1:2 yaml-syntax",
      ],
      ["b"],
    ],
    [
      "UTF-16",
      () =>
        put({
          "manifests/b/promoter-manifest.yaml": registries("gcr.io/b", "gcr.io/c"),
          "images/b/images.yaml": Buffer.from("\uFEFF- name: x\n", "utf16le"),
        }),
      ["images/b/images.yaml not-utf8"],
      ["b"],
    ],
    [
      "a file of 9 MiB",
      () =>
        put({
          "manifests/b/promoter-manifest.yaml": registries("gcr.io/b", "gcr.io/c"),
          "images/b/images.yaml": Buffer.alloc(9 * 1024 * 1024, "#"),
        }),
      ["images/b/images.yaml file-too-large"],
      ["b"],
    ],
    [
      "a pipe that nobody writes to",
      async () => {
        await put({
          "manifests/b/promoter-manifest.yaml": registries("gcr.io/b", "gcr.io/c"),
          "images/b/x": "",
        });
        execFileSync("mkfifo", [join(dir, "images/b/images.yaml")]);
      },
      ["images/b/images.yaml unreadable-file"],
      ["b"],
    ],
  ])("%s", async (_, prepare, findings, unreadable) => {
    await prepare();
    const tree = await readManifestTree(dir);
    expect(projectsOf(tree)).toEqual(["good"]);
    expect(found(tree.diagnostics, dir)).toEqual(findings);
    expect(tree.unreadable).toEqual(unreadable);
  });

  test("an image whose name is too long in one registry is left out", async () => {
    const long = "x".repeat(240);
    await put({
      "manifests/b/promoter-manifest.yaml": registries("gcr.io/b", "us.gcr.io/some-prod/with/a/path"),
      "images/b/images.yaml":
        image(long, digestOfWord("long"), "1.0") + image("short", digestOfWord("short"), "1.0"),
    });
    const tree = await readManifestTree(dir);
    expect(tree.manifests[0]?.images.map(({ name }) => name)).toEqual(["short"]);
    expect(found(tree.diagnostics, dir)).toEqual(["images/b/images.yaml:1:3 invalid-image-name"]);
  });
});

describe("policy files that nothing reads", () => {
  test.each([
    "policy.yml",
    "policies.yaml",
    "manifests/policy.yaml",
    "manifests/a/policy.yaml",
    "images/policies.yml",
    "images/a/policy.yaml",
  ])("%s is told, with the right place, and stops nothing", async (name) => {
    await putProject("a");
    await put({ [name]: "rules: []\n" });
    const tree = await readManifestTree(dir);
    expect(projectsOf(tree)).toEqual(["a"]);
    expect(tree.policyFile).toBeUndefined();
    expect(tree.diagnostics).toEqual([
      expect.objectContaining({
        code: "misplaced-policy",
        severity: "warning",
        file: join(dir, name),
        hint: `policies of these manifests stand in ${join(dir, "policy.yaml")}`,
      }),
    ]);
  });

  test("are told beside one that is read", async () => {
    await putProject("a");
    await put({ "policy.yaml": "rules: []\n", "policies.yaml": "rules: []\n" });
    const tree = await readManifestTree(dir);
    expect(tree.policyFile?.file).toBe(join(dir, "policy.yaml"));
    expect(tree.diagnostics.map(({ code, file }) => [code, file])).toContainEqual([
      "misplaced-policy",
      join(dir, "policies.yaml"),
    ]);
  });
});

import { spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openGitRepository } from "../../src/git/index.ts";
import { type FileOwners, ownersFolder, readOwners } from "../../src/owners/index.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { filesOf } from "./files.ts";

/** Owners of one file, by these files of a repository. */
async function ownersOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  file: string,
): Promise<FileOwners> {
  const [found] = (await readOwners(filesOf(files), [file])).ownersOf([file]);
  if (found === undefined) throw new Error("no answer");
  return found;
}

const images = "registry.k8s.io/images/k8s-staging-foo/images.yaml";
const tree = {
  OWNERS: "approvers: [Root]\nreviewers:\n- '@RootReviewer'\nlabels: [sig/x]\nemeritus_approvers: [gone]\n",
  "registry.k8s.io/images/k8s-staging-foo/OWNERS": "approvers:\n- foo-team\nreviewers: [FooReviewer]\n",
  "registry.k8s.io/manifests/OWNERS": "options:\n  no_parent_owners: true\napprovers: [manifest-owner]\n",
  OWNERS_ALIASES: "aliases:\n  Foo-Team: [Alice, bob]\n  empty:\n",
};

describe("OWNERS files", () => {
  it("give those of every folder above a say, with groups resolved and names in lower case", async () => {
    expect(await ownersOf(tree, images)).toEqual({
      file: images,
      approvers: ["alice", "bob", "root"],
      reviewers: ["fooreviewer", "rootreviewer"],
      by: ["registry.k8s.io/images/k8s-staging-foo/OWNERS", "OWNERS"],
      needed: [{ anyOf: ["alice", "bob", "root"], approvals: 1 }],
    });
  });

  it("can say that those above have none, where they name somebody themselves", async () => {
    const file = "registry.k8s.io/manifests/foo/promoter-manifest.yaml";
    expect(await ownersOf(tree, file)).toMatchObject({
      approvers: ["manifest-owner"],
      reviewers: ["rootreviewer"],
    });
    const nobody = { ...tree, "registry.k8s.io/manifests/OWNERS": "options: {no_parent_owners: true}\n" };
    expect((await ownersOf(nobody, file)).approvers).toEqual(["root"]);
  });

  it("have filters, whose expressions see the path from their folder on", async () => {
    const files = {
      "a/OWNERS": [
        "filters:",
        '  ".*": { approvers: [all] }',
        "  '\\.go$': { approvers: [gopher], reviewers: [r] }",
        "  ^images/: { approvers: [promoter] }",
        "  '(?<=x)y': { approvers: [look-behind] }",
      ].join("\n"),
    };
    expect((await ownersOf(files, "a/main.go")).approvers).toEqual(["all", "gopher"]);
    expect((await ownersOf(files, "a/images/x.yaml")).approvers).toEqual(["all", "promoter"]);
    expect((await ownersOf(files, "a/b/images/x.yaml")).approvers).toEqual(["all"]);
    const { diagnostics } = await readOwners(filesOf(files), ["a/x"]);
    expect(diagnostics).toEqual([
      {
        code: "invalid-filter",
        severity: "warning",
        file: "a/OWNERS",
        at: { line: 5, column: 3 },
        message: 'the filter "(?<=x)y" is no expression',
      },
    ]);
  });

  it("ignore filters beside people at the top, as Prow does", async () => {
    const files = { OWNERS: "approvers: [a]\nfilters: {'.*': {approvers: [b]}}\n" };
    expect((await ownersOf(files, "x")).approvers).toEqual(["a"]);
  });

  it("are not held up by an expression that others try for ever", async () => {
    const files = { OWNERS: "filters:\n  '(a+)+$': { approvers: [x] }\n" };
    expect((await ownersOf(files, `${"a".repeat(5000)}!`)).approvers).toEqual([]);
  });

  it.each([
    ["no YAML", "approvers: [", "unexpected end of the stream"],
    ["no mapping", "- a\n", "expected a mapping"],
    ["names that are none", "approvers: [[a]]\n", "expected a name"],
    ["a name alone", "approvers: root\n", "expected a list of names"],
    ["a key twice", "approvers: [a]\napprovers: [b]\n", "approvers stands twice"],
    [
      "an option that is no option",
      "approvers: [a]\noptions: {no_parent_owners: maybe}\n",
      "expected true or false",
    ],
    ["a second document", "approvers: [a]\n---\napprovers: [b]\n", "a second document"],
    ["no UTF-8", Uint8Array.of(0xff, 0xfe), "not text in UTF-8"],
    ["more than anybody writes", new Uint8Array(3 * 1024 * 1024 + 1), "has more than"],
  ])("with %s give nobody a say, and nobody above either", async (_, text, why) => {
    const files = { OWNERS: "approvers: [root]\n", "a/OWNERS": text, "a/b/OWNERS": "approvers: [b]\n" };
    const owners = await readOwners(filesOf(files), ["a/x", "a/b/x", "x"]);
    expect(owners.ownersOf(["a/x", "a/b/x", "x"]).map(({ approvers }) => approvers)).toEqual([
      [],
      ["b"],
      ["root"],
    ]);
    expect(owners.uncovered(["a/x", "x"], ["root", "b"])).toEqual(["a/x"]);
    expect(owners.diagnostics).toMatchObject([
      { file: "a/OWNERS", message: expect.stringMatching(`^nobody owns anything by it: .*${why}`) },
    ]);
  });

  it("say which files lack an approval", async () => {
    const files = [images, "registry.k8s.io/manifests/foo/promoter-manifest.yaml", "README.md"];
    const owners = await readOwners(filesOf(tree), files);
    expect(owners.uncovered(files, ["ALICE"])).toEqual(files.slice(1));
    expect(owners.uncovered(files, ["@alice", "Root"])).toEqual([files[1]]);
    expect(owners.uncovered(files, ["root", "manifest-owner"])).toEqual([]);
    expect(owners.uncovered(files, [])).toEqual(files);
    expect(owners.uncovered(files, ["foo-team", "gone", "sig/x", ""])).toEqual(files);
  });

  it("own nothing by a path that does not lead straight down, or was not asked about", async () => {
    const paths = ["../x", "a/../x", "/x", "a//x", "./x", ""];
    const owners = await readOwners(filesOf(tree), ["README.md", ...paths]);
    expect(owners.uncovered([...paths, "registry.k8s.io/manifests/x"], ["root"])).toEqual([
      ...paths,
      "registry.k8s.io/manifests/x",
    ]);
  });

  it("keep names of groups that cannot be read for names", async () => {
    const files = { ...tree, OWNERS_ALIASES: "aliases: {foo-team: alice}\n" };
    const owners = await readOwners(filesOf(files), [images]);
    expect(owners.ownersOf([images])[0]?.approvers).toEqual(["foo-team", "root"]);
    expect(owners.diagnostics).toMatchObject([{ file: "OWNERS_ALIASES", at: { line: 1, column: 21 } }]);
  });
});

describe("any folders with OWNERS files", () => {
  const folder = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 4 }).map((names) => names.join("/"));
  const people = fc.uniqueArray(fc.constantFrom("u", "v", "w", "x"), { maxLength: 2 });
  const owners = fc.record({ approvers: people, isLast: fc.boolean() });
  const folders = fc.uniqueArray(fc.tuple(folder, owners), { selector: ([name]) => name, maxLength: 8 });

  type Folders = readonly (readonly [string, { approvers: readonly string[]; isLast: boolean }])[];

  /** Who may approve what is in a folder: what is above a file that is the last one counts only while nobody is found. */
  function expected(all: Folders, path: string): Set<string> {
    const names = path === "" ? [] : path.split("/");
    const onTheWay = Array.from({ length: names.length + 1 }, (_, up) => {
      const folder = names.slice(0, names.length - up).join("/");
      return all.find(([name]) => name === folder)?.[1] ?? { approvers: [], isLast: false };
    });
    const last = onTheWay.findIndex(
      ({ isLast }, at) => isLast && onTheWay.slice(0, at + 1).some(({ approvers }) => approvers.length > 0),
    );
    const counting = last < 0 ? onTheWay : onTheWay.slice(0, last + 1);
    return new Set(counting.flatMap(({ approvers }) => approvers));
  }

  it("own what is below by the files on the way, as far as none cuts the others off", async () => {
    await fc.assert(
      fc.asyncProperty(folders, folder, async (all, path) => {
        const files = all.map(([name, { approvers, isLast }]) => [
          name === "" ? "OWNERS" : `${name}/OWNERS`,
          `approvers: [${approvers.join(", ")}]\noptions: { no_parent_owners: ${isLast} }\n`,
        ]);
        const file = path === "" ? "file" : `${path}/file`;
        const found = await ownersOf(Object.fromEntries(files), file);
        expect(found.approvers).toEqual([...expected(all, path)].sort());
      }),
      { numRuns: 300 },
    );
  });
});

describe("the files of a repository", () => {
  const test = testWith("git");
  let place: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeEach(async () => {
    place = await temporaryFolder("owners");
  });
  afterEach(() => place.remove());

  test("are read from a commit, and from a folder without following links", async () => {
    const repository = await createRepository(join(place.path, "repository"));
    for (const [name, text] of Object.entries(tree)) {
      await mkdir(dirname(join(repository.path, name)), { recursive: true });
      await writeFile(join(repository.path, name), text);
    }
    await repository.commit();
    const git = await openGitRepository(repository.path, gitEnvironment);
    const commit = git.filesAt(await git.commitOf("HEAD"));
    try {
      const committed = await readOwners(commit, [images]);
      const onDisk = await readOwners(ownersFolder(repository.path), [images]);
      expect(committed.ownersOf([images])[0]?.approvers).toEqual(["alice", "bob", "root"]);
      expect(onDisk.ownersOf([images])).toEqual(committed.ownersOf([images]));
    } finally {
      commit.close();
    }
    await mkdir(join(place.path, "outside"));
    await writeFile(join(place.path, "outside/OWNERS"), "approvers: [mallory]\n");
    await symlink(join(place.path, "outside"), join(repository.path, "linked"));
    await mkdir(join(repository.path, "own"));
    await symlink(join(place.path, "outside/OWNERS"), join(repository.path, "own/OWNERS"));
    const linked = await readOwners(ownersFolder(repository.path), ["linked/x", "own/x"]);
    expect(linked.ownersOf(["linked/x", "own/x"]).map(({ approvers }) => approvers)).toEqual([
      ["root"],
      ["root"],
    ]);
  });

  it("on a disk are read of files alone: neither a pipe nor a folder is waited for or read", async () => {
    const root = ownersFolder(place.path);
    await mkdir(join(place.path, "folder"));
    spawnSync("mkfifo", [join(place.path, "OWNERS")]);
    await writeFile(join(place.path, "large"), "12345");
    expect(await root.read("OWNERS", 10)).toBe("folder");
    expect(await root.read("folder", 10)).toBe("folder");
    expect(await root.read("large", 4)).toBe("too-large");
    expect(await root.read("nowhere", 4)).toBe("missing");
  });
});

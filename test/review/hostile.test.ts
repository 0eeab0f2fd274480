import { execFileSync } from "node:child_process";
import { mkdir, open, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import {
  formatReviewMarkdown,
  type Review,
  reviewChange,
  reviewToSarif,
  withOwners,
} from "../../src/review/index.ts";
import { runWith } from "../cli/captured.ts";
import { digestFor } from "../promotion/world.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;
let tree: string;
let base: string;

beforeEach(async () => {
  folder = await temporaryFolder("hostile");
  repository = await createRepository(join(folder.path, "repository"));
  tree = join(repository.path, "tree");
  await writeTree(tree, [
    {
      name: "foo",
      source: "staging.example/foo",
      destinations: ["production.example/foo"],
      images: { app: { [digestFor("one")]: ["v1.0.0"] } },
    },
  ]);
  base = await repository.commit();
});

afterEach(() => folder.remove());

const images = (): string => join(tree, "images/foo/images.yaml");
const review = (head?: string): Promise<Review> =>
  reviewChange({ path: tree, base, environment: gitEnvironment, ...(head === undefined ? {} : { head }) });

/** All texts that a review is shown in. */
const shown = (found: Review): string =>
  [JSON.stringify(found), formatReviewMarkdown(found), JSON.stringify(reviewToSarif(found))].join("\n");

describe("a change that means harm", () => {
  test("reads nothing through links that lead out of the repository, on disk or in a commit", async () => {
    const secret = join(folder.path, "secret");
    await writeFile(secret, "- hunter2: {auth: hunter2}\n");
    for (const target of [secret, "../../../../secret", "/etc/passwd", "../../../.git/config"]) {
      await rm(images());
      await symlink(target, images());
      const onDisk = await review();
      expect(onDisk.findings).toMatchObject([
        { severity: "fails", code: "unreadable-file" },
        ...(onDisk.findings.length > 1 ? [{}] : []),
      ]);
      expect(onDisk.findings[0]?.message).toContain("leads out of the repository");
      const head = await repository.commit();
      const committed = await review(head);
      expect(committed.verdict).toBe("fails");
      for (const found of [onDisk, committed])
        expect(shown(found)).not.toMatch(/hunter2|root:|repositoryformatversion/);
    }
  });

  test("reads no folder that is a link out of the repository", async () => {
    const outside = join(folder.path, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "images.yaml"), "- hunter2: hunter2\n");
    await rm(join(tree, "images/foo"), { recursive: true });
    await symlink(outside, join(tree, "images/foo"));
    const found = await review();
    expect(found.verdict).toBe("fails");
    expect(shown(found)).not.toContain("hunter2");
  });

  test("gains nothing by entries of a tree that are called .. or .git", async () => {
    const git = (input: string | Buffer, ...words: string[]): string =>
      execFileSync("git", ["-C", repository.path, ...words], { input, env: gitEnvironment })
        .toString()
        .trim();
    const blob = git("registries: [", "hash-object", "-w", "--stdin");
    const entry = (mode: string, name: string, hash: string): Buffer =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(hash, "hex")]);
    const treeOf = (...entries: Buffer[]): string =>
      git(Buffer.concat(entries), "hash-object", "-w", "-t", "tree", "--literally", "--stdin");
    const project = treeOf(entry("100644", "promoter-manifest.yaml", blob));
    const manifests = treeOf(entry("40000", "..", project), entry("40000", ".git", project));
    const top = treeOf(
      entry(
        "40000",
        "tree",
        treeOf(entry("40000", "images", treeOf()), entry("40000", "manifests", manifests)),
      ),
    );
    const head = git("", "commit-tree", top, "-m", "x");
    const found = await review(head);
    expect(found.verdict).toBe("fails");
    expect(JSON.stringify(found.findings)).not.toContain("hunter2");
  });

  test("is refused by size before it is read", async () => {
    const file = await open(images(), "w");
    await file.truncate(200 * 1024 * 1024);
    await file.close();
    const onDisk = await review();
    expect(onDisk.findings).toMatchObject([
      { severity: "fails", code: "file-too-large", message: "it is larger than 8 MiB" },
    ]);
    const head = await repository.commit();
    expect((await review(head)).findings).toMatchObject([{ severity: "fails", code: "file-too-large" }]);
  });

  test("with the marks of a merge in a file is told so", async () => {
    const text = await readFile(images(), "utf8");
    await writeFile(
      images(),
      `<<<<<<< HEAD\n${text}=======\n${text.replace("v1.0.0", "v1.1.0")}>>>>>>> feature\n`,
    );
    const found = await review();
    expect(found.findings).toMatchObject([
      { severity: "fails", code: "yaml-syntax", at: { line: 1, column: 1 } },
    ]);
    expect(found.findings[0]?.message).toBe("not YAML: a merge left the marks of a conflict in it");
  });

  test("has no live Markdown, HTML, mention or control character in the comment", async () => {
    const name = "@all <img src=x onerror=alert(1)> `x` | [a](http://x.example) \u202e\u001b[31m";
    const project = "a`b|c@all<!-- x --> -->";
    await mkdir(join(tree, "manifests", project), { recursive: true });
    await mkdir(join(tree, "images", project), { recursive: true });
    await writeFile(
      join(tree, "manifests", project, "promoter-manifest.yaml"),
      "registries:\n- name: staging.example/x\n  src: true\n- name: production.example/x\n",
    );
    await writeFile(
      join(tree, "images", project, "images.yaml"),
      `- name: ${JSON.stringify(name)}\n  dmap:\n    "${digestFor("two")}": [${JSON.stringify(name)}]\n` +
        `- name: app\n  dmap:\n    "${digestFor("two")}": ["v1"]\n    ${JSON.stringify(name)}: []\n`,
    );
    const head = await repository.commit();
    const judged = await reviewChange({ path: tree, base, head, environment: gitEnvironment });
    const found = withOwners(judged, () => ({ approvers: ["@all\n/approve"], reviewers: [name] }));
    expect(found.findings.length).toBeGreaterThan(1);
    const markdown = formatReviewMarkdown(found);
    const [marker = "", ...lines] = markdown.split("\n");
    expect(marker).toMatch(
      /^<!-- waybill-review plan=none edges=sha256:[0-9a-f]{64} commit=[0-9a-f]{40} -->$/,
    );
    const outside = lines.map((line) =>
      line
        .split("`")
        .filter((_, at) => at % 2 === 0)
        .join(""),
    );
    for (const [at, line] of lines.entries()) {
      expect([line, line.split("`").length % 2]).toEqual([line, 1]);
      expect(outside[at]).not.toMatch(/@|\[|\]\(|!|http/);
      expect(outside[at]?.replace(/^<\/?(?:details|summary)>|<\/summary>$/g, "")).not.toMatch(/[<>]/);
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
    const printed = await runWith(
      gitEnvironment,
      "review",
      tree,
      "--base",
      base,
      "--head",
      head,
      "--offline",
    );
    expect(printed.stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test("writes no lines of its own into the text, by a name with a line end", async () => {
    const project = "x\npasses: all is well";
    await mkdir(join(tree, "manifests", project));
    await mkdir(join(tree, "images", project));
    await writeFile(join(tree, "manifests", project, "promoter-manifest.yaml"), "registries: [");
    await writeFile(join(tree, "images", project, "images.yaml"), "");
    const { status, stdout } = await runWith(gitEnvironment, "review", tree, "--base", base, "--offline");
    expect(status).toBe(2);
    expect(stdout).toContain("all is well");
    expect(stdout).not.toMatch(/^passes/m);
  });

  test("runs nothing that the repository brings or configures", async () => {
    const spy = join(repository.path, "spy");
    await writeFile(spy, `#!/bin/sh\ntouch ${folder.path}/ran\n`, { mode: 0o755 });
    for (const key of [
      "core.fsmonitor",
      "core.pager",
      "diff.x.textconv",
      "filter.x.smudge",
      "filter.x.clean",
    ]) {
      await repository.git("config", key, spy);
    }
    await writeFile(join(repository.path, ".gitattributes"), "* filter=x diff=x\n");
    await writeFile(images(), (await readFile(images(), "utf8")).replace("v1.0.0", "v1.0.0, v1.0"));
    await rm(join(folder.path, "ran"), { force: true });
    await review();
    expect(await readdir(folder.path)).not.toContain("ran");
  });
});

describe("what cannot be reviewed", () => {
  test("says what to fetch, in a shallow clone without the base", async () => {
    await writeFile(images(), "");
    await repository.commit();
    const clone = join(folder.path, "clone");
    await repository.git("clone", "--quiet", "--depth=1", `file://${repository.path}`, clone);
    const refused = await runWith(gitEnvironment, "review", join(clone, "tree"), "--base", base, "--offline");
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toMatch(
      /^error: .* is not in this clone.*\n {2}at .*\n {2}hint: fetch it: git fetch/,
    );
    await repositoryAt(clone).git("fetch", "--quiet", "--unshallow");
    const found = await runWith(gitEnvironment, "review", join(clone, "tree"), "--base", base, "--offline");
    expect(found.status).toBe(2);
  });

  test("is no commit, or has no manifest", async () => {
    for (const revision of ["--output=ran", "nowhere", "", "HEAD..HEAD"]) {
      const refused = await runWith(gitEnvironment, "review", tree, `--base=${revision}`, "--offline");
      expect(refused).toMatchObject({ status: 1, stdout: "" });
    }
    const elsewhere = await runWith(
      gitEnvironment,
      "review",
      join(repository.path, "../repository/else/where"),
      "--base=HEAD",
      "--json",
    );
    expect(JSON.parse(elsewhere.stdout)).toMatchObject({ error: { code: "no-manifest" } });
    expect((await runWith(gitEnvironment, "review", tree)).stderr).toContain(
      "nobody says what the change is made to",
    );
  });
});

import { appendFile, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries, type Registries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";
import { type Captured, runAs, runWith } from "./captured.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: RegistryServer;
let production: RegistryServer;
let registries: Registries;
let one: string;
let two: string;
let worlds = 0;

/** What each test has anew: a repository with a tree below its top, whose first state was promoted. */
let repository: TestRepository;
let path: string;
let prefix: string;
let first: string;

beforeAll(async () => {
  folder = await temporaryFolder("since");
  staging = await startRegistryServer({ dir: join(folder.path, "staging") });
  production = await startRegistryServer({ dir: join(folder.path, "production") });
  registries = openRegistries({ environment: { HOME: folder.path } });
  one = digestOf(await push("1.0"));
  two = digestOf(await push("2.0"));
});

afterAll(async () => {
  await registries.close();
  await Promise.all([staging.close(), production.close()]);
  await folder.remove();
});

beforeEach(async () => {
  worlds += 1;
  prefix = `${production.address}/w${worlds}`;
  repository = await createRepository(join(folder.path, `repository-${worlds}`));
  path = join(repository.path, "infra/tree");
  await write({ app: { [one]: ["1.0"] } });
  first = await repository.commit("first");
});

async function push(version: string): Promise<DemoImage> {
  const image = await buildImage("app", version);
  const target = registries.repository(parseRepository(`${staging.address}/foo/app`));
  await pushImage(image, target, [parseTag(version)]);
  return image;
}

const digestOf = ({ root }: DemoImage): string => root.descriptor.digest;

const write = (images: Project["images"], places: readonly string[] = ["eu", "us"]): Promise<void> =>
  writeTree(path, [
    {
      name: "foo",
      source: `${staging.address}/foo`,
      destinations: places.map((place) => `${prefix}/${place}`),
      images,
    },
  ]);

const waybill = (...argv: string[]): Promise<Captured> =>
  runWith({ ...gitEnvironment, HOME: folder.path }, ...argv);

const short = (commit: string): string => commit.slice(0, 12);

describe("--since", () => {
  test("plans what was added, and says what was left out", async () => {
    await write({ app: { [one]: ["1.0"], [two]: ["2.0"] } });
    const { status, stdout } = await waybill("plan", path, "--since", "HEAD");
    expect(status).toBe(0);
    expect(stdout).toContain(`copy    ${prefix}/eu/app:2.0 and 1 more`);
    expect(stdout).not.toContain("app:1.0");
    expect(stdout).toMatch(
      new RegExp(
        `\n2 to do\nlimited to what changed since ${short(first)}: 2 other edges not looked at\nnothing was written`,
      ),
    );
    const report = await waybill("promote", path, "--since", first, "--confirm", "--json");
    expect(JSON.parse(report.stdout)).toMatchObject({
      format: "waybill-report/1",
      counts: { done: 2, present: 0 },
      since: { commit: first, unchanged: 2, removed: 0, unreadable: [] },
    });
  });

  test("plans a tag that moved, and a new destination", async () => {
    expect((await waybill("promote", path, "--confirm")).status).toBe(0);
    await write({ app: { [two]: ["1.0"] } }, ["eu", "us"]);
    const moved = await waybill("plan", path, "--since", "HEAD");
    expect(moved.status).toBe(2);
    expect(moved.stdout).toContain(`conflict ${prefix}/eu/app:1.0 and 1 more`);

    await write({ app: { [one]: ["1.0"] } }, ["eu", "us", "asia"]);
    const wider = await waybill("plan", path, "--since", "HEAD");
    expect(wider).toMatchObject({ status: 0, stdout: expect.stringContaining("\n1 to do\n") });
    expect(wider.stdout).toContain(`copy    ${prefix}/asia/app:1.0  sha256`);
  });

  test("asks for nothing when only the form changed, a project's name, or lines were removed", async () => {
    const images = join(path, "images/foo/images.yaml");
    const text = await readFile(images, "utf8");
    await writeFile(images, `# reviewed\r\n${text.replaceAll("\n", "\r\n").replaceAll('"', "")}`);
    await rename(join(path, "manifests/foo"), join(path, "manifests/bar"));
    await rename(join(path, "images/foo"), join(path, "images/bar"));
    const same = await waybill("plan", path, "--since", "HEAD");
    expect(same).toMatchObject({
      status: 0,
      stdout: `nothing more is asked for\nlimited to what changed since ${short(first)}: 2 other edges not looked at\n`,
    });
    expect(same.stderr).not.toContain("request");

    await writeFile(join(path, "images/bar/images.yaml"), "");
    expect((await waybill("plan", path, "--since", "HEAD")).stdout).toBe(
      [
        "nothing more is asked for",
        `limited to what changed since ${short(first)}`,
        "2 edges not asked for any more: production keeps what is there",
        "",
      ].join("\n"),
    );
  });

  test("counts all of a project that could not be read then", async () => {
    await writeFile(join(path, "manifests/foo/promoter-manifest.yaml"), "[");
    const broken = await repository.commit("broken");
    await write({ app: { [one]: ["1.0"] } });
    const { stdout } = await waybill("plan", path, "--since", "HEAD");
    expect(stdout).toContain("\n2 to do\n");
    expect(stdout).toContain(`foo could not be read at ${short(broken)}: all of it counts as changed\n`);
  });

  test("is not judged by what another project had wrong before, which counts when everything is looked at", async () => {
    await writeTree(path, [
      { name: "old", source: `${staging.address}/old`, destinations: [`${prefix}/eu`], images: {} },
    ]);
    await writeFile(join(path, "images/old/images.yaml"), "- name: gone\n  dmap:\n");
    await repository.commit("an error");
    await write({ app: { [one]: ["1.0", "stable"] } });
    const limited = await waybill("promote", path, "--since", "HEAD", "--confirm", "--strict");
    expect(limited).toMatchObject({ status: 0, stdout: expect.stringContaining("\n2 done\n") });
    expect(limited.stdout).toContain(
      "\n1 error in the manifests was there before: it counts when everything is looked at\n",
    );
    expect((await waybill("wait", path, "--since", "HEAD", "--timeout", "0s")).status).toBe(0);
    const cip = ["--use-prow-manifest-diff", `--thin-manifest-dir=${path}`];
    await repository.commit("a change");
    const job = { ...gitEnvironment, HOME: folder.path, JOB_TYPE: "postsubmit" };
    expect((await runAs(job, "cip", ...cip)).status).toBe(0);
    const all = await waybill("promote", path);
    expect(all).toMatchObject({ status: 2, stdout: expect.stringContaining("1 error in the manifests\n") });
    expect(all.stdout).not.toContain("there before");
  });

  test("is judged by an error that came since, and by a file it edits that nobody can read", async () => {
    const images = join(path, "images/foo/images.yaml");
    await writeFile(images, "- name: app\n  dmap:\n");
    const introduced = await waybill("plan", path, "--since", "HEAD");
    expect(introduced).toMatchObject({ status: 2 });
    expect(introduced.stdout).toContain("1 error in the manifests\n");
    await writeTree(path, [
      { name: "bar", source: `${staging.address}/bar`, destinations: [`${prefix}/eu`], images: {} },
    ]);
    await writeFile(images, "[");
    await repository.commit("broken");
    expect((await waybill("plan", path, "--since", "HEAD")).status).toBe(0);
    await writeFile(images, "[ # more is asked for here");
    expect((await waybill("plan", path, "--since", "HEAD")).status).toBe(2);
  });

  test("takes the commit at which a branch was left", async () => {
    await repository.git("checkout", "--quiet", "-b", "feature");
    await write({ app: { [one]: ["1.0", "1.0.0"] } });
    await repository.commit("feature");
    await repository.git("checkout", "--quiet", "main");
    await write({ app: { [one]: ["1.0", "stable"] } });
    await repository.commit("main");
    await repository.git("checkout", "--quiet", "feature");
    const { stdout } = await waybill("plan", path, "--since", "main...", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      summary: { copy: 2 },
      since: { commit: first, unchanged: 2, removed: 0 },
    });
  });

  test("refuses what is no commit, and runs nothing for it", async () => {
    for (const revision of ["--output=ran", "-x", "main..HEAD", "nowhere", ""]) {
      const refused = await waybill("plan", path, `--since=${revision}`);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toMatch(/^error: .*\n {2}at .*\n {2}hint: /);
    }
    expect((await waybill("plan", path, "--since", "mian")).stderr).toContain("hint: did you mean main?\n");
    expect((await waybill("plan", path, "--since", "main", "--changed")).status).toBe(1);
    expect(await repository.git("status", "--porcelain")).toBe("");
  });

  test("says what to fetch in a shallow clone, and that there is no repository", async () => {
    await write({ app: { [one]: ["1.0"], [two]: ["2.0"] } });
    await repository.commit("second");
    const clone = join(folder.path, `clone-${worlds}`);
    await repository.git("clone", "--quiet", "--depth=1", `file://${repository.path}`, clone);
    const tree = join(clone, "infra/tree");
    for (const option of ["--changed", `--since=${first}`, "--since=HEAD~1"]) {
      const refused = await waybill("plan", tree, option, "--json");
      expect(refused.status).toBe(1);
      expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "shallow-clone" } });
    }
    await repositoryAt(clone).git("fetch", "--quiet", "--deepen=1");
    expect((await waybill("plan", tree, "--changed")).stdout).toContain("\n2 to do\n");
    await rm(join(clone, ".git"), { recursive: true });
    expect((await waybill("plan", tree, "--changed")).stderr).toContain("is in no Git repository");
  });
});

describe("--changed", () => {
  test("is what the last commit changed, or what is not committed", async () => {
    await write({ app: { [one]: ["1.0"], [two]: ["2.0"] } });
    const second = await repository.commit("second");
    await appendFile(join(path, "images/foo/images.yaml"), "# a comment\n");
    const committed = JSON.parse((await waybill("plan", path, "--changed", "--json")).stdout);
    expect(committed).toMatchObject({ summary: { copy: 2 }, since: { commit: first } });
    await write({ app: { [one]: ["1.0", "1.0.1"], [two]: ["2.0"] } });
    const dirty = JSON.parse((await waybill("plan", path, "--changed", "--json")).stdout);
    expect(dirty).toMatchObject({ summary: { copy: 2 }, since: { commit: second } });
    expect(dirty.edgesHash).not.toBe(committed.edgesHash);
  });

  test("is what a merge brought in", async () => {
    await repository.git("checkout", "--quiet", "-b", "feature");
    await write({ app: { [one]: ["1.0"], [two]: ["2.0"] } });
    await repository.commit("one of two");
    await write({ app: { [one]: ["1.0"], [two]: ["2.0", "2.0.0"] } });
    await repository.commit("two of two");
    await repository.git("checkout", "--quiet", "main");
    await repository.git("merge", "--quiet", "--no-ff", "--message=merge", "feature");
    const { stdout } = await waybill("promote", path, "--changed", "--confirm", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ counts: { done: 4 }, since: { commit: first } });
  });

  test("is everything at the first commit", async () => {
    const { stdout, stderr } = await waybill("plan", path, "--changed");
    expect(stderr).toContain("HEAD is the first commit: everything is new\n");
    expect(stdout).toContain("\n2 to do\nnothing was written");
  });
});

describe("a saved plan that is limited", () => {
  test("is applied to the same change, also once it is merged", async () => {
    const file = join(folder.path, `plan-${worlds}.json`);
    await repository.git("checkout", "--quiet", "-b", "feature");
    await write({ app: { [one]: ["1.0"], [two]: ["2.0"] } });
    await repository.commit("feature");
    expect((await waybill("plan", path, "--since", "main", "--out", file)).status).toBe(0);

    await repository.git("checkout", "--quiet", "main");
    await repository.commit("something else");
    await repository.git("merge", "--quiet", "--no-ff", "--message=merge", "feature");
    const whole = await waybill("promote", path, "--confirm", "--plan", file);
    expect(whole).toMatchObject({ status: 1, stdout: "" });
    expect(whole.stderr).toContain(`error: the saved plan is of what changed since ${first}`);
    expect(whole.stderr).toContain(`hint: say --base ${first}, as when it was made\n`);

    const applied = await waybill("promote", path, "--confirm", "--plan", file, "--changed", "--json");
    expect(applied.status).toBe(0);
    expect(JSON.parse(applied.stdout)).toMatchObject({ counts: { done: 2, withheld: 0 } });
  });

  test("is refused when the change is another one", async () => {
    const file = join(folder.path, `plan-${worlds}.json`);
    await write({ app: { [one]: ["1.0"], [two]: ["2.0"] } });
    await waybill("plan", path, "--since", "HEAD", "--out", file);
    await write({ app: { [one]: ["1.0"], [two]: ["2.1"] } });
    const refused = await waybill("promote", path, "--since", "HEAD", "--plan", file, "--confirm");
    expect(refused.stderr).toContain("error: the manifests' edges have changed since the plan was saved");
  });
});

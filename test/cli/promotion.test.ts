import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries, type Registries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";
import { type Captured, runWith } from "./captured.ts";

const lost = `sha256:${"0".repeat(64)}`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: RegistryServer;
let production: RegistryServer;
let registries: Registries;
let one: DemoImage;
let two: DemoImage;
let trees = 0;

beforeAll(async () => {
  folder = await temporaryFolder("promotion");
  staging = await startRegistryServer({ dir: join(folder.path, "staging") });
  production = await startRegistryServer({ dir: join(folder.path, "production") });
  registries = openRegistries({ environment: { HOME: folder.path } });
  one = await push("app", "1.0");
  two = await push("app", "2.0");
});

afterAll(async () => {
  await registries.close();
  await Promise.all([staging.close(), production.close()]);
  await folder.remove();
});

async function push(name: string, version: string): Promise<DemoImage> {
  const image = await buildImage(name, version);
  const repository = registries.repository(parseRepository(`${staging.address}/foo/${name}`));
  await pushImage(image, repository, [parseTag(version)]);
  return image;
}

/** A tree that asks for the tags in two production repositories of its own, and the prefix they have in common. */
async function tree(images: Project["images"]): Promise<{ path: string; prefix: string }> {
  trees += 1;
  const path = join(folder.path, `tree-${trees}`);
  const prefix = `${production.address}/p${trees}`;
  const destinations = [`${prefix}/eu`, `${prefix}/us`];
  await writeTree(path, [{ name: "foo", source: `${staging.address}/foo`, destinations, images }]);
  return { path, prefix };
}

/** A command line without the settings and credentials of whoever runs the tests. */
function waybill(...argv: string[]): Promise<Captured> {
  return runWith({ HOME: folder.path }, ...argv);
}

const digestOf = ({ root }: DemoImage): string => root.descriptor.digest;

describe("plan and promote", () => {
  it("say what they would do, do it, and find it done", async () => {
    const { path, prefix } = await tree({ app: { [digestOf(one)]: ["1.0", "latest"], [digestOf(two)]: [] } });

    const planned = await waybill("plan", path);
    expect(planned.status).toBe(0);
    expect(planned.stdout).toContain(`copy    ${prefix}/eu/app:1.0 and 1 more`);
    expect(planned.stdout).toContain("6 to do\nnothing was written");
    expect(planned.stdout).toContain(`this does it: waybill promote ${path} --confirm\n`);
    expect((await waybill("plan", path, "--exit-code")).status).toBe(5);
    const whole = (await waybill("plan", path, "--verbose")).stdout;
    for (const mirror of ["eu", "us"]) expect(whole).toContain(`copy    ${prefix}/${mirror}/app:1.0  `);

    const unkept = await waybill("plan", path, "--out", "/dev/null");
    expect(unkept.stdout).toBe(planned.stdout);

    const dry = await waybill("promote", path);
    expect(dry).toMatchObject({ status: 0, stdout: planned.stdout });
    expect(
      await registries.repository(parseRepository(`${prefix}/eu/app`)).resolve(parseTag("1.0")),
    ).toBeUndefined();

    const real = await waybill("promote", path, "--confirm");
    expect(real.status).toBe(0);
    expect(real.stdout).toContain(`copied  ${prefix}/eu/app:1.0 and 1 more`);
    expect(real.stdout).not.toMatch(/^(?:copy|tag) /m);
    expect(real.stdout).toMatch(/\n6 done\n$/);
    expect(real.stderr).toContain(`done ${prefix}/us/app:latest\n`);
    expect(real.stderr).toMatch(/\d+ requests \(.*manifest-put/);

    const again = await waybill("promote", path, "--confirm");
    expect(again).toMatchObject({ status: 0, stdout: "6 already there\n" });
    expect((await waybill("plan", path, "--exit-code")).status).toBe(0);
    expect(again.stderr).not.toContain("put");

    const verified = await waybill("verify", path);
    expect(verified).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^all as listed \(2 repositories, 4 images, 4 tags, \d+ blobs\)\n$/),
    });
  });

  it("say which file of policies holds", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const file = join(path, "policy.yaml");
    for (const [demand, said] of [
      ["sbom: {}", "hold"],
      ["sbom: { by: anyone }", "have errors: no image passes until these are mended"],
    ]) {
      await writeFile(file, `rules: [{ name: some, mode: warn, ${demand} }]\n`);
      for (const verb of ["plan", "promote"])
        expect((await waybill(verb, path)).stderr).toContain(`policies of ${file} ${said}\n`);
    }
  });

  it("name the line that does it with the settings that were given", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const settings = join(folder.path, "named.yaml");
    await writeFile(settings, "hosts: {}\n");
    for (const verb of ["plan", "promote"])
      expect((await waybill(verb, path, "--config", settings)).stdout).toContain(
        `this does it: waybill promote ${path} --config ${settings} --confirm\n`,
      );
  });

  it("stop a conflict and a lost image, do the rest, and end with 2", async () => {
    const { path, prefix } = await tree({
      app: { [digestOf(one)]: ["1.0"], [digestOf(two)]: ["2.0"], [lost]: ["0.9"] },
    });
    const eu = registries.repository(parseRepository(`${prefix}/eu/app`));
    await pushImage(two, eu, [parseTag("1.0")]);
    const files = { report: join(folder.path, "report.json"), junit: join(folder.path, "report.xml") };

    const { status, stdout } = await waybill(
      ...["promote", path, "--confirm", "--report", files.report, "--junit", files.junit],
    );
    expect(status).toBe(2);
    expect(stdout).toMatch(
      new RegExp(`conflict ${prefix}/eu/app:1.0\n {4}${path}/images/foo/images.yaml:\\d+:\\d+: `),
    );
    expect(stdout).toContain(`lost ${prefix}/eu/app:0.9 and 1 more\n`);
    expect(stdout).toMatch(/\n3 done, 1 in conflict, 2 lost\n$/);
    expect((await eu.resolve(parseTag("1.0")))?.digest).toBe(digestOf(two));
    expect(JSON.parse(await readFile(files.report, "utf8"))).toMatchObject({
      format: "waybill-report/1",
      asDesired: false,
      counts: { done: 3, conflict: 1, lost: 2 },
    });
    expect(await readFile(files.junit, "utf8")).toMatch(/<testsuites name="waybill" tests="6" failures="3"/);

    const verified = await waybill("verify", path);
    expect(verified.status).toBe(2);
    expect(verified.stdout).toContain(`tag-elsewhere ${prefix}/eu/app:1.0\n`);
  });

  it("are verified byte by byte, or in a part that can be chosen again", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    await waybill("promote", path, "--confirm");
    const deep = await waybill("verify", path, "--deep", "--rate", "1GiB");
    expect(deep.status).toBe(0);
    expect(deep.stdout).toMatch(
      /\nblobs: \d+ read as a whole \([^)]+B\), of 0 the first byte, 0 only asked for\n$/,
    );
    const sampled = await waybill("verify", path, "--sample", "40");
    const [, again = ""] = /--sample (40%@\d{4}-\d{2}-\d{2})\n$/.exec(sampled.stdout) ?? [];
    expect((await waybill("verify", path, "--sample", again)).stdout).toBe(sampled.stdout);
    const report = JSON.parse((await waybill("verify", path, "--json", "--sample", "40%@x")).stdout);
    expect(report).toMatchObject({ sample: { percent: 40, seed: "x" }, findings: [] });
    for (const wrong of [
      ["--sample", "0"],
      ["--sample", "101%"],
      ["--sample", "many"],
      ["--rate", "1MiB"],
      ["--deep", "--rate", "fast"],
      ["--deep", "--rate", "1"],
      ["--deep", "--sample", "5%"],
    ]) {
      expect((await waybill("verify", path, ...wrong)).status, wrong.join(" ")).toBe(1);
    }
  });

  it("do nothing at all with --strict when anything is wrong", async () => {
    const { path, prefix } = await tree({ app: { [digestOf(one)]: ["1.0"], [lost]: ["0.9"] } });
    const { status, stdout } = await waybill("promote", path, "--confirm", "--strict");
    expect(status).toBe(1);
    expect(stdout).toContain("nothing was written: --strict");
    expect(await registries.repository(parseRepository(`${prefix}/eu/app`)).list()).toBeUndefined();
  });

  it.runIf(existsSync("/dev/shm"))("name a plan that is saved in memory, which is no device", async () => {
    const memory = await mkdtemp("/dev/shm/waybill-");
    try {
      const { path } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
      const file = join(memory, "plan.json");
      const { stdout } = await waybill("plan", path, "--out", file, "--quiet");
      expect(stdout).toContain(`--plan ${file} --confirm\n`);
    } finally {
      await rm(memory, { recursive: true });
    }
  });

  it("do what a saved plan holds, and refuse it when the manifests ask for something else", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const saves = join(folder.path, "saves");
    await mkdir(saves);
    const file = join(saves, "plan.json");
    const planned = await waybill("plan", path, "--out", file, "--quiet");
    expect(planned).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`--plan ${file} --confirm\n`),
    });
    expect(await readdir(saves)).toEqual(["plan.json"]);

    const other = await tree({ app: { [digestOf(two)]: ["2.0"] } });
    const refused = await waybill("promote", other.path, "--confirm", "--plan", file);
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("error: the manifests' edges have changed since the plan was saved");

    const done = await waybill("promote", path, "--confirm", "--plan", file, "--json");
    expect(done.status).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ counts: { done: 2 } });

    const elsewhere = await waybill("promote", "--confirm", "--plan", file);
    expect(elsewhere.stderr).toContain(`no other is named: waybill promote TREE --confirm --plan ${file}\n`);

    await writeFile(file, "{}");
    const unreadable = await waybill("promote", path, "--confirm", "--plan", file);
    expect(unreadable.stderr).toMatch(/^error: not a saved plan: .*\n {2}at .*plan\.json\n {2}hint: /);
    const missing = await waybill("promote", path, "--confirm", "--plan", `${file}.old`);
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining("there is no such file") });
  });

  it("print the plan as JSON, and nothing else, on standard output", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const { stdout } = await waybill("plan", path, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ format: "waybill-plan/2", summary: { copy: 2 } });
  });

  it("say that there is no manifest, with nothing on standard output", async () => {
    const { status, stdout, stderr } = await waybill("promote", join(folder.path, "nowhere"), "--confirm");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("error: there is no manifest that can be read\n");
  });

  it("show errors in the manifests, go on with the rest, and end with 2", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0"], "sha256:123": ["bad"] } });
    const { status, stdout, stderr } = await waybill("promote", path, "--confirm");
    expect(status).toBe(2);
    expect(stderr).toMatch(/images\.yaml:\d+:\d+: error: invalid digest/);
    expect(stdout).toMatch(/2 done, 1 error in the manifests\n$/);
  });

  it("write a row for every edge with --verbose", async () => {
    const { path, prefix } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const { stdout } = await waybill("plan", path, "--verbose");
    expect(stdout).toContain(`copy    ${prefix}/eu/app:1.0`);
    expect(stdout).toContain(`copy    ${prefix}/us/app:1.0`);
  });

  it("find out that a report cannot be written before anything is done", async () => {
    const { path, prefix } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const file = join(folder.path, "no", "report.json");
    const { status, stderr } = await waybill("promote", path, "--confirm", "--report", file);
    expect(status).toBe(1);
    expect(await registries.repository(parseRepository(`${prefix}/eu/app`)).list()).toBeUndefined();
    expect(stderr).toContain(`  at ${file}\n`);
  });
});

describe("merge", () => {
  const line = (path: string): string[] => [
    "merge",
    "--base-dir",
    path,
    "--staging-repo",
    `${staging.address}/foo`,
  ];

  it("shows what it would add, adds it, and has nothing more to add", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const file = join(path, "images/foo/images.yaml");
    const before = await readFile(file, "utf8");
    const dry = await waybill(...line(path), "--tag", "2.*", "--dry-run");
    expect(dry).toMatchObject({ status: 0, stderr: expect.stringContaining("1 to add, 0 already there\n") });
    expect(dry.stdout).toContain(`+    "${digestOf(two)}": ["2.0"]\n`);
    expect(await readFile(file, "utf8")).toBe(before);

    const real = await waybill(
      ...line(path),
      "--image",
      "app",
      "--digest",
      digestOf(one),
      "--digest",
      digestOf(two),
    );
    expect(real.stdout).toBe(`${file}:4: added app@${digestOf(two)} as 2.0\n`);
    expect(await readFile(file, "utf8")).toBe(`${before}    "${digestOf(two)}": ["2.0"]\n`);
    expect(await waybill(...line(path))).toMatchObject({ status: 0, stdout: "" });
  });

  it("writes the list anew in the forms of the incumbents", async () => {
    const { path } = await tree({ app: { [digestOf(one)]: ["1.0", "0.9"] } });
    const canonical = await waybill(
      ...line(path),
      "--tag",
      "1.0",
      "--tag",
      "2.0",
      "--format",
      "canonical",
      "--json",
    );
    expect(JSON.parse(canonical.stdout)).toMatchObject({ format: "waybill-merge/1", written: true });
    const file = join(path, "images/foo/images.yaml");
    expect(await readFile(file, "utf8")).toContain(`"${digestOf(one)}": ["0.9", "1.0"]`);
    await waybill(...line(path), "--tag", "1.0", "--format", "canonical-pr");
    expect(await readFile(file, "utf8")).toContain(`"${digestOf(one)}": ["0.9","1.0"]`);
  });

  it("refuses a tag that stands at another digest, naming both", async () => {
    const { path } = await tree({ app: { [digestOf(two)]: ["1.0"] } });
    const { status, stdout, stderr } = await waybill(...line(path), "--tag", "1.0");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(digestOf(one));
    expect(stderr).toContain(digestOf(two));
  });

  it("suggests what was meant", async () => {
    const { path } = await tree({ app: {} });
    const { status, stderr } = await waybill(...line(path), "--tag", "1.00");
    expect(status).toBe(1);
    expect(stderr).toMatch(/error: no image passes the filters.*\n.*\n? {2}hint: .*1\.0/);
  });
});

describe("demo", () => {
  const newFolder = "name a folder that does not exist yet";

  it("shows every step, and leaves what it wrote in the folder", async () => {
    const dir = join(folder.path, "demo");
    const { status, stdout } = await waybill("demo", "--dir", dir);
    expect(status).toBe(0);
    expect(stdout).toContain(`$ waybill promote ${join(dir, "tree")} --confirm\n`);
    expect(await waybill("check", join(dir, "tree"))).toMatchObject({ status: 0 });
    const refused = await waybill("demo", "--dir", dir);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("is not empty") });
    const file = join(dir, "tree", "file");
    await writeFile(file, "");
    for (const [named, why] of [
      [file, "something else has that name"],
      [join(file, "below"), "what should be a folder is a file"],
    ] as const) {
      const { status: ended, stderr } = await waybill("demo", "--dir", named);
      expect(ended).toBe(1);
      expect(stderr).toBe(`error: ${named} cannot be made a folder: ${why}\n  hint: ${newFolder}\n`);
    }
  });

  it("prints what its commands print", async () => {
    const dir = join(folder.path, "demo-printed");
    const { stdout } = await waybill("demo", "--dir", dir);
    const shown = stdout.slice(stdout.indexOf("$ waybill check")).split("\n");
    const { stdout: printed } = await waybill("check", join(dir, "tree"));
    expect(shown[1]).toBe(`   ${printed.trimEnd()}`);
    expect(stdout).toMatch(/^ {3}all as listed \(4 repositories, 6 images, 6 tags, 28 blobs\)$/m);
  });

  it("prints the steps as JSON", async () => {
    const { stdout } = await waybill("demo", "--dir", join(folder.path, "demo-json"), "--json");
    expect(JSON.parse(stdout)).toMatchObject({ format: "waybill-demo/1", succeeded: true });
  });
});

describe("inspect", () => {
  it("prints a manifest byte for byte with --raw", async () => {
    const reference = `${staging.address}/foo/app:1.0`;
    const { status, stdout } = await waybill("inspect", reference, "--raw");
    expect(status).toBe(0);
    expect(`sha256:${createHash("sha256").update(stdout).digest("hex")}`).toBe(digestOf(one));
  });

  it("describes an image, or one platform of it", async () => {
    const reference = `${staging.address}/foo/app@${digestOf(one)}`;
    const { stdout } = await waybill("inspect", reference, "--platform", "linux/arm64");
    expect(JSON.parse(stdout)).toMatchObject({
      Digest: digestOf(one),
      Architecture: "arm64",
      RepoTags: ["1.0", "2.0"],
    });
    expect(JSON.parse((await waybill("inspect", reference, "--no-tags")).stdout)).toMatchObject({
      RepoTags: [],
    });
  });

  it("does not guess a tag", async () => {
    const { status, stderr } = await waybill("inspect", `${staging.address}/foo/app`);
    expect(status).toBe(1);
    expect(stderr).toContain("names no tag and no digest");
  });

  it("says that there is no such image", async () => {
    const { status, stderr } = await waybill("inspect", `${staging.address}/foo/app:3.0`);
    expect(status).toBe(1);
    expect(stderr).toContain("error: there is no such image");
  });
});

describe("snapshot", () => {
  it("prints what a registry holds, as YAML, CSV or JSON", async () => {
    const registry = `${staging.address}/foo`;
    const yaml = await waybill("snapshot", registry);
    expect(yaml.status).toBe(0);
    expect(yaml.stdout).toContain(`- name: app\n  dmap:\n`);
    expect(yaml.stdout).toContain(`    "${digestOf(one)}": ["1.0"]\n`);
    const csv = await waybill("snapshot", registry, "--format", "csv", "--tag", "2.0");
    expect(csv.stdout).toBe(`app@${digestOf(two)},app:2.0\n`);
    const json = await waybill("snapshot", registry, "--json", "--tag", "1.0");
    expect(JSON.parse(json.stdout)).toEqual({ app: { [digestOf(one)]: ["1.0"] } });
  });

  it("prints what manifests ask for without looking", async () => {
    const { path, prefix } = await tree({ app: { [digestOf(one)]: ["1.0"] } });
    const { stdout } = await waybill("snapshot", `${prefix}/eu`, "--manifests", path, "--offline");
    expect(stdout).toBe(`- name: app\n  dmap:\n    "${digestOf(one)}": ["1.0"]\n`);
    expect((await waybill("snapshot", `${prefix}/eu`, "--manifests", path)).stdout).toBe("");
    expect((await waybill("snapshot", prefix, "--offline")).stderr).toBe(
      "error: --offline needs --manifests\n",
    );
  });
});

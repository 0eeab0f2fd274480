import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BuiltImages } from "../../src/builds/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { type Descriptor, parseRepository, parseTag } from "../../src/oci/index.ts";
import { attachStatement, slsaStatement } from "../../src/provenance/index.ts";
import type { Registries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { openRunFolder, type RunEnd } from "../../src/store/index.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { runWith } from "./captured.ts";

const commit = "9afb85e".padEnd(40, "0");
const source = "https://github.com/cncf/apisnoop";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: RegistryServer;
let registries: Registries;
let image: Descriptor;
let trees = 0;

beforeAll(async () => {
  folder = await temporaryFolder("merge-from-run");
  server = await startRegistryServer({ dir: join(folder.path, "registry") });
  registries = registriesWith();
  const built = await buildImage("app", "v1");
  const repository = registries.repository(parseRepository(`${server.address}/foo/app`));
  await pushImage(built, repository, [parseTag("v20210421-x")]);
  image = built.root.descriptor;
});

afterAll(async () => {
  await registries.close();
  await server.close();
  await folder.remove();
});

const waybill = (...line: string[]) =>
  runWith({ HOME: folder.path, WAYBILL_DATA: join(folder.path, "data") }, ...line);

async function tree(): Promise<{ path: string; file: string }> {
  trees += 1;
  const path = join(folder.path, `tree-${trees}`);
  const destinations = [`${server.address}/production-${trees}`];
  await writeTree(path, [{ name: "foo", source: `${server.address}/foo`, destinations, images: {} }]);
  return { path, file: join(path, "images/foo/images.yaml") };
}

const imagesOf = (job: string, id: string, name: string): BuiltImages => ({
  format: "waybill-images/1",
  run: { job, id },
  source: { repository: source, commit, isDirty: false, path: "" },
  tag: "v20210421-x",
  images: [
    {
      build: "build",
      name,
      repository: name,
      digest: image.digest,
      mediaType: image.mediaType,
      size: image.size,
      tags: ["v20210421-x"],
      seenBy: ["waybill"],
    },
  ],
});

/** A run as a build records it. */
async function record(job: string, result: RunEnd["result"] | undefined, content?: string): Promise<string> {
  const run = await openRunFolder(join(folder.path, "data")).start({ job, type: "postsubmit" });
  const images = imagesOf(job, run.id, `${server.address}/foo/app`);
  await run.write("images.json", content ?? JSON.stringify(images));
  if (result !== undefined) await run.finish({ result });
  return run.id;
}

describe("merge --from-run", () => {
  it("adds what the newest run of a job built, and says what built it", async () => {
    await record("push-app", "SUCCESS");
    const id = await record("push-app", "SUCCESS");
    const { path, file } = await tree();
    const line = ["merge", "--base-dir", path, "--from-run", "push-app"];
    const dry = await waybill(...line, "--dry-run");
    expect(dry.stdout).toContain(`+    "${image.digest}": ["v20210421-x"]\n`);
    expect(dry.stderr).toContain(`built from 9afb85e00000 of ${source} by run push-app/${id}`);
    const { status, stdout } = await waybill(...line, "--as", "v0.1.0");
    expect(status).toBe(0);
    expect(stdout).toBe(
      `${file}:3: added app@${image.digest} as v0.1.0 ` +
        `(built from 9afb85e00000 of ${source} by run push-app/${id})\n`,
    );
    expect(await readFile(file, "utf8")).toContain(`"${image.digest}": ["v0.1.0"]`);
    const json = await waybill(...line, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      format: "waybill-merge-run/1",
      run: { job: "push-app", id },
      merges: [{ project: "foo", written: true, origins: [{ commit, from: "run" }] }],
      leftOut: [],
    });
  });

  it("finds a run by its folder, its id and by job and id", async () => {
    const id = await record("by-name", "SUCCESS");
    for (const name of [id, `by-name/${id}`, join(folder.path, "data/logs/by-name", id)]) {
      const { path } = await tree();
      expect(await waybill("merge", "--base-dir", path, "--from-run", name)).toMatchObject({ status: 0 });
    }
    const elsewhere = await tree();
    const line = ["merge", "--base-dir", elsewhere.path, "--from-run", "by-name"];
    const data = join(folder.path, "data");
    const there = await runWith({ HOME: folder.path }, ...line, "--data-dir", data);
    expect(there).toMatchObject({ status: 0, stderr: expect.stringContaining("1 added") });
    const { path } = await tree();
    const unknown = await waybill("merge", "--base-dir", path, "--from-run", "by-nam");
    expect(unknown).toMatchObject({ status: 1, stderr: expect.stringContaining("did you mean by-name?") });
  });

  it("takes nothing of a run that did not succeed, or that recorded something else", async () => {
    await record("failed", "FAILURE");
    await record("pending", undefined);
    await record("broken", "SUCCESS", '{"format":"waybill-images/1","run":{"job":"x","id":"1"}}');
    const hostile = JSON.stringify(imagesOf("hostile", "1", `${server.address}/foo/app`));
    await record("hostile", "SUCCESS", hostile.replace(image.digest, "sha256:short"));
    const { path, file } = await tree();
    const before = await readFile(file, "utf8");
    for (const [name, words] of [
      ["failed", "did not succeed: FAILURE"],
      ["pending", "not over yet"],
      ["broken", "not what a run records: source"],
      ["hostile", "is no digest"],
    ] as const) {
      const { status, stderr } = await waybill("merge", "--base-dir", path, "--from-run", name);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(words) });
    }
    expect(await readFile(file, "utf8")).toBe(before);
  });

  it("ends with 2 when something has no place, and does the rest", async () => {
    const run = await openRunFolder(join(folder.path, "data")).start({ job: "two", type: "postsubmit" });
    const [mine, other] = [`${server.address}/foo/app`, `${server.address}/elsewhere/app`];
    const { images, ...rest } = imagesOf("two", run.id, mine);
    const strange = images.map((each) => ({ ...each, name: other, repository: other }));
    await run.write("images.json", JSON.stringify({ ...rest, images: [...images, ...strange] }));
    await run.finish({ result: "SUCCESS" });
    const { path } = await tree();
    const { status, stdout, stderr } = await waybill("merge", "--base-dir", path, "--from-run", "two");
    expect(status).toBe(2);
    expect(stdout).toContain(`added app@${image.digest}`);
    expect(stderr).toContain(`left out: ${other}@${image.digest} belongs to none of the manifests`);
  });

  it("needs to be told where from", async () => {
    const { path } = await tree();
    expect(await waybill("merge", "--base-dir", path)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("--staging-repo"),
    });
    const as = await waybill("merge", "--base-dir", path, "--staging-repo", "r/p", "--as", "v1");
    expect(as).toMatchObject({ status: 1, stderr: expect.stringContaining("--from-run") });
    const wrong = await waybill("merge", "--base-dir", path, "--from-run", "push-app", "--as", "v1/2");
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining("is no tag") });
  });
});

describe("merge", () => {
  it("says of what it adds what provenance in staging says", async () => {
    const built = await buildImage("app", "v2");
    const repository = registries.repository(parseRepository(`${server.address}/foo/app`));
    await pushImage(built, repository, [parseTag("v2")]);
    const statement = slsaStatement({
      subjects: [{ name: "app", digest: built.root.descriptor.digest }],
      source: { repository: source, commit, isDirty: true },
      config: "cloudbuild.yaml",
      substitutions: {},
      engine: "buildah",
      images: [],
      run: { job: "push-app", id: "7" },
      version: "0.1.0",
      startedAt: new Date(0),
      finishedAt: new Date(1),
    });
    await attachStatement(repository, built.root.descriptor, statement);
    const { path } = await tree();
    const line = ["merge", "--base-dir", path, "--staging-repo", `${server.address}/foo`, "--tag", "v2"];
    const { stdout } = await waybill(...line);
    expect(stdout).toContain(
      `as v2 (built from 9afb85e00000 of ${source}, with changes that are in no commit, by run push-app/7)\n`,
    );
    const { path: another } = await tree();
    const json = await waybill("merge", "--base-dir", another, ...line.slice(3), "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      origins: [{ image: "app", from: "provenance", commit, isDirty: true, run: "push-app/7" }],
      notes: [],
    });
  });
});

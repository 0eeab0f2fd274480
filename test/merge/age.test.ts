import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { type MergeFilters, planMerge } from "../../src/merge/index.ts";
import { type Descriptor, digestOf, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { testWith } from "../support/programs.ts";
import { registriesWith } from "../support/world.ts";
import { memoryRegistries } from "./memory-registry.ts";
import { projectOf } from "./project.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const day = 24 * 60 * 60 * 1000;
/** So many days ago, and some minutes, so that nothing depends on how long a test takes. */
const daysAgo = (days: number): string => new Date(Date.now() - days * day + 10 * 60_000).toISOString();

type Held = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

async function planned(
  staging: Held,
  filters: MergeFilters,
  memory: Parameters<typeof memoryRegistries>[1] = {},
) {
  const project = await projectOf({ images: "" });
  cleanups.push(project.remove);
  const contents = Object.entries(staging).map(([name, held]) => [`stage.example/foo/${name}`, held]);
  const { open, catalog, takeRequests } = memoryRegistries(Object.fromEntries(contents), memory);
  const tree = await project.tree();
  const options = { tree, staging: "stage.example/foo", open, catalog, skipProduction: true };
  const plan = await planMerge({ ...options, filters });
  return { added: plan.added.map(({ image, tag }) => `${image}:${tag}`), requests: takeRequests() };
}

describe("the newest versions", () => {
  const app = {
    one: ["v1.9.0"],
    two: ["v1.10.0", "v1.10.0_build.1"],
    three: ["v1.10.1-rc.1"],
    four: ["v1.8.7"],
  };

  test("are taken of each image, and no others are asked for", async () => {
    const { added, requests } = await planned(
      { app, web: { one: ["2.0.0"], two: ["1.0.0"] } },
      { newest: 2 },
    );
    expect(added).toEqual(["app:v1.9.0", "app:v1.10.0", "app:v1.10.0_build.1", "web:1.0.0", "web:2.0.0"]);
    expect(requests.filter((request) => request.startsWith("resolve"))).toHaveLength(5);
  });

  test("are those of the tags that are chosen", async () => {
    const { added, requests } = await planned({ app }, { tags: ["semver:>=1.8"], newest: 1 });
    expect(added).toEqual(["app:v1.10.0", "app:v1.10.0_build.1"]);
    expect(requests.filter((request) => request.startsWith("resolve"))).toEqual([
      "resolve v1.10.0 in stage.example/foo/app",
      "resolve v1.10.0_build.1 in stage.example/foo/app",
    ]);
  });

  test("are told by a listing of digests as well", async () => {
    const { added } = await planned({ app }, { newest: 1 }, { listsManifests: true });
    expect(added).toEqual(["app:v1.10.0", "app:v1.10.0_build.1"]);
  });

  test("are releases, and pre-releases where nothing else is chosen", async () => {
    const { added } = await planned({ app: { ...app, five: ["v1.11.0-alpha.1"] } }, { newest: 1 });
    expect(added).toEqual(["app:v1.10.0", "app:v1.10.0_build.1"]);
    const candidates = await planned({ app }, { tags: ["*-rc.*"], newest: 1 });
    expect(candidates.added).toEqual(["app:v1.10.1-rc.1"]);
  });
});

describe("when images were pushed", () => {
  const app = { one: ["nightly-a"], two: ["nightly-b", "v1.0.0"], three: ["nightly-c"] };
  const memory = {
    listsManifests: true,
    uploadedAt: { one: daysAgo(3), two: daysAgo(9), three: daysAgo(1) },
  };

  test("counts where tags are no versions, and takes no request more", async () => {
    const all = await planned({ app }, {}, memory);
    const newest = await planned({ app }, { newest: 2 }, memory);
    expect(newest.added).toEqual(["app:nightly-a", "app:nightly-c"]);
    expect(newest.requests.length).toBeLessThanOrEqual(all.requests.length);
  });

  test("counts for what may be no older", async () => {
    expect((await planned({ app }, { maxAge: 5 * day }, memory)).added).toEqual([
      "app:nightly-a",
      "app:nightly-c",
    ]);
    expect((await planned({ app }, { maxAge: 9 * day, newest: 1 }, memory)).added).toEqual(["app:nightly-c"]);
    expect((await planned({ app }, { maxAge: 9 * day, tags: ["v*"], newest: 1 }, memory)).added).toEqual([
      "app:v1.0.0",
    ]);
  });

  test.each([
    ["not told of all", {}],
    ["the beginning of time", { two: new Date(0).toISOString(), three: daysAgo(1) }],
    ["long to come", { two: daysAgo(-400), three: daysAgo(1) }],
  ])("is known, or nothing is merged: %s", async (_, others) => {
    const { uploadedAt, ...rest } = memory;
    const some = { ...rest, uploadedAt: { one: uploadedAt.one, ...others } };
    await expect(planned({ app }, { newest: 1 }, some)).rejects.toMatchObject({ code: "age-unknown" });
    await expect(planned({ app }, { maxAge: day }, some)).rejects.toMatchObject({ code: "age-unknown" });
  });
});

testWith("docker-registry")("when images were built, as their configs say", async () => {
  const docker = await startDockerRegistry();
  const staging = await startFaultyRegistry(docker.host);
  const registries = registriesWith();
  const project = await projectOf({ source: `${staging.host}/foo`, images: "" });
  cleanups.push(docker.stop, staging.close, () => registries.close(), project.remove);
  const push = async (repository: Repository, created: string, tag: string) => {
    const config = Buffer.from(JSON.stringify({ created, architecture: "amd64", os: "linux" }));
    const blob: Descriptor = {
      mediaType: mediaTypes.ociConfig,
      digest: digestOf(config),
      size: config.length,
    };
    await repository.push(blob, async () => Readable.from([config]));
    const json = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: blob, layers: [] };
    const bytes = Buffer.from(JSON.stringify(json));
    const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
    await repository.put({ descriptor, bytes }, parseTag(tag));
  };
  const repositoryOf = (image: string) =>
    registries.repository(parseRepository(`${docker.host}/foo/${image}`));
  for (const [days, tag] of [
    [400, "old"],
    [30, "month"],
    [2, "fresh"],
  ] as const) {
    await push(repositoryOf("app"), daysAgo(days), tag);
  }
  await push(repositoryOf("app"), daysAgo(2.5), "v1.0.0");
  await push(repositoryOf("same-bytes"), "1970-01-01T00:00:00Z", "week");
  const plan = async (filters: MergeFilters) => {
    const before = staging.seen.length;
    const { added } = await planMerge({
      tree: await project.tree(),
      staging: `${staging.host}/foo`,
      filters,
      open: registries.repository,
      catalog: registries.catalog,
      skipProduction: true,
    });
    return {
      tags: added.map(({ tag }) => tag).sort(),
      requests: staging.seen.slice(before).map(({ url }) => url),
    };
  };
  const app = { images: ["app"] };
  const all = await plan(app);
  const newest = await plan({ ...app, newest: 2 });
  expect(newest.tags).toEqual(["fresh", "v1.0.0"]);
  // A manifest and a config for each of four images.
  const read = (urls: readonly string[]) => urls.filter((url) => /\/(?:blobs|manifests)\/sha256:/.test(url));
  expect([read(all.requests).length, read(newest.requests).length]).toEqual([0, 8]);
  expect((await plan({ ...app, maxAge: 40 * day })).tags).toEqual(["fresh", "month", "v1.0.0"]);
  // Versions are ordered by themselves: neither is anything built looked at, nor is another tag resolved.
  const versions = await plan({ ...app, tags: ["v*"], newest: 1 });
  expect(versions.tags).toEqual(["v1.0.0"]);
  expect(versions.requests.some((url) => url.includes("/blobs/"))).toBe(false);
  await expect(plan({ images: ["same-bytes"], maxAge: day })).rejects.toMatchObject({
    code: "age-unknown",
    where: expect.stringContaining("/foo/same-bytes@sha256:"),
  });
});

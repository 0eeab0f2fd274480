import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { MergeError, type MergeFilters, merge } from "../../src/merge/index.ts";
import {
  type Descriptor,
  type Digest,
  digestOf,
  mediaTypes,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import { openRegistries, type RegistryEvent, type Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings, type Settings } from "../../src/settings/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { projectOf } from "./project.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function embedded(listing: "plain" | "extended"): Promise<string> {
  const folder = await temporaryFolder("staging");
  const server = await startRegistryServer({ dir: folder.path, listing });
  cleanups.push(folder.remove, () => server.close());
  return server.address;
}

async function folderOfLayouts(): Promise<string> {
  const folder = await temporaryFolder("staging");
  cleanups.push(folder.remove);
  return `oci:${folder.path}`;
}

async function dockerRegistry(): Promise<string> {
  const registry = await startDockerRegistry();
  cleanups.push(registry.stop);
  return registry.host;
}

/** Puts a small image under tags. */
async function pushImage(repository: Repository, ...tags: string[]): Promise<Digest> {
  const config = Buffer.from(JSON.stringify({ nonce: randomBytes(8).toString("hex") }));
  const blob: Descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length };
  await repository.push(blob, async () => Readable.from([config]));
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: blob, layers: [] }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  for (const tag of tags.length === 0 ? [undefined] : tags) {
    await repository.put({ descriptor, bytes }, tag === undefined ? undefined : parseTag(tag));
  }
  return descriptor.digest;
}

/** The project of the seed, its staging and production registries moved to where the test has them. */
async function kubernetes(staging: string, production: string) {
  const settings: Settings = {
    ...defaultSettings,
    locations: [
      { repository: "gcr.io/k8s-staging-kubernetes", at: `${staging}/k8s-staging-kubernetes` },
      { repository: "us.gcr.io/k8s-artifacts-prod", at: `${production}/us` },
      { repository: "eu.gcr.io/k8s-artifacts-prod", at: `${production}/eu` },
    ],
  };
  const events: RegistryEvent[] = [];
  const registries = openRegistries({
    settings,
    environment: {},
    listener: (event) => events.push(event),
  });
  cleanups.push(() => registries.close());
  const project = await projectOf({
    source: "gcr.io/k8s-staging-kubernetes",
    destinations: ["us.gcr.io/k8s-artifacts-prod", "eu.gcr.io/k8s-artifacts-prod"],
    images: `# root images\n- name: kube-proxy\n  dmap:\n    "sha256:${"0".repeat(64)}": ["v1.18.8"]\n`,
  });
  cleanups.push(project.remove);
  const repository = (name: string) => registries.repository(parseRepository(name));
  return {
    ...project,
    staged: (image: string, ...tags: string[]) =>
      pushImage(repository(`gcr.io/k8s-staging-kubernetes/${image}`), ...tags),
    produced: (image: string, ...tags: string[]) =>
      pushImage(repository(`us.gcr.io/k8s-artifacts-prod/${image}`), ...tags),
    merge: async (filters: MergeFilters) =>
      merge({
        tree: await project.tree(),
        staging: "gcr.io/k8s-staging-kubernetes",
        filters,
        open: registries.repository,
        catalog: registries.catalog,
      }),
    requests: () => events.splice(0).flatMap((event) => (event.type === "request" ? [event.kind] : [])),
  };
}

const kinds: [string, typeof test, () => Promise<string>][] = [
  ["docker-registry", testWith("docker-registry") as typeof test, dockerRegistry],
  ["the embedded registry", test, () => embedded("plain")],
  ["the embedded registry with Google's listing", test, () => embedded("extended")],
  ["a folder of image layouts", test, folderOfLayouts],
];

describe.each(kinds)("%s", (_, run, start) => {
  run("merges tag after tag, as the seed does", async () => {
    const scene = await kubernetes(await start(), await embedded("plain"));
    const candidate = await scene.staged("kube-proxy", "v1.19.0-rc.2", "latest");
    const proxy = await scene.staged("kube-proxy", "v1.19.0");
    const next = await scene.staged("kube-proxy", "v1.19.1-rc.0");
    const conformance = await scene.staged("conformance", "v1.19.0");
    await scene.staged("deep/er", "v0.1.0");
    for (const tag of ["v1.19.0-rc.2", "v1.19.0", "v1.19.1-rc.0"]) {
      expect((await scene.merge({ tags: [tag] })).written).toBe(true);
    }
    expect(await scene.text()).toBe(
      [
        "# root images",
        "- name: conformance",
        "  dmap:",
        `    "${conformance}": ["v1.19.0"]`,
        "- name: kube-proxy",
        "  dmap:",
        `    "sha256:${"0".repeat(64)}": ["v1.18.8"]`,
        `    "${candidate}": ["v1.19.0-rc.2"]`,
        `    "${proxy}": ["v1.19.0"]`,
        `    "${next}": ["v1.19.1-rc.0"]`,
        "",
      ].join("\n"),
    );
    expect((await scene.merge({ tags: ["v1.19.0"] })).written).toBe(false);
    const everything = await scene.merge({});
    expect(everything.added.map(({ image, tag }) => `${image}:${tag}`)).toEqual(["deep/er:v0.1.0"]);
  });

  run("takes a digest without a tag, and refuses a tag that production has otherwise", async () => {
    const scene = await kubernetes(await start(), await embedded("plain"));
    const tagless = await scene.staged("pause");
    await scene.staged("pause", "3.9");
    const standing = await scene.produced("pause", "3.9");
    const error = await scene.merge({ images: ["pause"] }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MergeError);
    expect(error).toMatchObject({ code: "refused", refusals: [{ standing, tag: "3.9" }] });
    const result = await scene.merge({ images: ["pause"], digests: [tagless] });
    expect(result.added).toMatchObject([{ image: "pause", digest: tagless, tag: undefined }]);
  });

  run("an empty staging registry, and a slip of the finger", async () => {
    const scene = await kubernetes(await start(), await embedded("plain"));
    await expect(scene.merge({})).rejects.toMatchObject({ code: "empty-staging" });
    await scene.staged("kube-proxy", "v1.19.0");
    await expect(scene.merge({ tags: ["v1.19.O"] })).rejects.toMatchObject({
      code: "nothing-chosen",
      hint: "--tag v1.19.O: did you mean v1.19.0?",
    });
  });
});

test("an exact tag of an exact image is one request to staging and one to each destination", async () => {
  const scene = await kubernetes(await embedded("plain"), await embedded("plain"));
  await scene.staged("kube-proxy", "v1.19.0");
  scene.requests();
  await scene.merge({ images: ["kube-proxy"], tags: ["v1.19.0"] });
  // What was added is then asked for what built it.
  expect(scene.requests()).toEqual([
    "resolve",
    ...Array(3).fill("manifest-get"),
    "referrers",
    "manifest-get",
  ]);
});

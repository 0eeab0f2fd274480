import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import {
  digestOf,
  hexOf,
  mediaTypes,
  parseRepository,
  parseTag,
  readImageContent,
} from "../../src/oci/index.ts";
import { openLayout } from "../../src/registry/layout/layout.ts";
import type { Repository } from "../../src/registry/repository.ts";
import { outputOf } from "../support/child.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { blob, bytesOf, document, type Image, indexOf, store } from "./layout-images.ts";

const name = parseRepository("gcr.io/k8s-staging-foo/bar");
const v1 = parseTag("v1");
const types = {
  oci: { manifest: mediaTypes.ociManifest, config: mediaTypes.ociConfig, layer: mediaTypes.ociLayer },
  docker: {
    manifest: mediaTypes.dockerManifest,
    config: mediaTypes.dockerConfig,
    layer: mediaTypes.dockerLayer,
  },
};

/** An image whose layer is a real archive (of nothing), so that a tool that looks inside finds what it should. */
function realImage(architecture: string, format: keyof typeof types): Image {
  const tar = Buffer.alloc(1024);
  const layer = blob(gzipSync(tar, { level: 1 }), types[format].layer);
  const config = blob(
    JSON.stringify({
      architecture,
      os: "linux",
      author: randomBytes(4).toString("hex"),
      config: {},
      rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
      history: [{ created_by: "test" }],
    }),
    types[format].config,
  );
  const manifest = document({
    mediaType: types[format].manifest,
    config: config.descriptor,
    layers: [layer.descriptor],
  });
  return { blobs: [config, layer], manifest };
}

function withPlatform({ manifest }: Image, architecture: string) {
  const { descriptor, bytes } = manifest;
  return { descriptor: { ...descriptor, platform: { os: "linux", architecture } }, bytes };
}

/** Reads and hashes everything a tag stands for. */
async function readAll(repository: Repository, tag = v1): Promise<number> {
  const root = await repository.fetch(tag);
  if (root === undefined) throw new Error(`${tag} is absent`);
  let parts = 0;
  const queue = [root];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const content = readImageContent(at);
    for (const part of content.blobs) {
      await bytesOf(await repository.open(part));
      parts += 1;
    }
    for (const child of content.children) {
      const next = await repository.fetch(child.digest);
      if (next === undefined) throw new Error(`${child.digest} is absent`);
      queue.push(next);
    }
  }
  return parts;
}

describe("with skopeo", () => {
  const test = testWith("skopeo", "docker-registry");
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  let registry: DockerRegistry;
  let folder: string;
  let runs = 0;

  beforeAll(async () => {
    temporary = await temporaryFolder("layout-skopeo");
    if (hasProgram("docker-registry")) registry = await startDockerRegistry();
  });
  afterAll(async () => {
    await registry?.stop();
    await temporary.remove();
  });
  beforeEach(() => {
    runs += 1;
    folder = join(temporary.path, `layout-${runs}`);
  });

  const skopeo = (...args: string[]) => outputOf("skopeo", ["--insecure-policy", ...args]);
  const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];

  test("an image that we wrote is read, byte for byte", async () => {
    const one = realImage("amd64", "oci");
    await store(openLayout(folder, name), one, "v1");
    const raw = await skopeo("inspect", "--raw", `oci:${folder}:v1`);
    expect(raw).toBe(Buffer.from(one.manifest.bytes).toString());
    const copy = join(temporary.path, `copy-${runs}`);
    await skopeo("copy", `oci:${folder}:v1`, `dir:${copy}`);
    expect(await readFile(join(copy, "manifest.json"))).toEqual(Buffer.from(one.manifest.bytes));
    for (const { descriptor, bytes } of one.blobs) {
      expect(await readFile(join(copy, hexOf(descriptor.digest)))).toEqual(Buffer.from(bytes));
    }
  });

  test("so is a multi-arch image, and a tag among others", async () => {
    const repository = openLayout(folder, name);
    const images = ["amd64", "arm64"].map((architecture) => realImage(architecture, "oci"));
    for (const one of images) await store(repository, one);
    const index = indexOf(...images.map((one, at) => withPlatform(one, at === 0 ? "amd64" : "arm64")));
    await repository.put(index, v1);
    await store(repository, realImage("amd64", "oci"), "v2");
    const target = `docker://${registry.host}/bar:v1`;
    await skopeo("copy", "--all", ...insecure, `oci:${folder}:v1`, target);
    const raw = await skopeo("inspect", "--raw", "--tls-verify=false", target);
    expect(digestOf(Buffer.from(raw))).toBe(index.descriptor.digest);
  });

  test("an image of Docker's media types, which skopeo does not look for, hides none of the others", async () => {
    const repository = openLayout(folder, name);
    await store(repository, realImage("amd64", "docker"), "v1");
    const one = realImage("amd64", "oci");
    await store(repository, one, "v2");
    const raw = await skopeo("inspect", "--raw", `oci:${folder}:v2`);
    expect(raw).toBe(Buffer.from(one.manifest.bytes).toString());
    expect(await readAll(repository)).toBe(2);
  });

  test("what it writes is read, and written on beside it", async () => {
    const source = join(temporary.path, `source-${runs}`);
    const from = openLayout(source, name);
    const images = ["amd64", "arm64"].map((architecture) => realImage(architecture, "oci"));
    for (const one of images) await store(from, one);
    const index = indexOf(...images.map((one, at) => withPlatform(one, at === 0 ? "amd64" : "arm64")));
    await from.put(index, v1);

    await skopeo("copy", "--all", `oci:${source}:v1`, `oci:${folder}:v1`);
    const repository = openLayout(folder, name);
    expect(await repository.resolve(v1)).toEqual(index.descriptor);
    expect(await readAll(repository)).toBe(4);
    const digests = [index, ...images.map(({ manifest }) => manifest)].map(
      ({ descriptor }) => descriptor.digest,
    );
    expect(new Set((await repository.list())?.manifests?.keys())).toEqual(new Set(digests));

    const mine = realImage("amd64", "oci");
    await store(repository, mine, "v2");
    await skopeo("copy", `oci:${source}:v1`, `oci:${folder}:v3`);
    expect((await openLayout(folder, name).list())?.tags).toEqual(["v1", "v2", "v3"]);
    expect(await skopeo("inspect", "--raw", `oci:${folder}:v2`)).toBe(
      Buffer.from(mine.manifest.bytes).toString(),
    );
    expect(await readdir(join(folder, ".waybill"))).toEqual([]);
  });
});

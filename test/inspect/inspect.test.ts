import { execFile } from "node:child_process";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { describeImage, fetchDocument, inspectImage } from "../../src/inspect/index.ts";
import { type Descriptor, digestOf, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Registries, Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { withOwn } from "../support/registry-client.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const v1 = parseTag("v1");
const cleanups: (() => Promise<void>)[] = [];
let registries: Registries;
beforeEach(() => {
  registries = registriesWith();
  cleanups.push(() => registries.close());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function embedded(): Promise<Repository> {
  const folder = await temporaryFolder("inspect");
  const server = await startRegistryServer({ dir: folder.path });
  cleanups.push(folder.remove, () => server.close());
  return registries.repository(parseRepository(`${server.address}/app`));
}

async function skopeo(...args: readonly string[]): Promise<Buffer> {
  const options = { encoding: "buffer" as const, maxBuffer: 16 * 1024 * 1024 };
  return (await promisify(execFile)("skopeo", ["inspect", "--tls-verify=false", ...args], options)).stdout;
}

/** Pushes a manifest of one platform with this config. */
async function pushConfig(repository: Repository, config: unknown, mediaType: string): Promise<void> {
  const content = Buffer.from(typeof config === "string" ? config : JSON.stringify(config));
  const layer = Buffer.from("a layer");
  const [blob, other] = [content, layer].map(
    (bytes): Descriptor => ({
      mediaType: bytes === layer ? mediaTypes.ociLayer : mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    }),
  );
  if (blob === undefined || other === undefined) throw new Error("two blobs");
  await repository.push(blob, async () => Readable.from([content]));
  await repository.push(other, async () => Readable.from([layer]));
  const annotated = { ...other, annotations: { note: "a layer" } };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: blob,
      layers: [annotated],
    }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  await repository.put({ descriptor, bytes }, v1);
}

describe("next to skopeo", () => {
  const real = testWith("docker-registry", "skopeo");

  async function registry(): Promise<(name: string) => Repository> {
    const { host, stop } = await startDockerRegistry();
    cleanups.push(stop);
    return (name) => registries.repository(parseRepository(`${host}/${name}`));
  }

  real("every field of a multi-arch image is the same, for every platform", async () => {
    const repository = (await registry())("team/app");
    await pushImage(await buildImage("app", "v1"), repository, [v1, parseTag("latest")]);
    for (const architecture of ["amd64", "arm64"]) {
      const theirs = JSON.parse(
        (
          await skopeo(
            "--override-os=linux",
            `--override-arch=${architecture}`,
            `docker://${repository.name}:v1`,
          )
        ).toString(),
      );
      const ours = await inspectImage(repository, v1, { platform: `linux/${architecture}` });
      // Without a date, one of the two says nothing and the other the year 1.
      delete theirs.Created;
      expect(ours).toMatchObject(theirs);
      expect(ours.platforms.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
    }
  });

  real("every field of an image of one platform is the same", async () => {
    const repository = (await registry())("team/one");
    await pushConfig(
      repository,
      {
        created: "2024-05-06T07:08:09Z",
        docker_version: "20.10",
        architecture: "arm",
        variant: "v7",
        os: "linux",
        config: { Labels: { a: "b" }, Env: ["PATH=/bin"] },
        rootfs: { type: "layers", diff_ids: [digestOf(Buffer.from("a layer"))] },
      },
      mediaTypes.ociConfig,
    );
    const theirs = JSON.parse((await skopeo(`docker://${repository.name}:v1`)).toString());
    expect(await inspectImage(repository, v1)).toMatchObject(theirs);
    expect(Object.keys(theirs)).toContain("Created");
  });

  real("raw bytes are the same, and hash to the digest", async () => {
    const repository = (await registry())("team/app");
    const image = await buildImage("app", "v1");
    await pushImage(image, repository, [v1]);
    for (const { descriptor } of [image.root, ...image.children]) {
      const { bytes } = await fetchDocument(repository, descriptor.digest);
      expect(Buffer.from(bytes)).toEqual(
        await skopeo("--raw", `docker://${repository.name}@${descriptor.digest}`),
      );
      expect(digestOf(bytes)).toBe(descriptor.digest);
    }
  });
});

describe("inspecting", () => {
  test("a platform that the index does not have names those it has", async () => {
    const repository = await embedded();
    await pushImage(await buildImage("app", "v1"), repository, [v1]);
    await expect(inspectImage(repository, v1, { platform: "linux/s390x" })).rejects.toMatchObject({
      code: "platform-missing",
      hint: expect.stringContaining("linux/amd64, linux/arm64"),
    });
  });

  test("an image that is not there", async () => {
    const repository = await embedded();
    await expect(inspectImage(repository, v1)).rejects.toMatchObject({
      code: "manifest-missing",
      where: `${repository.name}:v1`,
    });
  });

  test("without tags does not list", async () => {
    const repository = await embedded();
    await pushImage(await buildImage("app", "v1"), repository, [v1]);
    const silent = withOwn(repository, { list: () => Promise.reject(new Error("not to be listed")) });
    expect((await inspectImage(silent, v1, { withoutTags: true })).RepoTags).toEqual([]);
  });

  test("an artifact, whose config says nothing of an image", async () => {
    const repository = await embedded();
    await pushConfig(repository, "free text", "application/vnd.example.config.v1");
    const inspection = await inspectImage(repository, v1);
    expect(inspection).toMatchObject({
      Os: "",
      artifactType: "application/vnd.example.config.v1",
      LayersData: [{ Annotations: { note: "a layer" } }],
    });
  });

  test("a config that is none", async () => {
    const repository = await embedded();
    await pushConfig(repository, "[1, 2", mediaTypes.ociConfig);
    await expect(inspectImage(repository, v1)).rejects.toMatchObject({ code: "invalid-image-config" });
  });

  test("an index without entries", async () => {
    const repository = await embedded();
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
    );
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
    await repository.put({ descriptor, bytes }, v1);
    await expect(inspectImage(repository, v1)).rejects.toMatchObject({ code: "platform-missing" });
  });
});

test("an image whose children are not all there is not described as a whole", async () => {
  const repository = await embedded();
  const image = await buildImage("app", "v1");
  await pushImage(image, repository, [v1]);
  const { digest } = image.root.descriptor;
  const whole = await describeImage(repository, digest);
  expect(whole).toMatchObject({ isPartial: false, platforms: ["linux/amd64", "linux/arm64"] });
  const absent = image.children[1]?.descriptor.digest;
  const part = await describeImage(repository, digest, async (asked) =>
    asked === absent ? undefined : repository.fetch(asked),
  );
  expect(part).toMatchObject({ isPartial: true, platforms: whole?.platforms });
  expect(part?.size).toBeLessThan(whole?.size ?? 0);
});

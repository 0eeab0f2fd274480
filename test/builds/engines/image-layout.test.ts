import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { directoryIntoLayout, readLayoutRoot } from "../../../src/builds/engines/image-layout.ts";
import { digestOf, hexOf, mediaTypes } from "../../../src/oci/index.ts";
import { temporaryFolder } from "../../support/tree.ts";

let place: Awaited<ReturnType<typeof temporaryFolder>>;
let directory: string;
let layout: string;
beforeEach(async () => {
  place = await temporaryFolder("directory");
  directory = join(place.path, "directory");
  layout = join(place.path, "layout");
  await Promise.all([mkdir(directory), mkdir(layout)]);
});
afterEach(() => place.remove());

const config = Buffer.from('{"config":{"Healthcheck":{"Test":["NONE"]}}}');
const layer = Buffer.from("a layer");
const blob = (bytes: Buffer) => ({ mediaType: "any", size: bytes.length, digest: digestOf(bytes) });
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.dockerManifest,
  config: blob(config),
  layers: [blob(layer), blob(layer)],
};

async function write(document: unknown, blobs: readonly Buffer[]): Promise<void> {
  await writeFile(join(directory, "manifest.json"), JSON.stringify(document));
  for (const bytes of blobs) await writeFile(join(directory, hexOf(digestOf(bytes))), bytes);
}

describe("an image in a folder of containers/image", () => {
  test("becomes a layout with every byte as it was", async () => {
    await write(manifest, [config, layer]);
    const root = await directoryIntoLayout(directory, layout);
    expect(await readLayoutRoot(layout)).toEqual(root);
    expect(root).toMatchObject({
      mediaType: mediaTypes.dockerManifest,
      digest: digestOf(Buffer.from(JSON.stringify(manifest))),
    });
    for (const bytes of [config, layer]) {
      expect(await readFile(join(layout, "blobs/sha256", hexOf(digestOf(bytes))))).toEqual(bytes);
    }
  });

  test.each([
    ["lacks a blob", manifest, [config], "the image lacks sha256:"],
    ["is a list", { mediaType: mediaTypes.dockerList, manifests: [] }, [], "an image that is none"],
    [
      "names a blob by a path",
      { ...manifest, layers: [{ digest: "sha256:../../etc/passwd" }] },
      [config],
      "none",
    ],
    ["is empty", undefined, [], "none"],
  ])("is refused when it %s", async (_, document, blobs, message) => {
    await write(document ?? null, blobs);
    await expect(directoryIntoLayout(directory, layout)).rejects.toMatchObject({
      code: "engine-failed",
      message: expect.stringContaining(message),
    });
  });
});

import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { carriedArtifact, listCarried } from "../../src/air-gap/carried.ts";
import { describeBytes, mediaTypes, parseRepository } from "../../src/oci/index.ts";

/** An artifact that names one blob under many names, and what was opened of it. */
function carrying(bytes: Buffer, ...paths: readonly string[]) {
  const layer = describeBytes("application/octet-stream", bytes);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describeBytes(mediaTypes.ociEmpty, Buffer.from("{}")),
    layers: paths.map((path) => ({ ...layer, annotations: { "org.opencontainers.image.title": path } })),
  };
  const written = Buffer.from(JSON.stringify(manifest));
  const opened: string[] = [];
  const repository = {
    name: parseRepository("localhost/files"),
    open: async ({ digest }: { readonly digest: string }) => {
      opened.push(digest);
      return Readable.from([bytes]);
    },
  } as unknown as Parameters<typeof listCarried>[1];
  const document = { descriptor: describeBytes(mediaTypes.ociManifest, written), bytes: written };
  return { opened, list: () => listCarried(document, repository, "x.tar") };
}

test("files of a bundle that are too much together, or no files beside each other, are refused before one is read", () => {
  const many = carrying(Buffer.alloc(60 * 1024 * 1024), "a", "b", "c", "d", "e");
  expect(many.list).toThrow("bytes together");
  expect(carrying(Buffer.from("a"), "a", "a").list).toThrow('two files "a"');
  expect(carrying(Buffer.from("a"), "../a").list).toThrow("no plain relative path");
  expect(many.opened).toEqual([]);
});

test("files of a bundle are read one by one, when they are asked for", async () => {
  const { opened, list } = carrying(Buffer.from("a file"), "a", "b", "c");
  const files = list();
  expect(files.map(({ path, size }) => [path, size])).toEqual([
    ["a", 6],
    ["b", 6],
    ["c", 6],
  ]);
  expect(opened).toEqual([]);
  expect(Buffer.from((await files[1]?.read()) ?? []).toString()).toBe("a file");
  expect(opened).toHaveLength(1);
});

test("what the other side would refuse is not put into a bundle", () => {
  const file = (path: string, size = 1) => ({ path, bytes: Buffer.alloc(size) });
  expect(() => carriedArtifact([file("../a")])).toThrow("no plain relative path");
  expect(() => carriedArtifact([file("a", 64 * 1024 * 1024 + 1)])).toThrow("has more than");
});

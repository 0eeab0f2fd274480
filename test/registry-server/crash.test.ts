import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type DurableFiles, durableFiles } from "../../src/disk/index.ts";
import { parseDigest, parseTag, type RepositoryPath } from "../../src/oci/index.ts";
import { type BlobStore, blobStore } from "../../src/registry-server/blob-store.ts";
import { type Layout, layoutOf } from "../../src/registry-server/layout.ts";
import {
  type ManifestStore,
  manifestStore,
  type NewManifest,
} from "../../src/registry-server/manifest-store.ts";
import { temporaryFolder } from "./client.ts";
import { randomBlob, types } from "./samples.ts";

const repository = "team/app" as RepositoryPath;
const other = "team/other" as RepositoryPath;
const tags = [parseTag("v1"), parseTag("latest")];
const subject = parseDigest(randomBlob().digest);

class Crash extends Error {}

/** The files of a process that dies after so many changes. */
function dyingAfter(changes: number, files: DurableFiles): DurableFiles {
  let left = changes;
  const orDie = <Done>(change: () => Promise<Done>): Promise<Done> => {
    left -= 1;
    return left < 0 ? Promise.reject(new Crash()) : change();
  };
  return {
    ...files,
    replace: (path, content) => orDie(() => files.replace(path, content)),
    link: (existing, path) => orDie(() => files.link(existing, path)),
    remove: (path) => orDie(() => files.remove(path)),
  };
}

async function newLayout(): Promise<Layout> {
  const layout = layoutOf(await temporaryFolder());
  for (const folder of [layout.blobs, layout.repositories, layout.uploads, layout.temporary])
    await mkdir(folder);
  return layout;
}

function newManifest(): NewManifest {
  const { bytes, digest: text } = randomBlob(100);
  const digest = parseDigest(text);
  const descriptor = { mediaType: types.manifest, digest, size: bytes.length };
  return { bytes, digest, mediaType: types.manifest, imageSize: 100, referrer: { subject, descriptor } };
}

/**
 * Does the work again and again on a new folder, letting the process die one change later each time, until it comes
 * through; after each death `check` looks at what the next process finds. Answers in how many places it died.
 */
async function dieEverywhere(
  prepare: (files: DurableFiles, layout: Layout) => Promise<void>,
  work: (files: DurableFiles, layout: Layout) => Promise<unknown>,
  check: (files: DurableFiles, layout: Layout) => Promise<void>,
): Promise<number> {
  for (let changes = 0; ; changes += 1) {
    const layout = await newLayout();
    const files = durableFiles(layout.temporary);
    await prepare(files, layout);
    const died = await work(dyingAfter(changes, files), layout).then(
      () => false,
      (thrown: unknown) => {
        if (thrown instanceof Crash) return true;
        throw thrown;
      },
    );
    await check(files, layout);
    if (!died) return changes;
  }
}

/** Whatever tag or referrer can be seen has its manifest. */
async function expectNothingHalf(store: ManifestStore): Promise<void> {
  for (const tag of await store.tags(repository)) {
    expect(await store.read(repository, tag)).toBeDefined();
  }
  for await (const { digest } of store.referrers(repository, subject, undefined)) {
    expect(await store.read(repository, digest)).toBeDefined();
  }
  for (const { digest } of await store.list(repository)) {
    const found = [];
    for await (const referrer of store.referrers(repository, subject, undefined)) found.push(referrer.digest);
    expect(found).toContain(digest);
  }
}

describe("a process that dies between any two changes to its files", () => {
  const nothing = async () => {};

  test("while it puts a manifest, leaves all of it or nothing to see, and the next one finishes", async () => {
    const manifest = newManifest();
    const deaths = await dieEverywhere(
      nothing,
      (files, layout) => manifestStore(layout, files).put(repository, manifest, tags),
      async (files, layout) => {
        const store = manifestStore(layout, files);
        await expectNothingHalf(store);
        await store.put(repository, manifest, tags);
        expect((await store.read(repository, parseTag("latest")))?.bytes.equals(manifest.bytes)).toBe(true);
        await expectNothingHalf(store);
      },
    );
    expect(deaths).toBe(4);
  });

  test("while it moves a tag, leaves the old manifest or the new one under it", async () => {
    const [before, after] = [newManifest(), newManifest()];
    await dieEverywhere(
      (files, layout) => manifestStore(layout, files).put(repository, before, tags),
      (files, layout) => manifestStore(layout, files).put(repository, after, tags),
      async (files, layout) => {
        const store = manifestStore(layout, files);
        await expectNothingHalf(store);
        for (const tag of tags) {
          expect([before.digest, after.digest]).toContain((await store.find(repository, tag))?.digest);
        }
      },
    );
  });

  test("while it deletes a manifest, leaves no tag without it, and the next one finishes", async () => {
    const manifest = newManifest();
    const deaths = await dieEverywhere(
      (files, layout) => manifestStore(layout, files).put(repository, manifest, tags),
      (files, layout) => manifestStore(layout, files).remove(repository, manifest.digest),
      async (files, layout) => {
        const store = manifestStore(layout, files);
        await expectNothingHalf(store);
        await store.remove(repository, manifest.digest);
        expect([await store.tags(repository), await store.list(repository)]).toEqual([[], []]);
        // What it left out of sight must not come back with another manifest.
        await store.put(repository, { ...newManifest(), referrer: undefined }, []);
        const found = [];
        for await (const referrer of store.referrers(repository, subject, undefined)) found.push(referrer);
        expect(found).toEqual([]);
      },
    );
    expect(deaths).toBe(4);
  });

  test("while it takes in, mounts or deletes a blob, leaves it whole or absent", async () => {
    const blob = randomBlob();
    const digest = parseDigest(blob.digest);
    const expectWholeOrAbsent = async (store: BlobStore) => {
      for (const name of [repository, other]) {
        const found = await store.open(name, digest);
        if (found === undefined) continue;
        expect((await found.file.readFile()).equals(blob.bytes)).toBe(true);
        await found.file.close();
      }
    };
    const adopt = async (store: BlobStore, layout: Layout) => {
      const upload = join(layout.uploads, "upload");
      await writeFile(upload, blob.bytes);
      await store.adopt(upload, repository, digest);
      await rm(upload);
    };
    const deaths = await dieEverywhere(
      nothing,
      async (files, layout) => {
        const store = blobStore(layout, files);
        await adopt(store, layout);
        await store.mount(digest, other, repository);
        await store.remove(repository, digest);
        await store.remove(other, digest);
      },
      async (files, layout) => {
        const store = blobStore(layout, files);
        await expectWholeOrAbsent(store);
        await adopt(store, layout);
        expect(await store.size(repository, digest)).toBe(blob.bytes.length);
      },
    );
    expect(deaths).toBe(6);
  });
});

import { mkdir, readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type DurableFiles, durableFiles } from "../../src/disk/index.ts";
import { parseDigest, parseTag, type RepositoryPath } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { layoutOf } from "../../src/registry-server/layout.ts";
import { manifestStore } from "../../src/registry-server/manifest-store.ts";
import { startRegistryProcess } from "./child-registry.ts";
import { ask, pushBlob, pushSample, startForTest, temporaryFolder } from "./client.ts";
import { digestOf, image, index, lastOf, randomBlob, type Sample } from "./samples.ts";

/** Pulls all of a sample and hashes it. */
async function expectWhole(url: string, repository: string, sample: Sample, tag: string): Promise<void> {
  const tagged = await ask(url, "GET", `/v2/${repository}/manifests/${tag}`);
  expect([tagged.status, digestOf(tagged.body)]).toEqual([200, lastOf(sample).digest]);
  for (const [kind, items] of [
    ["manifests", sample.manifests],
    ["blobs", sample.blobs],
  ] as const) {
    for (const { digest } of items) {
      const { status, body } = await ask(url, "GET", `/v2/${repository}/${kind}/${digest}`);
      expect([digest, status, digestOf(body)]).toEqual([digest, 200, digest]);
    }
  }
}

async function startProcess(dir: string) {
  const registry = await startRegistryProcess(dir);
  onTestFinished(() => registry.kill());
  return registry;
}

describe("several processes that serve one folder", () => {
  test("lose nothing while others start and sweep, and show each other's images", async () => {
    const dir = await temporaryFolder();
    const urls = (await Promise.all([startProcess(dir), startProcess(dir)])).map(
      ({ firstLine }) => firstLine,
    );
    const pushed: { sample: Sample; repository: string; tag: string }[] = [];
    // All writers share blobs, so that what one takes in is what another is about to link.
    const shared = randomBlob(60_000);
    let isOver = false;
    const write = async (url: string, writer: number) => {
      for (let at = 0; !isOver; at += 1) {
        const sample = index([image({ layerBytes: 30_000 }), image({ layers: 1 })]);
        const repository = `team/app${at % 2}`;
        const tag = `w${writer}-${at}`;
        expect((await pushBlob(url, repository, shared)).status).toBe(201);
        await pushSample(url, repository, sample, tag);
        // A blob without any name but its own is what a start sweeps.
        await ask(url, "DELETE", `/v2/${repository}/blobs/${shared.digest}`);
        pushed.push({ sample, repository, tag });
      }
    };
    const writing = Promise.all([0, 1, 2, 3].map((writer) => write(String(urls[writer % 2]), writer)));
    // On a busy machine the first image takes longer than many starts.
    for (let round = 0; round < 25 || pushed.length < 5; round += 1) {
      const server = await startRegistryServer({ dir });
      await server.close();
    }
    isOver = true;
    await writing;
    for (const url of urls) {
      for (const { sample, repository, tag } of pushed) await expectWhole(url, repository, sample, tag);
    }
    expect(await readdir(join(dir, "uploads"))).toEqual([]);
  }, 120_000);

  test("keep a manifest that another deletes while it is stored", async () => {
    const layout = layoutOf(await temporaryFolder());
    await mkdir(layout.temporary);
    const files: DurableFiles = durableFiles(layout.temporary);
    const other = manifestStore(layout, files);
    const repository = "team/app" as RepositoryPath;
    const { bytes, digest: text, mediaType } = lastOf(image());
    const digest = parseDigest(text);
    let deletions = 0;
    const store = manifestStore(layout, {
      ...files,
      async replace(path, content) {
        // The other process has listed the tags before this one is written.
        if (path.includes("_tags") && deletions < 2 && (await other.remove(repository, digest)))
          deletions += 1;
        await files.replace(path, content);
      },
    });
    const manifest = { bytes, digest, mediaType, imageSize: 1, referrer: undefined };
    await store.put(repository, manifest, [parseTag("v1"), parseTag("v2")]);
    expect(deletions).toBe(2);
    for (const name of ["v1", "v2"])
      expect((await other.find(repository, parseTag(name)))?.digest).toBe(digest);
  });
});

describe("an upload that another server of the folder began", () => {
  const begin = async (url: string, bytes: Uint8Array) => {
    const { headers } = await ask(url, "POST", "/v2/team/app/blobs/uploads/");
    const path = String(headers.location);
    expect((await ask(url, "PATCH", path, { body: bytes })).status).toBe(202);
    return path;
  };

  test("is left alone while that may go on with it", async () => {
    const dir = await temporaryFolder();
    const [one, other] = [await startForTest({ dir }), await startForTest({ dir })];
    const blob = randomBlob(1000);
    const path = await begin(one.url, blob.bytes.subarray(0, 500));
    expect((await ask(other.url, "PATCH", path, { body: blob.bytes.subarray(500) })).status).toBe(404);
    const end = await ask(one.url, "PUT", `${path}?digest=${blob.digest}`, {
      body: blob.bytes.subarray(500),
    });
    expect(end.status).toBe(201);
    const { body } = await ask(other.url, "GET", `/v2/team/app/blobs/${blob.digest}`);
    expect(digestOf(body)).toBe(blob.digest);
  });

  test.each(["ends", "is killed", "falls silent"])("goes on when that %s", async (how) => {
    const dir = await temporaryFolder();
    const child = await startProcess(dir);
    const one = how === "is killed" ? undefined : await startRegistryServer({ dir });
    const other = await startForTest({ dir });
    const blob = randomBlob(1000);
    const path = await begin(one?.url ?? child.firstLine, blob.bytes.subarray(0, 500));
    if (how === "ends") await one?.close();
    if (how === "is killed") await child.kill();
    if (how === "falls silent") {
      const [file = ""] = await readdir(join(dir, "uploads"));
      await utimes(join(dir, "uploads", file), 0, Date.now() / 1000 - 600);
    }
    const end = await ask(other.url, "PUT", `${path}?digest=${blob.digest}`, {
      body: blob.bytes.subarray(500),
    });
    expect(end.status).toBe(201);
    if (how === "falls silent" && one !== undefined) {
      expect((await ask(one.url, "PATCH", path, { body: "more" })).status).toBe(404);
    }
    expect(await readdir(join(dir, "uploads"))).toEqual([]);
    await one?.close();
  });
});

import { readdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { collectGarbage, startRegistryServer } from "../../src/registry-server/index.ts";
import { sourceUrl } from "../support/built.ts";
import { start } from "../support/child.ts";
import { openRandom } from "../support/random.ts";
import {
  ask,
  errorCode,
  pushBlob,
  pushManifest,
  pushSample,
  startForTest,
  temporaryFolder,
} from "./client.ts";
import { type Blob, image, index, lastOf, randomBlob, type Sample } from "./samples.ts";

const repository = "team/app";

/** Bytes of the blobs that are on disk. */
async function bytesOnDisk(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(join(dir, "blobs"), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

/** As if everything had come two hours ago. */
async function age(dir: string): Promise<void> {
  const before = new Date(Date.now() - 2 * 60 * 60 * 1000);
  for (const entry of await readdir(join(dir, "repositories"), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), before, before);
  }
}

const deleted = (url: string, reference: string) =>
  ask(url, "DELETE", `/v2/${repository}/manifests/${reference}`);

async function expectWhole(url: string, sample: Sample): Promise<void> {
  for (const { digest } of sample.manifests) {
    expect((await ask(url, "GET", `/v2/${repository}/manifests/${digest}`)).status).toBe(200);
  }
  for (const { digest, bytes } of sample.blobs) {
    const { body } = await ask(url, "GET", `/v2/${repository}/blobs/${digest}`);
    expect(body.equals(bytes)).toBe(true);
  }
}

describe("collecting garbage", () => {
  test("gives back what a deleted image has left, and nothing else, when no server is running", async () => {
    const dir = await temporaryFolder();
    const server = await startRegistryServer({ dir });
    const [kept, gone] = [image(), image()];
    await pushSample(server.url, repository, kept, "kept");
    const before = await bytesOnDisk(dir);
    await pushSample(server.url, repository, gone, "gone");
    const { status } = await deleted(server.url, lastOf(gone).digest);
    expect(status).toBe(202);
    await server.close();
    const would = await collectGarbage({ dir, dryRun: true });
    expect(await bytesOnDisk(dir)).toBeGreaterThan(before);
    const collected = await collectGarbage({ dir });
    expect(collected).toEqual(would);
    expect(collected).toMatchObject({ manifests: 0, blobs: gone.blobs.length, young: 0, unread: [] });
    expect(await bytesOnDisk(dir)).toBe(before);
    const { url } = await startForTest({ dir });
    await expectWhole(url, kept);
  });

  test("leaves what came just now while a server is running, and what somebody was told of", async () => {
    const { url, dir } = await startForTest();
    const [uploaded, mounted, seen, old] = [randomBlob(), randomBlob(), randomBlob(), randomBlob()];
    for (const blob of [mounted, seen, old]) await pushBlob(url, repository, blob);
    await pushBlob(url, "other", mounted);
    await age(dir);
    await pushBlob(url, repository, uploaded);
    const mount = `/v2/third/blobs/uploads/?mount=${mounted.digest}&from=${repository}`;
    expect((await ask(url, "POST", mount)).status).toBe(201);
    await ask(url, "HEAD", `/v2/${repository}/blobs/${seen.digest}`);
    expect(await collectGarbage({ dir })).toMatchObject({ blobs: 1, bytes: old.bytes.length });
    const has = async (name: string, blob: Blob) =>
      (await ask(url, "GET", `/v2/${name}/blobs/${blob.digest}`)).status === 200;
    expect(await has(repository, uploaded)).toBe(true);
    expect(await has("third", mounted)).toBe(true);
    expect(await has(repository, seen)).toBe(true);
    expect(await has(repository, old)).toBe(false);
  });

  test("leaves blobs that another repository has, until the last one gives them up", async () => {
    const { url, dir } = await startForTest();
    const sample = image();
    await pushSample(url, repository, sample, "v1");
    await pushSample(url, "other", sample, "v1");
    await deleted(url, lastOf(sample).digest);
    await age(dir);
    expect(await collectGarbage({ dir })).toMatchObject({ blobs: sample.blobs.length, bytes: 0 });
    await ask(url, "DELETE", `/v2/other/manifests/${lastOf(sample).digest}`);
    await age(dir);
    expect((await collectGarbage({ dir })).bytes).toBeGreaterThan(0);
    expect(await bytesOnDisk(dir)).toBe(0);
  });

  test("takes manifests that no tag leads to only when it is asked to", async () => {
    const { url, dir } = await startForTest();
    const [platforms, single] = [index([image(), image()]), image()];
    await pushSample(url, repository, platforms, "v1");
    await pushSample(url, repository, single, "v2");
    await deleted(url, "v1");
    await age(dir);
    expect(await collectGarbage({ dir })).toMatchObject({ manifests: 0, blobs: 0 });
    await expectWhole(url, platforms);
    expect(await collectGarbage({ dir, untagged: true })).toMatchObject({
      manifests: platforms.manifests.length,
      blobs: platforms.blobs.length,
    });
    await expectWhole(url, single);
  });

  test("takes nothing from a repository that it cannot read, and says so", async () => {
    const { url, dir } = await startForTest();
    const sample = image();
    await pushSample(url, repository, sample, "v1");
    const stray = randomBlob();
    await pushBlob(url, repository, stray);
    await age(dir);
    const [file = ""] = await readdir(join(dir, "repositories", repository, "_manifests", "sha256"));
    const path = join(dir, "repositories", repository, "_manifests", "sha256", file);
    const { writeFile, readFile } = await import("node:fs/promises");
    const [record = ""] = (await readFile(path, "utf8")).split("\n");
    await writeFile(path, `${record}\n{"schemaVersion":2,"layers":7}`);
    expect(await collectGarbage({ dir })).toMatchObject({ blobs: 0, unread: [{ repository }] });
    expect((await ask(url, "GET", `/v2/${repository}/blobs/${stray.digest}`)).status).toBe(200);
  });

  test("of a folder that is no registry is refused", async () => {
    const dir = await temporaryFolder();
    await expect(collectGarbage({ dir })).rejects.toMatchObject({ code: "storage-unusable" });
    expect(await readdir(dir)).toEqual([]);
  });
});

/** Collects again and again, sparing nothing that is young, in a process of its own. */
async function collectingProcess(dir: string) {
  const door = sourceUrl("registry-server/index.ts");
  const script = `
    import { collectGarbage } from ${JSON.stringify(door)};
    console.log("collecting");
    for (;;) await collectGarbage({ dir: ${JSON.stringify(dir)}, untagged: true, minAgeMilliseconds: 0 });
  `;
  return start(process.execPath, ["--input-type=module", "--eval", script]);
}

test("killed again and again beside pushes, nothing that is referred to is ever lost", async () => {
  const random = openRandom();
  const { url, dir } = await startForTest();
  const base = randomBlob(20_000);
  let isOver = false;
  let refused = 0;
  const pushed: { name: string; tag: string; sample: Sample }[] = [];
  /** Pushes images, gives up others, and lets go of nothing that was confirmed. */
  const push = async (writer: number) => {
    for (let round = 0; !isOver; round += 1) {
      const sample = image({ layerBytes: 20_000 });
      const name = `team/app${writer % 2}`;
      const tag = `v${writer}-${round}`;
      try {
        await pushBlob(url, name, base);
        await pushSample(url, name, sample, tag);
        if (round % 3 === 0) await ask(url, "DELETE", `/v2/${name}/manifests/${lastOf(sample).digest}`);
        else pushed.push({ name, tag, sample });
      } catch (thrown) {
        // Where nothing young is spared, a blob may go before its manifest comes; then the push is refused, and not half done.
        expect(String(thrown)).toMatch(/MANIFEST_BLOB_UNKNOWN/);
        refused += 1;
      }
    }
  };
  const writing = Promise.all([0, 1, 2].map(push));
  for (let round = 0; round < 4; round += 1) {
    const collecting = await collectingProcess(dir);
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * 300));
    await collecting.kill();
  }
  isOver = true;
  await writing;
  await collectGarbage({ dir, untagged: true, minAgeMilliseconds: 0 });
  expect(pushed.length).toBeGreaterThan(0);
  for (const { name, tag, sample } of pushed) {
    const { status, body } = await ask(url, "GET", `/v2/${name}/manifests/${tag}`);
    expect([tag, status, body.equals(lastOf(sample).bytes)]).toEqual([tag, 200, true]);
    for (const blob of sample.blobs) {
      const found = await ask(url, "GET", `/v2/${name}/blobs/${blob.digest}`);
      expect([tag, found.status, found.body.equals(blob.bytes)]).toEqual([tag, 200, true]);
    }
  }
  const { repositories } = JSON.parse((await ask(url, "GET", "/v2/_catalog")).body.toString());
  expect(repositories.length).toBeGreaterThan(0);
  expect(refused).toBeLessThan(pushed.length * 50);
}, 120_000);

describe("a registry that may hold so much", () => {
  test("refuses more, says what frees room, and takes it once there is room", async () => {
    const { url, dir } = await startForTest({ maxSize: 300_000 });
    const sample = image({ layers: 1, layerBytes: 200_000 });
    await pushSample(url, repository, sample, "v1");
    const more = randomBlob(150_000);
    const refused = await pushBlob(url, repository, more);
    expect([refused.status, errorCode(refused)]).toEqual([507, "DENIED"]);
    expect(refused.body.toString()).toContain("waybill registry gc");
    const begun = await ask(url, "POST", `/v2/${repository}/blobs/uploads/`);
    const chunked = await ask(url, "PATCH", String(begun.headers.location), {
      headers: { "Transfer-Encoding": "chunked" },
      body: more.bytes,
    });
    expect([chunked.status, errorCode(chunked)]).toEqual([507, "DENIED"]);
    expect(await readdir(join(dir, "uploads"))).toEqual([]);
    const never = await pushBlob(url, repository, randomBlob(400_000));
    expect([never.status, errorCode(never)]).toEqual([413, "DENIED"]);
    await expectWhole(url, sample);
    await deleted(url, lastOf(sample).digest);
    await collectGarbage({ dir, minAgeMilliseconds: 0 });
    // A registry that was full a moment ago does not look at once whether it still is.
    await expect
      .poll(async () => (await pushBlob(url, repository, more)).status, { timeout: 30_000 })
      .toBe(201);
    expect((await pushManifest(url, repository, "x", lastOf(sample))).status).toBe(400);
  });

  test("knows what was there before it was started", async () => {
    const dir = await temporaryFolder();
    const first = await startRegistryServer({ dir });
    await pushBlob(first.url, repository, randomBlob(200_000));
    await first.close();
    const { url } = await startForTest({ dir, maxSize: 300_000 });
    expect((await pushBlob(url, repository, randomBlob(150_000))).status).toBe(507);
  });
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isIndexType, parseRepository, parseTag, readImageContent } from "../../src/oci/index.ts";
import { openLayout } from "../../src/registry/layout/layout.ts";
import { sourceUrl } from "../support/built.ts";
import { openRandom } from "../support/random.ts";
import { temporaryFolder } from "../support/tree.ts";
import { blob, bytesOf, image, store, streamOf } from "./layout-images.ts";

const name = parseRepository("gcr.io/k8s-staging-foo/bar");
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: string;
let runs = 0;

beforeAll(async () => {
  temporary = await temporaryFolder("layout-crash");
});
afterAll(() => temporary.remove());
beforeEach(() => {
  runs += 1;
  folder = join(temporary.path, String(runs));
});

/** A process that puts images `PREFIX-0`, `PREFIX-1`, … into the folder and writes a line for each that is done. */
function writer(prefix: string, count: number): ChildProcess {
  const url = (path: string) => JSON.stringify(sourceUrl(path));
  const script = `
    import { randomBytes } from "node:crypto";
    import { Readable } from "node:stream";
    import { digestOf, mediaTypes } from ${url("oci/index.ts")};
    import { openLayout } from ${url("registry/layout/layout.ts")};
    const repository = openLayout(${JSON.stringify(folder)}, ${JSON.stringify(name)});
    const describe = (bytes, mediaType) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
    const push = async (bytes, mediaType) => {
      const descriptor = describe(bytes, mediaType);
      await repository.push(descriptor, async () => Readable.from([bytes]));
      return descriptor;
    };
    const put = async (json, tag) => {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
      const descriptor = describe(bytes, json.mediaType);
      await repository.put({ descriptor, bytes }, tag);
      return descriptor;
    };
    for (let at = 0; at < ${count}; at += 1) {
      const config = await push(Buffer.from("{}"), mediaTypes.ociConfig);
      const layer = await push(randomBytes(300_000), mediaTypes.ociLayer);
      const child = await put({ mediaType: mediaTypes.ociManifest, config, layers: [layer] });
      const tag = ${JSON.stringify(prefix)} + "-" + at;
      await put({ mediaType: mediaTypes.ociIndex, manifests: [child] }, tag);
      console.log(tag);
    }`;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function linesOf(child: ChildProcess): Promise<string[]> {
  if (child.stdout === null) throw new Error("no output");
  const lines: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  await once(child, "close");
  return lines;
}

/** Reads everything that the folder shows, and hashes it. Gives the tags. */
async function checkWhole(): Promise<readonly string[]> {
  const repository = openLayout(folder, name);
  const listing = await repository.list();
  for (const digest of listing?.manifests?.keys() ?? []) {
    const document = await repository.fetch(digest);
    if (document === undefined) throw new Error(`${digest} is listed and not there`);
    const content = readImageContent(document);
    for (const part of content.blobs) await bytesOf(await repository.open(part));
    for (const child of content.children) expect(await repository.fetch(child.digest)).toBeDefined();
    expect(isIndexType(document.descriptor.mediaType) ? content.children : content.blobs).not.toEqual([]);
  }
  return listing?.tags ?? [];
}

describe("a writer killed at any moment", () => {
  test("leaves whole images alone, and everything it had finished", async () => {
    const random = openRandom();
    const done = new Set<string>();
    for (let round = 0; round < 15; round += 1) {
      const child = writer(`r${round}`, 1000);
      const lines = linesOf(child);
      await once(child.stdout ?? child, "data");
      const timer = setTimeout(() => child.kill("SIGKILL"), random() * 120);
      for (const line of await lines) done.add(line);
      clearTimeout(timer);
      const tags = await checkWhole();
      expect([...done].filter((tag) => !tags.includes(tag))).toEqual([]);
    }
    const before = await checkWhole();
    await store(openLayout(folder, name), image(), "last");
    expect(new Set(await checkWhole())).toEqual(new Set([...before, "last"]));
    expect(await readdir(join(folder, ".waybill"))).toEqual([]);
  });
});

describe("writers at the same time", () => {
  test("in several processes lose nothing of each other", async () => {
    const prefixes = ["a", "b", "c", "d"];
    const lines = await Promise.all(prefixes.map((prefix) => linesOf(writer(prefix, 15))));
    expect(lines.map((those) => those.length)).toEqual([15, 15, 15, 15]);
    expect(new Set(await checkWhole())).toEqual(new Set(lines.flat()));
  });

  test("in one process lose nothing of each other, and share their writes", async () => {
    const [one, other] = [openLayout(folder, name), openLayout(folder, name)];
    const images = Array.from({ length: 100 }, () => image());
    for (const each of images)
      for (const part of each.blobs) await one.push(part.descriptor, streamOf(part.bytes));
    await Promise.all(
      images.map(({ manifest }, at) => (at % 2 ? one : other).put(manifest, parseTag(`v${at}`))),
    );
    expect(new Set(await checkWhole())).toEqual(new Set(images.map((_, at) => `v${at}`)));
  });
});

describe("what a killed process left under construction", () => {
  test("is removed by the next writer, when its process has ended or it is a day old", async () => {
    const repository = openLayout(folder, name);
    await repository.push(blob("x").descriptor, streamOf(blob("x").bytes));
    const drafts = join(folder, ".waybill");
    const elsewhere = join(drafts, "1-0123456789ab.0123456789abcdef");
    const old = join(drafts, "2-0123456789ab.0123456789abcdef");
    const lock = join(drafts, "lock.2-0123456789ab.0123456789abcdef");
    const foreign = join(drafts, "notes.txt");
    for (const file of [elsewhere, old, lock, foreign]) await writeFile(file, "left");
    const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
    for (const file of [old, lock, foreign]) await utimes(file, twoDaysAgo, twoDaysAgo);
    await openLayout(folder, name).push(blob("y").descriptor, streamOf(blob("y").bytes));
    expect((await readdir(drafts)).sort()).toEqual(["1-0123456789ab.0123456789abcdef", "notes.txt"]);
    expect(await readFile(elsewhere, "utf8")).toBe("left");
  });
});

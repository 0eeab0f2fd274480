import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ObjectStore, openObjects } from "../../src/objects/index.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { temporaryFolder } from "../support/tree.ts";

let server: S3Server;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  server = await startS3Server("records");
  folder = await temporaryFolder("objects");
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

let round = 0;
const drivers: Readonly<Record<string, () => ObjectStore>> = {
  "in a folder": () => openObjects(`${folder.path}/${round}`),
  "in a bucket": () => openObjects("s3://records", { network: { environment: server.environment } }),
  "below a prefix of a bucket": () =>
    openObjects("s3://records/deep/er", { network: { environment: server.environment } }),
};

/** What every store of objects keeps to. */
describe.each(Object.entries(drivers))("objects %s", (_, open) => {
  let store: ObjectStore;
  beforeEach(() => {
    round += 1;
    server.objects.clear();
    store = open();
  });

  const textOf = async (path: string, range?: { from: number; to?: number }) => {
    const found = await store.get(path, range);
    if (found === undefined) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of found.body) pieces.push(piece);
    return { size: found.size, text: Buffer.concat(pieces).toString() };
  };
  const listed = async (...asked: Parameters<ObjectStore["list"]>) => {
    const found: (string | [string, number])[] = [];
    for await (const { path, size } of store.list(...asked))
      found.push(size === undefined ? path : [path, size]);
    return found;
  };

  test("are read as they were put, whole and in parts, and the last of them counts", async () => {
    expect(await store.get("a/b.txt")).toBeUndefined();
    await store.put("a/b.txt", "first");
    await store.put("a/b.txt", new Uint8Array([0x68, 0x65, 0x6c, 0x6c, 0x6f]));
    expect(await textOf("a/b.txt")).toEqual({ size: 5, text: "hello" });
    expect(await textOf("a/b.txt", { from: 1 })).toEqual({ size: 5, text: "ello" });
    expect(await textOf("a/b.txt", { from: 1, to: 3 })).toEqual({ size: 5, text: "el" });
    expect(await textOf("a/b.txt", { from: 2, to: 2 })).toEqual({ size: 5, text: "" });
    expect(await textOf("a/b.txt", { from: 5 })).toEqual({ size: 5, text: "" });
    expect(await textOf("a/b.txt", { from: 3, to: 99 })).toEqual({ size: 5, text: "lo" });
    await store.put("empty", "");
    expect(await textOf("empty")).toEqual({ size: 0, text: "" });
  });

  test("are streamed when they are large", async () => {
    const piece = Buffer.alloc(100_000, "x");
    const open = async function* () {
      for (let at = 0; at < 20; at += 1) yield piece;
    };
    await store.put("large", { size: 2_000_000, open });
    expect((await textOf("large"))?.text.length).toBe(2_000_000);
    await expect(store.put("short", { size: 2_000_001, open })).rejects.toMatchObject({
      code: "objects-refused",
    });
    expect(await store.get("short")).toBeUndefined();
  });

  test("may have names of all letters", async () => {
    const paths = ["a b+c/d&e<f>.txt", "ä/日本 (1)'!*.json", "q?x=1#y/%41~"];
    for (const path of paths) await store.put(path, path);
    for (const path of paths) expect((await textOf(path))?.text).toBe(path);
    const all = await listed("", { isDeep: true });
    expect(new Set(all.map(([path]) => path))).toEqual(new Set(paths));
  });

  test("are listed in the order of their paths, one folder or all below it", async () => {
    const paths = ["logs/a/1/x", "logs/a/1/y", "logs/a/2", "logs/a-b/1", "logs/a/10/z/z", "logs/b", "other"];
    for (const path of paths) await store.put(path, path);
    expect(await listed("logs/")).toEqual(["logs/a-b/", "logs/a/", ["logs/b", 6]]);
    expect(await listed("logs/a/")).toEqual(["logs/a/1/", "logs/a/10/", ["logs/a/2", 8]]);
    expect(await listed("logs/a/", { isDeep: true })).toEqual([
      ["logs/a/1/x", 10],
      ["logs/a/1/y", 10],
      ["logs/a/10/z/z", 13],
      ["logs/a/2", 8],
    ]);
    expect(await listed("logs/a/", { after: "logs/a/1/" })).toEqual(["logs/a/10/", ["logs/a/2", 8]]);
    expect(await listed("logs/a/", { after: "logs/a/1/x", isDeep: true })).toHaveLength(3);
    expect(await listed("", { isDeep: true })).toHaveLength(7);
    expect(await listed("nothing/")).toEqual([]);
  });

  test("are gone when they were deleted, and folders with them", async () => {
    await store.put("a/b/c", "c");
    await store.put("a/d", "d");
    await store.delete("a/b/c");
    await store.delete("a/b/c");
    expect(await store.get("a/b/c")).toBeUndefined();
    expect(await listed("a/")).toEqual([["a/d", 1]]);
  });

  test("have no path that leads elsewhere", async () => {
    const refused = { code: "invalid-object-path" };
    for (const path of ["", "/a", "a/", "a//b", ".", "../a", "a/../../b", "a\0", "a\\b", "x".repeat(2000)]) {
      await expect(store.put(path, "x")).rejects.toMatchObject(refused);
      await expect(store.get(path)).rejects.toMatchObject(refused);
      await expect(store.delete(path)).rejects.toMatchObject(refused);
    }
    await expect(listed("no-slash")).rejects.toMatchObject(refused);
  });
});

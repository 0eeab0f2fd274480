import { spawnSync } from "node:child_process";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTar } from "../../src/air-gap/tar-read.ts";
import { endOfArchive, headOf, paddingOf } from "../../src/air-gap/tar-write.ts";
import { temporaryFolder } from "../support/tree.ts";

describe("tar archives", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    folder = await temporaryFolder("tar");
  });
  afterAll(() => folder.remove());

  const entry = (name: string, content: string): Buffer =>
    Buffer.concat([
      headOf(name, Buffer.byteLength(content)),
      Buffer.from(content),
      Buffer.alloc(paddingOf(Buffer.byteLength(content))),
    ]);
  /** A header whose bytes were changed, with the sum that it has then. */
  const changed = (head: Buffer, change: (head: Buffer) => void): Buffer => {
    const block = Buffer.from(head);
    change(block);
    block.write("        ", 148, "ascii");
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "ascii");
    return block;
  };
  const typed = (name: string, type: string, link = "") =>
    changed(headOf(name, 0), (head) => {
      head.write(type, 156, "ascii");
      head.write(link, 157, "ascii");
    });

  async function read(...parts: readonly Buffer[]) {
    const path = join(folder.path, "made.tar");
    await writeFile(path, Buffer.concat(parts));
    const file = await open(path);
    try {
      return await readTar(file, "made.tar");
    } finally {
      await file.close();
    }
  }

  test("are read as they were written, and the same for GNU tar", async () => {
    const long = `blobs/sha512/${"a".repeat(128)}`;
    const parts = [entry("index.json", "{}"), entry(long, "x".repeat(513)), entry("empty", "")];
    const found = await read(...parts, endOfArchive);
    expect([...found]).toEqual([
      ["index.json", { start: 512, size: 2 }],
      [long, { start: expect.any(Number), size: 513 }],
      ["empty", { start: expect.any(Number), size: 0 }],
    ]);
    const listed = spawnSync("tar", ["-tvf", join(folder.path, "made.tar")], { encoding: "utf8" });
    expect(listed.stderr).toBe("");
    expect(listed.stdout.split("\n").map((line) => line.split(" ").at(-1))).toEqual([
      "index.json",
      long,
      "empty",
      "",
    ]);
  });

  test("say sizes for which a header has no room", () => {
    const head = headOf("blobs/sha256/a", 10 * 1024 ** 3);
    expect(head.length).toBe(3 * 512);
    expect(head.toString("latin1", 512, 540)).toContain("size=10737418240\n");
    expect(headOf("a", 0o77777777777).length).toBe(512);
  });

  test("of GNU tar are read, with its long names and the path that it writes before all", async () => {
    const long = `blobs/sha512/${"b".repeat(128)}`;
    await writeFile(join(folder.path, "index.json"), "{}");
    const script = `mkdir -p ${folder.path}/tree/blobs/sha512 && cd ${folder.path}/tree && echo hello >${long} && echo {} >index.json`;
    spawnSync("sh", ["-c", script]);
    for (const format of ["gnu", "pax", "ustar"]) {
      const names = format === "ustar" ? ["./index.json"] : ["."];
      const path = join(folder.path, `${format}.tar`);
      const made = spawnSync("tar", ["--format", format, "-cf", path, ...names], {
        cwd: join(folder.path, "tree"),
      });
      expect(made.status).toBe(0);
      const file = await open(path);
      const found = await readTar(file, path);
      await file.close();
      expect(found.has("index.json")).toBe(true);
      if (format !== "ustar") expect(found.get(long)?.size).toBe(6);
    }
  });

  test.each([
    ["a link", typed("blobs", "2", "/etc"), "a symbolic link"],
    ["a hard link", typed("blobs", "1", "index.json"), "a hard link"],
    ["a device", typed("null", "3"), "a device"],
    ["a pipe", typed("pipe", "6"), "a pipe"],
    ["a sparse file", typed("sparse", "S"), "a sparse file"],
    ["a path out of it", entry("../../etc/passwd", "x"), "leads out of the archive"],
    ["a path out of it, in the middle", entry("blobs/../../x", "x"), "leads out of the archive"],
    ["a path from the root", entry("/etc/passwd", "x"), "from the root of a disk"],
    ["a path of Windows", entry("..\\..\\x", "x"), "no file of a bundle has"],
    ["a name with a line break", entry("a\nb", "x"), "no file of a bundle has"],
    ["an empty part of a path", entry("blobs//x", "x"), "no plain path"],
    ["a file twice", Buffer.concat([entry("a", "1"), entry("a", "2")]), "stands in it twice"],
    ["a file twice, by two paths", Buffer.concat([entry("a", "1"), entry("./a", "2")]), "stands in it twice"],
    [
      "records that are broken",
      Buffer.concat([
        changed(headOf("x", 5), (head) => void head.write("x", 156)),
        Buffer.from("99 a=\n".padEnd(512, "\0")),
      ]),
      "records of a file are broken",
    ],
    [
      "records without end",
      Buffer.concat([
        changed(headOf("x", 70_000), (head) => void head.write("x", 156)),
        Buffer.alloc(70_144),
      ]),
      "too long",
    ],
  ])("with %s are refused", async (_, bytes, message) => {
    await expect(read(bytes, endOfArchive)).rejects.toMatchObject({
      code: "bundle-refused",
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ["in a header", (whole: Buffer) => whole.subarray(0, 100), "bundle-unreadable"],
    ["in a content", (whole: Buffer) => whole.subarray(0, 600), "bundle-damaged"],
    ["before its end", (whole: Buffer) => whole.subarray(0, -1024), "bundle-damaged"],
    ["after one header", (whole: Buffer) => whole.subarray(0, 512), "bundle-damaged"],
  ])("that are cut off %s are told", async (_, cut, code) => {
    const whole = Buffer.concat([entry("a", "x".repeat(600)), endOfArchive]);
    await expect(read(cut(whole))).rejects.toMatchObject({ code });
  });

  test("that are compressed, or none, are told as that", async () => {
    await expect(read(Buffer.from([0x1f, 0x8b, 8, 0]))).rejects.toMatchObject({
      code: "bundle-unreadable",
      hint: expect.stringContaining("gunzip"),
    });
    await expect(read(Buffer.alloc(2000, 7))).rejects.toMatchObject({ code: "bundle-unreadable" });
  });

  test("of any bytes end in a result or an error of ours", async () => {
    const whole = Buffer.concat([entry("a", "hello"), entry("b/c", "x".repeat(700)), endOfArchive]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }),
        async (changes) => {
          const bytes = Buffer.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          const outcome = await read(bytes).then(
            (found) => found.size,
            (error: { code?: string }) => error.code,
          );
          expect(typeof outcome === "number" || outcome?.startsWith("bundle-")).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

import { spawnSync } from "node:child_process";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createFile,
  createFiles,
  durableFiles,
  makeFolder,
  openGrowing,
  openRegular,
  processMark,
  readNamed,
  readRegular,
  readRegularSync,
  replaceFile,
  sweep,
} from "../../src/disk/index.ts";
import { sourceUrl } from "../support/built.ts";
import { run } from "../support/child.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;

beforeEach(async () => {
  folder = await temporaryFolder("disk");
  file = join(folder.path, "file");
});
afterEach(() => folder.remove());

const isRoot = process.getuid?.() === 0;

describe("a file that is replaced", () => {
  it("has the mode of the old one", async () => {
    await writeFile(file, "old");
    await chmod(file, 0o604);
    await replaceFile(file, "new");
    expect(await readFile(file, "utf8")).toBe("new");
    expect((await stat(file)).mode & 0o7777).toBe(0o604);
    expect(await readdir(folder.path)).toEqual(["file"]);
  });

  (isRoot ? it : it.skip)(`has its owner${isRoot ? "" : " [skipped: not root]"}`, async () => {
    await writeFile(file, "old");
    await chown(file, 1234, 2345);
    await replaceFile(file, ["new ", "parts"]);
    expect(await stat(file)).toMatchObject({ uid: 1234, gid: 2345 });
    expect(await readFile(file, "utf8")).toBe("new parts");
  });

  it("is as it was when a check refuses, and nothing stays behind", async () => {
    await writeFile(file, "old");
    const check = () => Promise.reject(new Error("no"));
    await expect(replaceFile(file, "new", { check })).rejects.toThrow("no");
    expect(await readFile(file, "utf8")).toBe("old");
    expect(await readdir(folder.path)).toEqual(["file"]);
  });
});

describe("a file that is made", () => {
  it("takes nobody's name, not even that of a link which leads nowhere", async () => {
    await symlink("nowhere", file);
    await expect(createFile(file, "new")).rejects.toMatchObject({ code: "EEXIST" });
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect(await readdir(folder.path)).toEqual(["file"]);
  });

  it("goes again with those before it, and their folders, when another cannot be made", async () => {
    await mkdir(join(folder.path, "there"));
    await writeFile(join(folder.path, "there", "taken"), "theirs");
    const files = ["a/b/one", "there/two", "there/taken"].map((name) => ({
      path: join(folder.path, name),
      text: name,
    }));
    await expect(createFiles(files)).rejects.toMatchObject({ code: "EEXIST", dest: files[2]?.path });
    expect(await readdir(folder.path, { recursive: true })).toEqual(["there", "there/taken"]);
  });
});

describe("changes to a folder", () => {
  const inFolder = (...names: string[]) => join(folder.path, ...names);
  const files = () => durableFiles(inFolder("drafts"));

  it("make the folders that they need, and say what was there", async () => {
    await files().replace(inFolder("a", "one"), "1");
    expect(await files().link(inFolder("a", "one"), inFolder("b", "two"))).toBe("linked");
    expect(await files().link(inFolder("a", "one"), inFolder("b", "two"))).toBe("present");
    expect(await files().link(inFolder("a", "none"), inFolder("b", "three"))).toBe("absent");
    expect(await readFile(inFolder("b", "two"), "utf8")).toBe("1");
    expect([await files().remove(inFolder("b", "two")), await files().remove(inFolder("b", "two"))]).toEqual([
      true,
      false,
    ]);
    expect(await readdir(inFolder("drafts"))).toEqual([]);
  });

  it("show nothing of a draft before it is kept, and leave none that was given up", async () => {
    const [kept, lost] = [await files().begin(), await files().begin()];
    await kept.write("whole");
    await mkdir(inFolder("a"));
    expect(await readdir(inFolder("a"))).toEqual([]);
    await kept.keepAs(inFolder("a", "one"));
    for (const draft of [kept, lost]) await draft.discard();
    expect([await readdir(inFolder("a")), await readdir(inFolder("drafts"))]).toEqual([["one"], []]);
  });

  it("sweep away what ended processes began and what is a day old, and nothing else", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", "0"]);
    const ended = processMark().replace(/^[0-9]+/, String(pid));
    const names = {
      ended: `${ended}.0123456789abcdef`,
      old: "1-0123456789ab.0123456789abcdef",
      elsewhere: "2-0123456789ab.0123456789abcdef",
      own: `${processMark()}.0123456789abcdef`,
      foreign: "notes.txt",
    };
    await mkdir(inFolder("drafts", names.ended, "below"), { recursive: true });
    for (const name of Object.values(names).slice(1)) await writeFile(inFolder("drafts", name), "");
    const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
    for (const name of [names.old, names.foreign])
      await utimes(inFolder("drafts", name), twoDaysAgo, twoDaysAgo);
    expect(await files().sweep()).toBe(2);
    expect(await readdir(inFolder("drafts"))).toEqual([names.own, names.elsewhere, names.foreign].sort());
    expect(await sweep(inFolder("none"), { owner: (name) => name })).toBe(0);
  });
});

describe("a file that grows", () => {
  it("has what was appended at once, behind what it had, until it is closed", async () => {
    await writeFile(file, "old ");
    const growing = openGrowing(file);
    growing.append("text ");
    expect(await readFile(file, "utf8")).toBe("old text ");
    growing.append(Buffer.from("bytes"));
    growing.close();
    expect(() => growing.append("more")).toThrow();
    expect(await readFile(file, "utf8")).toBe("old text bytes");
  });
});

describe("a file that somebody else may have made", () => {
  it("is opened if it is one: no link, no folder, no pipe", async () => {
    expect(await openRegular(file)).toBeUndefined();
    await writeFile(file, "text");
    const opened = await openRegular(file);
    expect(await opened?.readFile("utf8")).toBe("text");
    await opened?.close();
    const [link, pipe] = [join(folder.path, "link"), join(folder.path, "pipe")];
    await symlink(file, link);
    spawnSync("mkfifo", [pipe]);
    await expect(openRegular(link)).rejects.toMatchObject({ code: "ELOOP" });
    for (const path of [pipe, folder.path])
      await expect(openRegular(path)).rejects.toMatchObject({ code: "EFTYPE" });
  });
});

describe("a file that somebody named", () => {
  it("is read as a whole, as is what a pipe brings", async () => {
    const text = "0123456789".repeat(20_000);
    await writeFile(file, text);
    expect((await readNamed(file, text.length)).bytes.toString()).toBe(text);
    const pipe = join(folder.path, "pipe");
    spawnSync("mkfifo", [pipe]);
    const [read] = await Promise.all([readNamed(pipe, text.length), writeFile(pipe, text)]);
    expect(read.bytes.toString()).toBe(text);
  });

  it("keeps no process from its end that waits for a pipe which nobody writes", async () => {
    const pipe = join(folder.path, "pipe");
    spawnSync("mkfifo", [pipe]);
    const door = sourceUrl("disk/index.ts");
    const script = `import { readNamed } from ${JSON.stringify(door)};
      void readNamed(${JSON.stringify(pipe)}, 4);
      setTimeout(() => process.exit(7), 200);`;
    expect((await run(process.execPath, ["--input-type=module", "--eval", script])).code).toBe(7);
  });

  it("is read by any name that leads to it, and nothing else is, where it has to be a file", async () => {
    await writeFile(file, "12345");
    const link = join(folder.path, "link");
    await symlink(file, link);
    expect((await readRegular(link, 5)).toString()).toBe("12345");
    await expect(readRegular(link, 4)).rejects.toMatchObject({ code: "EFBIG" });
    expect(readRegularSync(link, 5).toString()).toBe("12345");
    expect(() => readRegularSync(link, 4)).toThrow(expect.objectContaining({ code: "EFBIG" }));
    const pipe = join(folder.path, "pipe");
    spawnSync("mkfifo", [pipe]);
    const other = join(folder.path, "other");
    await symlink(pipe, other);
    for (const path of [pipe, other, folder.path, "/dev/zero"]) {
      await expect(readRegular(path, 5)).rejects.toMatchObject({ code: "EFTYPE" });
      expect(() => readRegularSync(path, 5)).toThrow(expect.objectContaining({ code: "EFTYPE" }));
    }
  });

  it.runIf(process.platform === "linux")(
    "is bounded by what comes, not by the size that it says",
    async () => {
      const made = "/proc/self/status";
      expect((await stat(made)).size).toBe(0);
      expect(readRegularSync(made, 64 * 1024).toString()).toContain("Pid:");
      expect(() => readRegularSync(made, 20)).toThrow(expect.objectContaining({ code: "EFBIG" }));
      await expect(readRegular(made, 20)).rejects.toMatchObject({ code: "EFBIG" });
    },
  );

  it("is not read beyond what was asked for, be it without end", async () => {
    await writeFile(file, "12345");
    for (const path of [file, "/dev/zero"]) {
      await expect(readNamed(path, 4)).rejects.toMatchObject({ code: "EFBIG" });
    }
  });
});

describe("a folder", () => {
  it("is made with those above it, once", async () => {
    const path = join(folder.path, "a", "b");
    expect(await makeFolder(path)).toBe(join(folder.path, "a"));
    expect(await makeFolder(path)).toBeUndefined();
  });

  it("cannot be made below a file", async () => {
    await writeFile(file, "");
    await expect(makeFolder(join(file, "a", "b"))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(makeFolder(file)).rejects.toMatchObject({ code: "EEXIST" });
  });

  it("cannot be made where the system makes all of them, and says so at once", async () => {
    const paths = ["/proc/waybill", "/proc/waybill/a/b", `/proc/${process.pid}/waybill`];
    for (const path of paths) await expect(makeFolder(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  const canMount = spawnSync("unshare", ["--map-root-user", "--mount", "true"]).status === 0;
  const reason = canMount ? "" : " [skipped: no mount namespaces]";
  (canMount || process.env.CI === "true" ? it : it.skip)(
    `of a read-only file system is called that, not absent${reason}`,
    async () => {
      const door = sourceUrl("disk/index.ts");
      const script = `import { makeFolder } from ${JSON.stringify(door)};
        await makeFolder(${JSON.stringify(join(folder.path, "a", "b"))}).catch(({ code }) => console.log(code));`;
      const mounted = 'mount -t tmpfs -o ro tmpfs "$1"; shift; exec "$@"';
      const node = [process.execPath, "--input-type=module", "--eval", script];
      const line = ["--map-root-user", "--mount", "sh", "-c", mounted, "sh", folder.path, ...node];
      expect((await run("unshare", line)).stdout).toBe("EROFS\n");
    },
  );
});

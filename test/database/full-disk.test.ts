import { spawnSync } from "node:child_process";
import { mkdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test as vitestTest } from "vitest";
import { type Database, DatabaseError, openDatabase } from "../../src/database/index.ts";
import { copyOfEmptyPglite } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";

/** Whether this user can mount a small file system, on which a disk can be filled for real. */
const canMount =
  process.platform === "linux" &&
  spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;

describe("a disk that is full", () => {
  const reason = canMount ? "" : " [skipped: this user cannot mount a tmpfs]";
  const test = vitestTest.skipIf(!canMount && process.env.CI !== "true");
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  let disk: string;
  let isMounted = false;

  beforeAll(async () => {
    temporary = await temporaryFolder("full");
    disk = join(temporary.path, "disk");
    await mkdir(disk);
    if (canMount)
      isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=80m", "tmpfs", disk]).status === 0;
  });
  afterAll(async () => {
    if (isMounted) spawnSync("umount", ["--lazy", disk]);
    await temporary.remove();
  });

  /** Fills the disk but for so many bytes. */
  async function leave(bytes: number): Promise<void> {
    const rest = join(disk, "rest");
    const { status } = spawnSync("dd", ["if=/dev/zero", `of=${rest}`, "bs=64k"]);
    expect(status).not.toBe(0);
    const { stdout } = spawnSync("stat", ["-c", "%s", rest], { encoding: "utf8" });
    await truncate(rest, Number(stdout) - bytes);
  }

  /** Does it until it fails, and says how often it was done, and why it was not. */
  async function until(work: () => Promise<unknown>): Promise<{ done: number; error: DatabaseError }> {
    for (let done = 0; ; done += 1) {
      try {
        await work();
      } catch (error) {
        if (error instanceof DatabaseError) return { done, error };
        throw error;
      }
    }
  }

  test(`refuses what needs room, and keeps all that was committed${reason}`, async () => {
    // Without it, the disk that is filled would be everybody's.
    expect(isMounted).toBe(true);
    const folder = join(disk, "data");
    await copyOfEmptyPglite(folder);
    let db: Database = await openDatabase({ folder });
    await db.script(`
      CREATE TABLE counter (value int);
      INSERT INTO counter VALUES (0);
      CREATE TABLE filler (text text);
      SELECT pg_switch_wal();
      CHECKPOINT`);
    await leave(2 * 1024 * 1024);
    const growing = await until(() =>
      db.query("INSERT INTO filler SELECT md5(n::text) FROM generate_series(1, 2000) AS n"),
    );
    expect(growing.error).toMatchObject({ code: "full", hint: "make room: what is committed is kept" });
    const [grown] = await db.query("SELECT count(*)::int AS count FROM filler");
    expect(grown).toEqual({ count: 2000 * growing.done });

    // What takes no room in the table takes some in the log, without which nothing can be promised any more.
    const counting = await until(() =>
      db.transaction(async (sql) => {
        await sql.query("UPDATE counter SET value = value + 1");
        await sql.query("SELECT pg_logical_emit_message(true, 'waybill', repeat('x', 1000000))");
      }),
    );
    expect(["broken", "in-doubt"]).toContain(counting.error.code);
    await expect(db.query("SELECT 1")).rejects.toMatchObject({
      code: "broken",
      message: expect.stringContaining("No space left on device"),
    });
    await db.close();
    await expect(openDatabase({ folder })).rejects.toMatchObject({ code: "unreadable" });

    await rm(join(disk, "rest"));
    db = await openDatabase({ folder });
    const [counted] = await db.query<{ value: number }>("SELECT value FROM counter");
    expect([counting.done, counting.done + 1]).toContain(counted?.value);
    expect(await db.query("SELECT count(*)::int AS count FROM filler")).toEqual([grown]);
    await db.close();
  });
});

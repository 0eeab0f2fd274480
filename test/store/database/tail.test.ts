import { expect, test } from "vitest";
import type { LogBatch, RunDatabase } from "../../../src/store/index.ts";
import { describeDatabases } from "../../support/databases.ts";
import { logOf, tail, useRuns } from "./support.ts";

/** Reads batches until one ends at a byte, or the log ends. */
async function readTo(batches: AsyncIterable<LogBatch>, offset = Number.POSITIVE_INFINITY) {
  const read: LogBatch[] = [];
  for await (const batch of batches) {
    read.push(batch);
    if (batch.offset >= offset) break;
  }
  return { read, text: Buffer.concat(read.map(({ bytes }) => bytes)).toString() };
}

describeDatabases((databases) => {
  const own = useRuns(databases);
  const begin = () => own.runs.start({ job: "push", type: "periodic" });
  const follow = (runs: RunDatabase, id: string) => tail(runs, id);

  test("a log is followed while it is written, from any byte on, until its run ends", async () => {
    const run = await begin();
    run.log("before\n");
    const elsewhere = await own.elsewhere();
    const all = readTo(tail(own.runs, run.id));
    const rest = readTo(tail(elsewhere, run.id, 3));
    const future = readTo(tail(elsewhere, run.id, 10));
    const first = follow(own.runs, run.id);
    expect((await first.next()).value).toMatchObject({ offset: 7, skipped: 0 });
    for (let line = 0; line < 50; line += 1) {
      run.log(`line ${line}\n`);
      // Brings it there without waiting for the clock.
      await logOf(own.runs, run.id);
    }
    await run.finish({ result: "SUCCESS" });
    const whole = await logOf(own.runs, run.id);
    expect((await all).text).toBe(whole);
    expect((await rest).text).toBe(whole.slice(3));
    expect((await future).text).toBe(whole.slice(10));
    expect((await all).read.at(-1)?.offset).toBe(whole.length);
    await first.return(undefined);
  });

  test("all who follow get the same batch", async () => {
    const run = await begin();
    run.log("begun\n");
    const followers = Array.from({ length: 5 }, () => follow(own.runs, run.id));
    await Promise.all(followers.map((follower) => follower.next()));
    // They have all there is, and wait.
    const waiting = followers.map((follower) => follower.next());
    run.log("more\n");
    const batches = await Promise.all(waiting);
    expect(new Set(batches.map(({ value }) => value)).size).toBe(1);
    await run.finish({ result: "SUCCESS" });
    for (const follower of followers) expect((await follower.next()).done).toBe(true);
  });

  test("who does not keep up misses something, and is told how much", async () => {
    const run = await begin();
    run.log("begun\n");
    const slow = follow(own.runs, run.id);
    await slow.next();
    const waiting = slow.next();
    const fast = follow(own.runs, run.id);
    const line = `${"x".repeat(1023)}\n`;
    let written = "begun\n".length;
    const write = async (lines: number) => {
      for (let number = 0; number < lines; number += 1) run.log(line);
      written += lines * line.length;
      let seen: LogBatch | undefined;
      while (seen === undefined || seen.offset < written) seen = (await fast.next()).value as LogBatch;
      return seen;
    };
    await write(1);
    const { offset = 0 } = (await waiting).value as LogBatch;
    await write(600);
    await write(600);
    const behind = (await slow.next()).value as LogBatch;
    expect(behind.skipped).toBeGreaterThan(600 * 1024);
    expect(offset + behind.skipped + behind.bytes.length).toBe(behind.offset);
    await run.finish({ result: "SUCCESS" });
    const { read } = await readTo({ [Symbol.asyncIterator]: () => slow });
    expect(read.at(-1)?.offset).toBe(written);
    expect(read.every(({ skipped }) => skipped === 0)).toBe(true);
    await fast.return(undefined);
  });

  test("what was written before is read whole, however much it is", async () => {
    const run = await begin();
    const line = `${"0123456789".repeat(100)}\n`;
    for (let number = 0; number < 2_000; number += 1) run.log(line);
    const texts = [
      readTo(tail(own.runs, run.id), 2_000 * line.length),
      readTo(tail(own.runs, run.id), 2_000 * line.length),
    ];
    for (const { text } of await Promise.all(texts)) expect(text === line.repeat(2_000)).toBe(true);
    await run.finish({ result: "FAILURE" });
    const { text, read } = await readTo(tail(own.runs, run.id));
    expect(text === line.repeat(2_000)).toBe(true);
    expect(read.every(({ skipped }) => skipped === 0)).toBe(true);
    expect((await readTo(tail(own.runs, run.id, text.length - 3))).text).toBe(text.slice(-3));
    expect((await readTo(tail(own.runs, run.id, text.length + 3))).text).toBe("");
  });

  test("who waits is let go when the store is released", async () => {
    const run = await begin();
    run.log("begun\n");
    const waiting = follow(own.runs, run.id);
    await waiting.next();
    const released = waiting.next();
    await own.runs.release();
    expect((await released).done).toBe(true);
    expect((await follow(own.runs, run.id).next()).done).toBe(true);
  });

  test("who follows is told when there is more, not whenever somebody else comes", async () => {
    const run = await begin();
    run.log("begun\n");
    let times = 0;
    let tell = () => {};
    const onMore = () => {
      times += 1;
      tell();
    };
    const cursor = await own.runs.follow(run.id, { onMore });
    expect(cursor.next()).toMatchObject({ offset: 6 });
    expect([cursor.next(), cursor.isOver]).toEqual([undefined, false]);
    const before = times;
    for (let others = 0; others < 5; others += 1) {
      const other = follow(own.runs, run.id);
      await other.next();
      await other.return(undefined);
    }
    expect(times).toBe(before);
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    run.log("more\n");
    await told;
    expect(cursor.next()).toMatchObject({ offset: 11, skipped: 0 });
    cursor.close();
    await run.finish({ result: "SUCCESS" });
    expect(times).toBe(before + 1);
  });

  test("there is nothing to follow of a run that nobody knows", async () => {
    await expect(readTo(tail(own.runs, "12345"))).rejects.toMatchObject({ code: "unknown-run" });
  });
});

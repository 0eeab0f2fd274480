import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backupDatabase, migrate, openDatabase } from "../../src/database/index.ts";
import { openObjects } from "../../src/objects/index.ts";
import { openQueue } from "../../src/queue/index.ts";
import { backupServer, restoreServer } from "../../src/serve/index.ts";
import { migrations } from "../../src/serve/migrations.ts";
import { openRunDatabase } from "../../src/store/index.ts";
import { ask, startWorker } from "../queue/support.ts";
import { copyOfEmptyPglite } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  temporary = await temporaryFolder("serve-backup");
});
afterEach(() => temporary.remove());

test("what waits and what ran when a backup was made is done by whoever serves what was restored", async () => {
  const [from, to, file] = ["from", "to", "backup"].map((name) => join(temporary.path, name)) as [
    string,
    string,
    string,
  ];
  await copyOfEmptyPglite(from);
  await copyOfEmptyPglite(to);
  const before = await openDatabase({ folder: from });
  await migrate(before, migrations);
  const waiting = await ask(before, { job: "waits", held: "by a test" });
  const running = await ask(before, { job: "runs" });
  const worker = startWorker(before);
  await worker.taken(running.id);
  await backupDatabase(before, file);
  worker.finish(running.id);
  await worker.stop();
  await before.close();

  expect(await restoreServer({ folder: to }, file)).toMatchObject({ where: to });
  expect(await backupServer({ folder: to }, file)).toMatchObject({ where: to });

  const after = await openDatabase({ folder: to });
  try {
    const queue = openQueue(after);
    expect(await queue.read(running.id)).toMatchObject({ job: "runs", state: "waiting" });
    expect(await queue.read(waiting.id)).toMatchObject({ job: "waits", state: "held" });
    await migrate(after, migrations);
  } finally {
    await after.close();
  }
});

test("the record of a run that a later one takes the place of ends with it, and what had ended is not done again", async () => {
  const [from, to, file] = ["from", "to", "backup"].map((name) => join(temporary.path, name)) as [
    string,
    string,
    string,
  ];
  await copyOfEmptyPglite(from);
  await copyOfEmptyPglite(to);
  const before = await openDatabase({ folder: from });
  await migrate(before, migrations);
  const worker = startWorker(before);
  const [replaced, done] = [await ask(before), await ask(before, { key: "other" })];
  await Promise.all([replaced, done].map(({ id }) => worker.taken(id)));
  const later = await ask(before);
  const objects = openObjects(join(temporary.path, "objects"));
  const runs = await openRunDatabase(before, { objects, spool: join(temporary.path, "spool") });
  for (const { id } of [replaced, done]) {
    await runs.start({ id, attempt: 1, job: "post-images", type: "postsubmit" });
  }
  await before.transaction((sql) => runs.close(sql, done.id, { result: "SUCCESS" }));
  await runs.release();
  await backupDatabase(before, file);
  for (const { id } of [replaced, done]) worker.finish(id);
  await worker.stop();
  await before.close();

  await restoreServer({ folder: to }, file);
  const after = await openDatabase({ folder: to });
  try {
    const queue = openQueue(after);
    expect(await queue.read(replaced.id)).toMatchObject({
      state: "ended",
      result: "ABORTED",
      details: { replacedBy: later.id },
    });
    expect(await queue.read(later.id)).toMatchObject({ state: "waiting" });
    expect(await queue.read(done.id)).toMatchObject({ state: "ended", result: "SUCCESS" });
    expect(await after.query("SELECT id, result FROM run_record ORDER BY id")).toEqual([
      { id: replaced.id, result: "ABORTED" },
      { id: done.id, result: "SUCCESS" },
    ]);
  } finally {
    await after.close();
  }
});

test("where nothing is, nothing is backed up, and nothing is made", async () => {
  const folder = join(temporary.path, "nothing");
  await expect(backupServer({ folder }, join(temporary.path, "backup"))).rejects.toMatchObject({
    code: "missing",
    where: folder,
  });
});

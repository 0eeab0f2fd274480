// A worker as a process of its own: node worker-process.mjs QUEUE_DOOR DATABASE_DOOR URL CONCURRENCY
// What it does is written into the table "history" of the same database. It works until its standard input ends.
const [queueDoor, databaseDoor, url, concurrency] = process.argv.slice(2);
const { openQueue } = await import(queueDoor);
const { openDatabase } = await import(databaseDoor);

const db = await openDatabase({ url });
const stopping = new AbortController();
process.stdin.on("end", () => stopping.abort());
process.stdin.resume();

const note = (sql, run, event) =>
  sql.query("INSERT INTO history (run, attempt, pid, event) VALUES ($1, $2, $3, $4)", [
    run.id,
    run.attempt,
    process.pid,
    event,
  ]);
const isNoted = async (run, event) =>
  (await db.query("SELECT FROM history WHERE run = $1 AND event = $2 LIMIT 1", [run.id, event])).length > 0;
/** Statements fail while the database is away; those of a run are tried again for as long as it is this worker's. */
const persistently = async (run, work) => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error.code === "lost" || !(await run.stillMine())) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};

const kinds = {
  /** Starts and ends. */
  async short(run) {
    await persistently(run, () => note(db, run, "start"));
    await persistently(run, () => db.query("SELECT count(*) FROM history"));
    await persistently(run, () => note(db, run, "end"));
  },
  /** Never ends by itself in its first attempt. */
  async stuck(run) {
    await note(db, run, "start");
    if (run.attempt === 1) await new Promise((_, reject) => run.signal.addEventListener("abort", reject));
    await note(db, run, "end");
  },
  /** Writes again and again: until it is refused, or another attempt was. */
  async writing(run) {
    for (;;) {
      if (!run.isMine() && !(await run.stillMine())) break;
      try {
        await db.transaction(async (sql) => {
          await run.fence(sql);
          await note(sql, run, "write");
        });
      } catch {
        // Whether it is over is asked next.
      }
      if (await isNoted(run, "refused")) return;
    }
    await note(db, run, "refused");
    throw new Error("refused");
  },
};

await openQueue(db).work({
  name: `process-${process.pid}`,
  concurrency: Number(concurrency),
  signal: stopping.signal,
  carryOut: async (run) => {
    await kinds[run.kind](run);
    return { result: "SUCCESS" };
  },
  onProblem: (problem) => process.stderr.write(`${problem}\n`),
});
await db.close();

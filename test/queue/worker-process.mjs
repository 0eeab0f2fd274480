// A worker as a process of its own: node worker-process.mjs QUEUE_DOOR DATABASE_DOOR ADDRESS CONCURRENCY
// What it does is written into the table "history" of the same database. It works until its standard input ends.
// ADDRESS is a URL, or a folder: then the process makes the tables where they are not there, asks for a run if there is none,
// and writes what becomes of it on its standard output.
const [queueDoor, databaseDoor, address, concurrency] = process.argv.slice(2);
const { askForRun, openQueue, queueMigrations } = await import(queueDoor);
const { migrate, openDatabase } = await import(databaseDoor);

const isServer = address.startsWith("postgres:");
const db = await openDatabase(isServer ? { url: address } : { folder: address });
const queue = openQueue(db);
if (!isServer) await prepare();
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
/** Only while the attempt is the run's. */
const noteMine = (run, event) =>
  db.transaction(async (sql) => {
    await run.fence(sql);
    await note(sql, run, event);
  });
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
    await persistently(run, () => noteMine(run, "start"));
    await persistently(run, () => db.query("SELECT count(*) FROM history"));
    await persistently(run, () => noteMine(run, "end"));
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
        await noteMine(run, "write");
      } catch {
        // Whether it is over is asked next.
      }
      if (await isNoted(run, "refused")) return;
    }
    await note(db, run, "refused");
    throw new Error("refused");
  },
};

await queue.work({
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

async function prepare() {
  await migrate(db, queueMigrations);
  await db.script(
    "CREATE TABLE IF NOT EXISTS history (at bigserial PRIMARY KEY, run bigint, attempt int, pid int, event text)",
  );
  await queue.onChange(async (change) => {
    if (change === undefined || change.state === "waiting") return;
    const { state, attempt, crashes, result } = await queue.read(change.id);
    process.stdout.write(`${JSON.stringify({ state, attempt, crashes, result })}\n`);
  });
  if ((await queue.list({ limit: 1 })).runs.length > 0) return;
  const cause = { by: "hand", text: "a test", at: new Date().toISOString() };
  const run = { job: "a", kind: "stuck", type: "periodic", key: "a", priority: 0, input: {}, cause };
  await db.transaction((sql) => askForRun(sql, run));
}

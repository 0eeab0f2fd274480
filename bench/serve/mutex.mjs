// Two workers that share a mutex, and one of them asleep: node bench/serve/mutex.mjs [--rounds 3] [--seed 1]
// Two workers in two processes on one PostgreSQL promote from repositories whose promotions have one mutex. In each round the worker that
// promotes is stopped (SIGSTOP) between two of its writes, until the other one has taken the run up and ended it; then it is woken
// (SIGCONT). What PostgreSQL has noted of each step of each run proves the mutex, and the log of the registry that the one which slept
// has written nothing more of that run. The exit code is 1 when anything is not so.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { judge, readTables, untilQuiet } from "./crash/judge.mjs";
import { jobsOf, Load } from "./crash/load.mjs";
import { openWorld, seeded } from "./crash/world.mjs";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, seed: { type: "string", default: "1" } },
});
const random = seeded(Number(values.seed));
const say = (what, text) => process.stdout.write(`${what.padEnd(62)} ${text}\n`);
const world = await openWorld({
  ...{ kind: "postgres", repositories: 2, jobsOf },
  pause: () => 40 + random() * 80,
});
let held = false;
try {
  held = await carryOut();
} finally {
  await world.close();
}
process.exit(held ? 0 : 1);

async function carryOut() {
  const { servers, registry, repositories } = world;
  for (const server of servers) {
    await server.start();
    await server.up();
  }
  while (!repositories.every(({ url }) => servers[0].life.log.includes(`${url} is looked at from now on`)))
    await sleep(200);
  const load = new Load(world, random, 10);
  load.start(1_500);
  const rounds = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    rounds.push(await sleeper(registry, servers));
    await sleep(2_000);
  }
  await load.stop();
  const unquiet = await untilQuiet(world, 300_000);
  for (const server of servers) await server.stop();
  const tables = await readTables(world);
  const { found, attempts } = await judge(world, load, tables);
  found.unshift({ what: "all is over in time", count: 1, wrong: unquiet === undefined ? [] : [unquiet] });

  say(
    "pushes, runs, attempts, writes to the registry",
    `${load.pushes}, ${tables.runs.length}, ${attempts.length}, ${registry.writes().length}`,
  );
  const withMutex = attempts.filter(({ mutex }) => mutex !== null);
  const perWorker = new Map();
  for (const { worker } of withMutex)
    perWorker.set(worker.split(":")[1], (perWorker.get(worker.split(":")[1]) ?? 0) + 1);
  say(
    "attempts with the mutex, by process",
    [...perWorker].map(([pid, times]) => `${pid}: ${times}`).join(", "),
  );
  const slept = rounds.map((round) => refused(round, attempts));
  for (const { text } of slept) say("a worker that slept", text);
  found.push({
    what: "sleepers that were taken over and wrote nothing more",
    count: slept.length,
    wrong: slept.filter(({ isRefused }) => !isRefused).map(({ text }) => text),
  });
  for (const { what, count, wrong } of found) {
    say(what, `${count}: ${wrong.length === 0 ? "holds" : `${wrong.length} WRONG`}`);
    for (const one of wrong.slice(0, 5)) say("", one);
  }
  say("the history of the mutex", "run, attempt, process, from, until");
  const zero = withMutex[0]?.from ?? 0;
  for (const { run, attempt, worker, from, until } of withMutex.slice(0, 40)) {
    const seconds = [from, until].map((at) => ((at - zero) / 1000).toFixed(3).padStart(9));
    say("", `${run} ${attempt} ${worker.split(":")[1].padStart(7)} ${seconds.join(" ")}`);
  }
  const isSound = found.every(({ wrong }) => wrong.length === 0);
  say("in all", isSound ? "holds" : "DOES NOT HOLD");
  return isSound;
}

/** Stops whoever writes until another one has taken over and written as well. */
async function sleeper(registry, servers) {
  const before = registry.log.length;
  const writers = () =>
    registry.log
      .slice(before)
      .filter(({ method, who }) => method !== "GET" && method !== "HEAD" && who.startsWith("worker"));
  while (writers().length === 0) await sleep(1);
  const [{ who }] = writers();
  const server = servers.find(({ life }) => life.name === who);
  server.life.child.kill("SIGSTOP");
  const stopped = Date.now();
  const { pid } = server.life;
  const runs = await running(pid);
  // What was on its way when it was stopped arrives at once.
  while ((await running(pid)).length > 0) await sleep(200);
  const taken = Date.now();
  while (!(await areOver(runs.map(({ id }) => id)))) await sleep(200);
  const woken = Date.now();
  server.life.child.kill("SIGCONT");
  while ((await workers()).every(({ name }) => !name.includes(`:${pid}:`))) await sleep(200);
  return { who, pid, runs, stopped, taken, woken };
}

function workers() {
  return world.withDatabase((db) => db.query("SELECT name FROM queue_worker"));
}

function running(pid) {
  return world.withDatabase((db) =>
    db.query("SELECT id, job, attempt FROM queue_run WHERE state = 'running' AND worker LIKE $1", [
      `%:${pid}:%`,
    ]),
  );
}

async function areOver(ids) {
  const open = await world.withDatabase((db) =>
    db.query("SELECT id FROM queue_run WHERE id = ANY ($1::bigint[]) AND state <> 'ended'", [ids]),
  );
  return open.length === 0;
}

/** What came of a worker that slept: whether it wrote anything of its old runs once it was awake. */
function refused({ who, pid, runs, stopped, taken, woken }, attempts) {
  const of = (from) => world.registry.writes().filter((write) => write.who === who && write.at >= from);
  const own = attempts.filter(({ worker }) => worker.includes(`:${pid}:`));
  const stray = of(stopped + 500).filter(
    ({ at }) => !own.some(({ from, until }) => from <= at && at <= until),
  );
  const late = of(stopped + 500).filter(({ at }) => at < woken);
  const isOthers = ({ worker }) => !worker.includes(`:${pid}:`);
  const others = attempts.filter((one) => runs.some(({ id }) => id === one.run) && isOthers(one));
  const after = attempts.find((one) => one.mutex !== null && one.from > stopped && isOthers(one));
  const went = others.length > 0 ? "taken over" : "replaced by a newer one";
  const by = (others[0] ?? after)?.worker.split(":")[1];
  const seconds = (from, to) => `${((to - from) / 1000).toFixed(1)} s`;
  return {
    isRefused: runs.length > 0 && stray.length === 0 && late.length === 0,
    text: [
      `${who} had ${runs.map(({ job, id, attempt }) => `${job} ${id} (attempt ${attempt})`).join(", ")}`,
      `${went} after ${seconds(stopped, taken)}, ${by === undefined ? "nobody" : `process ${by}`} went on`,
      `woken after ${seconds(stopped, woken)}`,
      `${stray.length + late.length} writes of it after that`,
    ].join("; "),
  };
}

// Servers that are killed under load: node bench/serve/crash.mjs pglite|postgres [--kills 100] [--seed 1]
// Repositories of manifests are pushed to all the time, webhooks and a registry tell of pushes, the API is asked for runs, promotions go
// from a staging registry to three productions, and with --builds images are built, while processes of `waybill serve` are killed with
// SIGKILL at random moments and started again at once: on PGlite one that does all, on PostgreSQL one that is web and scheduler and two
// workers. There the database is restarted as after a crash as well, once for each five kills. When all is quiet, the tables, what
// PostgreSQL has noted of each step of each run in the transaction that made it, and the log of the registry are held against what was
// asked for. The exit code is 1 when anything is not as it should be.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { judge, readLogs, readTables, untilQuiet } from "./crash/judge.mjs";
import { jobsOf, Load } from "./crash/load.mjs";
import { openWorld, seeded } from "./crash/world.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    dist: { type: "string" },
    pace: { type: "string", default: "800" },
    /** Milliseconds between two kills, at most. */
    between: { type: "string" },
    /** Pushes of ten that a webhook tells of. */
    told: { type: "string", default: "7" },
    /** Milliseconds between two tags that are built, about; none is without it. */
    builds: { type: "string" },
    /** Of ten kills, how many are of servers that are up, and answer; the others come whenever they come. */
    up: { type: "string", default: "6.7" },
    quiet: { type: "string", default: "300" },
  },
});
const [kind] = positionals;
const kills = Number(values.kills);
const between = Number(values.between ?? (kind === "pglite" ? 6_000 : 5_000));
const random = seeded(Number(values.seed));
const say = (what, text) => process.stdout.write(`${what.padEnd(62)} ${text}\n`);
const began = Date.now();

const world = await openWorld({
  ...{ kind, repositories: 3, jobsOf, dist: values.dist },
  pause: () => 10 + random() * 60,
});
let held = false;
try {
  held = await carryOut();
} finally {
  await world.close();
}
process.exit(held ? 0 : 1);

async function carryOut() {
  const { servers, postgres } = world;
  const killed = new Map();
  const count = (what) => killed.set(what, (killed.get(what) ?? 0) + 1);
  for (const server of servers) {
    await server.start();
    await server.up();
  }
  while (!(await firstLooksDone())) await sleep(200);
  const load = new Load(world, random, Number(values.told));
  load.start(Number(values.pace), values.builds === undefined ? undefined : Number(values.builds));
  let upAtKill = 0;
  for (let at = 1; at <= kills; at += 1) {
    if (random() * 10 < Number(values.up)) await Promise.race([allUp(count), sleep(120_000)]);
    await sleep(random() * between);
    for (const server of servers) if (await server.revive()) count(`${server.name}: ended by itself`);
    const server = servers[Math.floor(random() * servers.length)];
    if (server.life.address !== undefined) upAtKill += 1;
    await server.kill();
    count(server.name);
    await server.start();
    if (postgres === undefined || at % 5 !== 0) continue;
    await sleep(random() * between);
    await postgres.restart();
    count("PostgreSQL");
  }
  await sleep(random() * between);
  await load.stop();
  const loaded = (Date.now() - began) / 1000;
  for (const server of servers) if (await server.revive()) count(`${server.name}: ended by itself`);
  const unquiet = await untilQuiet(world, Number(values.quiet) * 1000);
  const logs = await readLogs(world);
  const codes = await Promise.all(servers.map((server) => server.stop()));
  const tables = await readTables(world);
  const { found, again, attempts } = await judge(world, load, tables, logs);
  found.unshift({ what: "all is over in time", count: 1, wrong: unquiet === undefined ? [] : [unquiet] });
  found.push({
    what: "servers that stopped well when asked to",
    count: codes.length,
    wrong: codes.filter((code) => code !== 0),
  });

  say("database, seed", `${kind}, ${values.seed}`);
  for (const [what, times] of killed) say(`killed: ${what}`, `${times}`);
  say("of the processes killed, had been up", `${upAtKill} of ${kills}`);
  say("time under load, and in all", `${loaded.toFixed(0)} s, ${((Date.now() - began) / 1000).toFixed(0)} s`);
  const { runs } = tables;
  const sum = (of) => runs.reduce((total, run) => total + of(run), 0);
  say(
    "pushes, deliveries, calls answered",
    `${load.pushes}, ${load.delivered.length + [...load.heard.values()].flat().length}, ${load.answered.length}`,
  );
  say("deliveries sent again until accepted; replayed after that", `${load.resent}; ${load.replays}`);
  say("calls whose answer was lost", `${load.unanswered}`);
  say(
    "runs, attempts, attempts that died",
    `${runs.length}, ${attempts.length}, ${sum(({ crashes }) => crashes)}`,
  );
  for (const kindOf of ["SUCCESS", "FAILURE", "ABORTED", "ERROR"]) {
    const such = runs.filter(({ result }) => result === kindOf);
    const kindsOf = new Map();
    for (const { kind: one } of such) kindsOf.set(one, (kindsOf.get(one) ?? 0) + 1);
    say(
      `runs that ended as ${kindOf}`,
      [...kindsOf].map(([one, times]) => `${times} ${one}`).join(", ") || "0",
    );
  }
  const said = new Map();
  for (const { result, details } of runs) {
    if (result === "SUCCESS" || result === "FAILURE") continue;
    const text = `${result}: ${details?.summary?.replace(/\d+/g, "N")}`;
    said.set(text, (said.get(text) ?? 0) + 1);
  }
  for (const [text, times] of said) say(`  ${times} times`, text);
  say("tags that were put more than once, with the same content", `${again}`);
  for (const { what, count: times, wrong } of found) {
    say(what, `${times}: ${wrong.length === 0 ? "holds" : `${wrong.length} WRONG`}`);
    for (const one of wrong.slice(0, 5)) say("", one);
  }
  const isSound = found.every(({ wrong }) => wrong.length === 0);
  say("in all", isSound ? "holds" : "DOES NOT HOLD");
  return isSound;
}

/** Until all servers are up, and the API answers. */
async function allUp(count) {
  const { servers, ask } = world;
  for (const server of servers) {
    while (server.life.address === undefined) {
      if (await server.revive()) count(`${server.name}: ended by itself`);
      await sleep(50);
    }
  }
  while ((await ask("GET", "/runs?limit=1")) === undefined) await sleep(100);
}

/** Whether each repository was seen: what is pushed from then on starts something. */
async function firstLooksDone() {
  const log = world.servers.map(({ life }) => life.log).join("");
  return world.repositories.every(({ url }) => log.includes(`${url} is looked at from now on`));
}

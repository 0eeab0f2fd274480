// Runs of several clients in turn, and what each of them took.
import { setTimeout as sleep } from "node:timers/promises";
import { measure } from "./measuring.mjs";
import { removeFolder, temporaryFolder } from "./processes.mjs";

/**
 * Runs every client `runs` times, in turn, so that a machine that grows slower slows all of them; then once more with
 * everything counted, which is not timed. `open` opens a stage for one run. A client that takes longer than `limit`
 * seconds, or `patience` times as long as the best one of its kind, is stopped; one that fails, or takes a quarter of
 * the limit, is not run again, nor counted.
 */
export async function compare(bench, experiment) {
  const { clients, runs, limit, patience, count = true } = experiment;
  const results = clients.map(({ id, title, kind }) => ({ id, title, kind, runs: [] }));
  const done = new Set();
  for (let run = 0; run < runs; run += 1) {
    for (const [position, client] of rotated([...clients.entries()], run)) {
      if (done.has(client.id)) continue;
      const allowed = Math.min(limit, patience === undefined ? limit : bestOf(results, client) * patience);
      const result = await runOnce(bench, client, experiment, { limit: Math.max(allowed, 20) });
      results[position].runs.push(result);
      if (result.failure !== undefined || result.wallSeconds > limit / 4) done.add(client.id);
      bench.log(`  ${client.title}: ${inWords(result)}`);
    }
  }
  if (!count) return results;
  for (const [position, client] of clients.entries()) {
    if (done.has(client.id)) continue;
    results[position].counted = await runOnce(bench, client, experiment, { limit, counting: true });
  }
  return results;
}

/** The shortest time of the other clients of a kind. */
function bestOf(results, { id, kind }) {
  const others = results.filter((other) => other.kind === kind && other.id !== id);
  const walls = others.flatMap(({ runs }) => runs.filter(({ failure }) => failure === undefined));
  return Math.min(...walls.map(({ wallSeconds }) => wallSeconds));
}

async function runOnce(bench, client, { open, sample }, { limit, counting = false }) {
  const stage = await open({ counting });
  const folder = await temporaryFolder(bench.temporary, "client");
  try {
    const plan = await client.plan(stage.task, folder);
    const environment = { ...isolated(folder), ...plan.environment };
    const seen = await stage.watch();
    const { written, samples, ...used } = await measure({ ...plan, environment }, folder, { limit, sample });
    // A registry writes its log after it answered.
    await sleep(100);
    const result = { ...used, ...(sample === undefined ? {} : { samples }), ...(await seen()) };
    const failure = await failureOf(result, stage, limit);
    if (failure === undefined) return result;
    if (!result.stopped) bench.log(written.slice(-2000));
    return { ...result, failure };
  } finally {
    await stage.end();
    await removeFolder(folder);
  }
}

async function failureOf({ stopped, failed }, stage, limit) {
  if (stopped) return `stopped after ${Math.round(limit)} s`;
  const missing = await stage.undelivered();
  if (missing > 0) return `${missing} tags not delivered`;
  return failed > 0 ? `${failed} processes failed` : undefined;
}

/** Nothing of the user who runs the benchmark: no credentials, no settings. */
function isolated(folder) {
  return {
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_RUNTIME_DIR: folder,
    DOCKER_CONFIG: folder,
    REGISTRY_AUTH_FILE: "",
    WAYBILL_CONFIG: "/dev/null",
  };
}

function rotated(items, by) {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function inWords({ wallSeconds, cpuSeconds, residentMiB, failure }) {
  const used = `${wallSeconds.toFixed(2)} s, CPU ${cpuSeconds.toFixed(2)} s, ${residentMiB.toFixed(0)} MiB`;
  return failure === undefined ? used : `${used}, FAILED: ${failure}`;
}

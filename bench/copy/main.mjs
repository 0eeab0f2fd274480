// Measures `waybill promote` and its peers: npm run bench, or node bench/copy/main.mjs --help
import { loadavg, tmpdir } from "node:os";
import { waybillClient } from "./clients/waybill.mjs";
import { compare } from "./experiment.mjs";
import { defaultDataFolder, describeMachine, describeParts } from "./machine.mjs";
import { readOptions } from "./options.mjs";
import { findPeers, peerClients } from "./peers.mjs";
import { startRegistry } from "./registries.mjs";
import { writeReport } from "./report.mjs";
import { readResult, writeResult } from "./results.mjs";
import { scenarios } from "./scenarios.mjs";
import { seed } from "./seed.mjs";
import { prefixOf } from "./stage.mjs";

const options = readOptions(
  process.argv.slice(2),
  scenarios.map(({ name }) => name),
);
const log = (text) => process.stderr.write(`${text}\n`);

if (!options.reportOnly) {
  const bench = await openBench();
  for (const scenario of scenarios.filter(({ name }) => options.scenarios.includes(name))) {
    if (options.resume && (await readResult(options.out, scenario.name)) !== undefined) continue;
    await runScenario(bench, scenario);
  }
  await bench.end();
}
await writeReport(options.out, scenarios);
log(`wrote ${options.out}`);
process.exit();

async function openBench() {
  const data = options.data ?? (await defaultDataFolder());
  const peers = await findPeers(options.peers);
  const sources = new Map();
  const bench = {
    data,
    temporary: tmpdir(),
    quick: options.quick,
    peers,
    waybill: options.waybill,
    log,
    compare: (experiment) => compare(bench, experiment),
    /** Waybill and all peers for so many repositories and copies, and the titles of those that are left out. */
    clients({ leaveOut = [], ...work }) {
      const all = [waybillClient(options.waybill), ...peerClients(peers.found, work)];
      const clients = all.filter(({ id }) => !leaveOut.includes(id));
      return { clients, leftOut: all.filter(({ id }) => leaveOut.includes(id)).map(({ title }) => title) };
    },
    /** A registry that holds the corpus; filled when it is first asked for. */
    async sourceOf(corpus) {
      if (!sources.has(corpus.name)) {
        const registry = await startRegistry(data);
        await seed(registry.address, prefixOf("source"), corpus);
        sources.set(corpus.name, registry);
      }
      return sources.get(corpus.name);
    },
    async end() {
      for (const registry of sources.values()) await registry.end();
    },
  };
  return bench;
}

async function runScenario(bench, scenario) {
  const began = Date.now();
  const [load] = loadavg();
  log(`${scenario.name}: ${scenario.title}`);
  const { clients, leftOut = [], facts = {} } = await scenario.run(bench, { runs: options.runs });
  await writeResult(options.out, {
    scenario: scenario.name,
    title: scenario.title,
    date: new Date(began).toISOString(),
    seconds: Math.round((Date.now() - began) / 1000),
    quick: options.quick,
    load,
    machine: await describeMachine(bench.data),
    versions: {
      ...(await describeParts(options.waybill)),
      ...Object.fromEntries(Object.entries(bench.peers.found).map(([name, { version }]) => [name, version])),
    },
    absent: bench.peers.absent,
    notRun: bench.peers.notRun,
    leftOut,
    facts,
    clients,
  });
}

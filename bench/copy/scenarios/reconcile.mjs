// The whole of registry.k8s.io, where everything is as it should be: what it takes to see that.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findLargeTree, readDesired } from "../large-tree.mjs";
import { measure } from "../measuring.mjs";
import { ask, removeFolder, startForked, stop, temporaryFolder } from "../processes.mjs";
import { cpuSeconds } from "../registries.mjs";

const limit = 900;
const program = fileURLToPath(new URL("../table-process.mjs", import.meta.url));

export const reconcile = {
  name: "reconcile",
  title: "A tree of the size of registry.k8s.io, of which everything is there",
  run: async (bench) => {
    const folder = await temporaryFolder(bench.temporary, "reconcile");
    try {
      const { tree, real } = await findLargeTree(join(folder, "tree"));
      const { desired, sources } = await readDesired(tree);
      const clients = [];
      for (const extended of bench.quick ? [true] : [false, true]) {
        const title = extended ? "waybill, where registries list manifests" : "waybill, plain registries";
        const run = await reconcileOnce(bench, folder, { tree, desired, sources, extended });
        bench.log(`  ${title}: ${run.wallSeconds.toFixed(1)} s, ${run.residentMiB.toFixed(0)} MiB`);
        const id = extended ? "waybill-extended" : "waybill";
        clients.push({ id, title, kind: "waybill", runs: [run] });
      }
      const tags = [...desired.values()].reduce((sum, { size }) => sum + size, 0);
      const note = `${real ? "The real tree" : "A tree made up for it"}: ${desired.size} destination repositories, ${tags} tags in them.`;
      return { clients, facts: { repositories: desired.size, tags, note } };
    } finally {
      await removeFolder(folder);
    }
  },
};

async function reconcileOnce(bench, folder, { tree, desired, sources, extended }) {
  const table = join(folder, "table.json");
  await writeFile(table, JSON.stringify({ hosts: hostsOf(desired, sources), extended }));
  const { child, first } = await startForked(program, [table]);
  try {
    const config = join(folder, "waybill.yaml");
    const locations = first.addresses.map(([name, at]) => `  - repository: ${name}\n    at: ${at}\n`);
    await writeFile(config, `locations:\n${locations.join("")}`);
    const report = join(folder, "report.json");
    const options = ["--confirm", "--quiet", "--report", report, "--config", config];
    const command = [process.execPath, bench.waybill, "promote", tree, ...options];
    const { written, samples, ...used } = await measure({ commands: [command] }, folder, { limit });
    const counted = await ask(child, {});
    const isSource = ({ name }) => sources.some((source) => source.split("/", 1)[0] === name);
    return {
      ...used,
      requests: {
        source: summed(counted.filter(isSource)),
        destinations: summed(counted.filter((host) => !isSource(host))),
      },
      registriesCpuSeconds: await cpuSeconds(child.pid),
      ...(used.stopped ? { failure: `stopped after ${limit} s` } : await failureIn(bench, report, written)),
    };
  } finally {
    await stop(child);
  }
}

/** The real tree has a line that is no digest, for which Waybill's exit code is not 0: its report says what it found. */
async function failureIn(bench, file, written) {
  const report = JSON.parse(await readFile(file, "utf8").catch(() => "{}"));
  if (report.problems?.length === 0 && report.work.length === 0) return {};
  bench.log(written.slice(-2000));
  return { failure: `not everything was found in order: ${JSON.stringify(report.counts ?? "no report")}` };
}

function hostsOf(desired, sources) {
  const hosts = new Map(sources.map((name) => [name.split("/", 1)[0], {}]));
  for (const [repository, tags] of desired) {
    const [name, ...path] = repository.split("/");
    const repositories = hosts.get(name) ?? {};
    repositories[path.join("/")] = Object.fromEntries(tags);
    hosts.set(name, repositories);
  }
  return [...hosts].map(([name, repositories]) => ({ name, repositories }));
}

function summed(hosts) {
  const sum = {};
  for (const { requests } of hosts) {
    for (const [kind, count] of Object.entries(requests)) sum[kind] = (sum[kind] ?? 0) + count;
  }
  return sum;
}

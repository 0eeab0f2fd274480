// The page, made from the results that are stored.
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { drawCharts } from "./charts.mjs";
import { judge } from "./goals.mjs";
import { folderOf, readResult } from "./results.mjs";
import { costsTable, table } from "./tables.mjs";

const measured = { from: "<!-- measured -->\n", to: "<!-- end -->" };

/** Writes what stands between the marks of the page, anew, and its charts. */
export async function writeReport(page, scenarios) {
  const results = [];
  for (const { name } of scenarios) {
    const result = await readResult(page, name);
    if (result !== undefined) results.push(result);
  }
  const folder = folderOf(page);
  const sections = [];
  for (const result of results) {
    sections.push(section(result, await drawCharts(folder, result), basename(folder)));
  }
  const { above, below } = await aroundMeasured(page);
  const made = [goalsSection(results), ...setting(results), ...sections].join("\n\n");
  await writeFile(page, `${above}${measured.from}\n${made}\n\n${measured.to}${below}`);
}

/** What people wrote on the page, above and below the marks. */
async function aroundMeasured(page) {
  const text = await readFile(page, "utf8").catch((error) => {
    if (error.code === "ENOENT") return `# Performance\n\n${measured.from}${measured.to}\n`;
    throw error;
  });
  const [from, to] = [text.indexOf(measured.from), text.indexOf(measured.to)];
  if (from === -1 || to < from) throw new Error(`${page}: no ${measured.from.trim()} before ${measured.to}`);
  return { above: text.slice(0, from), below: text.slice(to + measured.to.length) };
}

function goalsSection(results) {
  const rows = judge(results).map(({ scenario, goal, measured, verdict }) => [
    `[${scenario}](#${scenario})`,
    goal,
    measured,
    verdict,
  ]);
  return `## Goals\n\n${table(["scenario", "goal", "measured", "verdict"], rows, () => false)}`;
}

function setting(results) {
  if (results.length === 0) return [];
  const parts = new Map();
  // A scenario that was measured again by itself may have been so without peers that others had.
  for (const { versions, notRun, absent } of results.toSorted((one, other) =>
    one.date < other.date ? -1 : 1,
  )) {
    for (const [name, version] of Object.entries(versions)) parts.set(name, version);
    const others = [
      ...notRun.map(({ name, version, why }) => [name, `${version}, not measured: ${why}`]),
      ...absent.map((name) => [name, "not found: not measured"]),
    ];
    for (const [name, why] of others) if (!parts.has(name)) parts.set(name, why);
  }
  const note = `Registries are \`docker-registry\` processes, new for each run of a client, filled the same way for all. Clients run in turn, so that a machine that grows slower slows all of them. After each run every tag is looked up; a client that did not deliver has FAILED. A client that is slow in a scenario is run once there; where all of them take long, one that takes a quarter longer than the best of its kind is stopped. CPU is that of all processes of a client, resident memory that of its largest one; under 12 MiB it cannot be told. Bytes are those on the wire with headers, counted in a run of their own that is not timed, or where there is a link anyway. Requests by kind are in \`docs/performance/results\`. Links are TCP proxies, each a process of its own, that hold every chunk for half the round trip and a new connection's first bytes for one round trip more.`;
  const machines = new Set(
    results.map(
      ({ machine }) =>
        `${machine.cores} cores (${machine.processor}), ${machine.memoryGiB} GiB of memory, ${machine.kernel}; the registries keep their data ${machine.data}`,
    ),
  );
  const rows = [...parts, ...[...machines].map((machine) => ["machine", machine])];
  return [`## What was measured\n\n${note}\n\n${table(["part", "version"], rows, () => false)}`];
}

function section(result, charts, folder) {
  const { scenario, title, date, leftOut, facts, load, quick, versions, machine } = result;
  const pictures = charts.map(({ file, about }) => `![${about}](${folder}/${file})`);
  const taken = `Measured ${date.slice(0, 16).replace("T", " ")} UTC with Waybill ${versions.waybill}, load ${load.toFixed(1)} before it began, ${machine.processor}.`;
  const size =
    facts.bytes === undefined ? "" : ` ${(facts.bytes / 2 ** 20).toFixed(0)} MiB of distinct content.`;
  const notes = [
    ...(quick ? ["**Taken with `--quick`: smaller and run once; no figure to rely on.**"] : []),
    ...(leftOut.length === 0 ? [] : [`Left out here: ${leftOut.join("; ")}.`]),
    ...(facts.note === undefined ? [] : [facts.note]),
  ];
  return [`## ${scenario}`, `${title}.${size} ${taken}`, ...notes, costsTable(result), ...pictures].join(
    "\n\n",
  );
}

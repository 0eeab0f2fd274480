// The page, made from the results that are stored.
import { writeFile } from "node:fs/promises";
import { spread } from "../measure.mjs";
import { total } from "./access-log.mjs";
import { readResult } from "./results.mjs";

export async function writeReport(page, scenarios) {
  const results = [];
  for (const { name } of scenarios) {
    const result = await readResult(page, name);
    if (result !== undefined) results.push(result);
  }
  await writeFile(page, `# Performance\n\n${results.map(section).join("\n\n")}\n`);
}

function section({ scenario, title, clients }) {
  const rows = clients.map((client) => row(client));
  const head =
    "| client | wall s | CPU s | RSS MiB | source requests | destination requests | registries CPU s |";
  return `## ${scenario}\n\n${title}.\n\n${head}\n|---|---|---|---|---|---|---|\n${rows.join("\n")}`;
}

function row({ title, runs }) {
  const figure = (of, digits) => {
    const { median, least, greatest } = spread(runs.map(of));
    return `${median.toFixed(digits)} (${least.toFixed(digits)}–${greatest.toFixed(digits)})`;
  };
  const failure = runs.find((run) => run.failure !== undefined)?.failure;
  const cells = [
    failure === undefined ? title : `${title} (FAILED: ${failure})`,
    figure((run) => run.wallSeconds, 2),
    figure((run) => run.cpuSeconds, 2),
    figure((run) => run.residentMiB, 0),
    figure((run) => total(run.requests.source), 0),
    figure((run) => total(run.requests.destinations), 0),
    figure((run) => run.registriesCpuSeconds, 2),
  ];
  return `| ${cells.join(" | ")} |`;
}

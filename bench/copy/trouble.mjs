// Shows that copying survives trouble: npm run trouble, or node bench/copy/trouble.mjs --help
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { defaultDataFolder } from "./machine.mjs";
import { table } from "./tables.mjs";
import { cuts } from "./trouble/cuts.mjs";
import { faults } from "./trouble/faults.mjs";
import { killed } from "./trouble/killed.mjs";

const scenarios = [killed, cuts, faults];
const names = scenarios.map(({ name }) => name);

const usage = `usage: node bench/copy/trouble.mjs [SCENARIO]... [options]

Runs waybill promote between real registries while something goes wrong, and says what came of it. Exits with 1 when a
claim does not hold.

${scenarios.map(({ name, title }) => `  ${name.padEnd(8)} ${title}`).join("\n")}

  --size MIB        of the layer in cuts (2048)
  --images N        in faults (1000)
  --seed TEXT       of what goes wrong in faults (waybill)
  --waybill PATH    the command under test (dist/bin/waybill.js)
  --data DIR        where registries keep their data (/dev/shm where there is room, or else the temporary folder)
`;

const { chosen, ...bench } = await readOptions();
let broken = 0;
for (const scenario of scenarios.filter(({ name }) => chosen.includes(name))) {
  process.stdout.write(`${scenario.name}: ${scenario.title}\n\n`);
  const result = await scenario.run(bench);
  const verdicts = result.claims.map(({ what, measured, holds }) => [
    what,
    measured,
    holds ? "holds" : "BROKEN",
  ]);
  const tables = [table(result.table.head, result.table.rows), table(["claim", "measured", ""], verdicts)];
  process.stdout.write(`${tables.join("\n\n")}\n\n`);
  const isBroken = result.claims.some(({ holds }) => !holds);
  if (isBroken) complain(result.promotion, result.held);
  broken += isBroken ? 1 : 0;
}
process.exit(broken === 0 ? 0 : 1);

/** What the run and the registries say of what went wrong. */
function complain({ report, errors }, held) {
  const problems = (report?.problems ?? []).map(({ why }) => why);
  const lost = held.flatMap(({ missing, wrong }) => [
    ...missing.map((url) => `missing: ${url}`),
    ...wrong.map((url) => `wrong: ${url}`),
  ]);
  process.stderr.write(`${[...problems.slice(0, 20), ...lost.slice(0, 20), errors].join("\n")}\n`);
}

async function readOptions() {
  const { values, positionals } = parse();
  const unknown = positionals.find((name) => !names.includes(name));
  if (values.help) end(0, usage);
  if (unknown !== undefined) end(1, `no scenario ${unknown}; there are: ${names.join(", ")}\n`);
  return {
    chosen: positionals.length === 0 ? names : positionals,
    sizeMiB: Number(values.size),
    images: Number(values.images),
    seed: values.seed,
    waybill: resolve(values.waybill),
    data: resolve(values.data ?? (await defaultDataFolder())),
    temporary: tmpdir(),
    log: (text) => process.stderr.write(`${text}\n`),
  };
}

function parse() {
  const text = (value) => ({ type: "string", ...(value === undefined ? {} : { default: value }) });
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        size: text("2048"),
        images: text("1000"),
        seed: text("waybill"),
        waybill: text(fileURLToPath(new URL("../../dist/bin/waybill.js", import.meta.url))),
        data: text(),
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    return end(1, `${error.message}\n\n${usage}`);
  }
}

function end(status, text) {
  (status === 0 ? process.stdout : process.stderr).write(text);
  process.exit(status);
}

// The command line.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const usage = `usage: node bench/copy/main.mjs [options]

Measures waybill promote and its peers between the same registries on this machine, and writes a page about it.

  --scenario NAME   run this scenario; may be repeated. Without it, all of them
  --resume          leave out scenarios of which there is a result
  --report          run nothing; write the page again from the results there are
  --runs N          timed runs of every client (3)
  --quick           one run, smaller sizes: to see whether everything works
  --waybill PATH    the command under test (dist/bin/waybill.js)
  --peers DIR       where to look for peers before PATH
  --data DIR        where registries keep their data (/dev/shm where there is room, or else the temporary folder)
  --out FILE        the page (docs/performance.md); results and charts go to the folder of the same name
`;

export function readOptions(args, names) {
  const { values } = parse(args);
  if (values.help) end(0, `${usage}\nScenarios: ${names.join(", ")}\n`);
  const unknown = (values.scenario ?? []).find((name) => !names.includes(name));
  if (unknown !== undefined) end(1, `no scenario ${unknown}; there are: ${names.join(", ")}\n`);
  const root = fileURLToPath(new URL("../../", import.meta.url));
  return {
    scenarios: values.scenario ?? names,
    resume: values.resume ?? false,
    reportOnly: values.report ?? false,
    quick: values.quick ?? false,
    runs: Number(values.runs ?? (values.quick ? 1 : 3)),
    waybill: resolve(values.waybill ?? `${root}dist/bin/waybill.js`),
    peers: values.peers === undefined ? undefined : resolve(values.peers),
    data: values.data === undefined ? undefined : resolve(values.data),
    out: resolve(values.out ?? `${root}docs/performance.md`),
  };
}

function parse(args) {
  const flag = { type: "boolean" };
  const text = { type: "string" };
  try {
    return parseArgs({
      args,
      options: {
        scenario: { type: "string", multiple: true },
        resume: flag,
        report: flag,
        quick: flag,
        help: { type: "boolean", short: "h" },
        runs: text,
        waybill: text,
        peers: text,
        data: text,
        out: text,
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

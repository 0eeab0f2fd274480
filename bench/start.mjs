// What `waybill --version` costs beyond a bare Node: node bench/start.mjs [RUNS]
import { line, measure, spread, waybill } from "./measure.mjs";

const runs = Number(process.argv[2] ?? 31);
const bare = [];
const version = [];
for (let run = 0; run < runs; run += 1) {
  bare.push((await measure(["-e", "0"], { hooked: false })).wallSeconds);
  version.push((await measure([waybill, "--version"], { hooked: false })).wallSeconds);
}
line("node -e 0", bare, "s");
line("waybill --version", version, "s");
line("difference of the medians", [spread(version).median - spread(bare).median], "s", 0.03);

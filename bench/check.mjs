// How long `waybill check` takes on a large tree, and how much memory: node bench/check.mjs TREE [RUNS]
import { costs, measure, treeFromArguments, waybill } from "./measure.mjs";

const tree = treeFromArguments("bench/check.mjs TREE [RUNS]");
const runs = Number(process.argv[3] ?? 7);
const results = [];
for (let run = 0; run < runs; run += 1)
  results.push(await measure([waybill, "check", tree, "--json"], { expect: 1 }));
const { counts } = JSON.parse(results[0].stdout);
process.stdout.write(`waybill check ${tree}: ${JSON.stringify(counts)}\n`);
costs(results, { wall: 1.5, resident: 300 });

// Loaded into a measured process with `--import`: when it exits, writes what it used to the file it is told.
import { writeFileSync } from "node:fs";
import { resourceUsage } from "node:process";

const target = process.env.WAYBILL_BENCH_USAGE;
let buffers = 0;
const sampler = setInterval(() => {
  buffers = Math.max(buffers, process.memoryUsage().arrayBuffers);
}, 2);
sampler.unref();

process.on("exit", () => {
  if (target === undefined) return;
  const { userCPUTime, systemCPUTime, maxRSS } = resourceUsage();
  const usage = {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    residentMiB: maxRSS / 1024,
    buffersMiB: buffers / 2 ** 20,
  };
  writeFileSync(target, JSON.stringify(usage));
});

// Loaded into a measured process with `--import`: when it exits, writes what it used to the file it is told. Started
// with `--expose-gc` it collects garbage before each sample, so that `buffersMiB` is what is really held.
import { readFileSync, writeFileSync } from "node:fs";
import { resourceUsage } from "node:process";

const target = process.env.WAYBILL_BENCH_USAGE;
let buffers = 0;
const sample = () => {
  globalThis.gc?.();
  buffers = Math.max(buffers, process.memoryUsage().arrayBuffers);
};
setInterval(sample, globalThis.gc === undefined ? 5 : 20).unref();

// What `getrusage` calls the peak includes that of the parent before the program was loaded.
const peakResidentMiB = () => {
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(peak) / 1024;
};

process.on("exit", () => {
  if (target === undefined) return;
  const { userCPUTime, systemCPUTime } = resourceUsage();
  const usage = {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    residentMiB: peakResidentMiB(),
    buffersMiB: buffers / 2 ** 20,
  };
  writeFileSync(target, JSON.stringify(usage));
});

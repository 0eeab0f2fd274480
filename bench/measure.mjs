import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The built command. */
export const waybill = fileURLToPath(new URL("../dist/bin/waybill.js", import.meta.url));

const hook = pathToFileURL(fileURLToPath(new URL("usage-hook.mjs", import.meta.url))).href;

/**
 * Runs Node with the arguments and gives wall seconds, CPU seconds, peak resident MiB, and the peak of its buffers.
 * Throws when it exits with a status that is not expected.
 */
export async function measure(args, { expect = 0, hooked = true, env = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "waybill-bench-"));
  const usageFile = join(folder, "usage.json");
  const started = process.hrtime.bigint();
  const child = spawn(process.execPath, [...(hooked ? ["--import", hook] : []), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env, WAYBILL_BENCH_USAGE: usageFile },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
  if (status !== expect)
    throw new Error(`exit ${status}, expected ${expect}: ${args.join(" ")}\n${stderr.slice(-2000)}`);
  const usage = hooked ? JSON.parse(await readFile(usageFile, "utf8")) : {};
  await rm(folder, { recursive: true });
  return { wallSeconds, ...usage, stdout, stderr };
}

/** Middle, least and greatest of some numbers. */
export function spread(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return { median: sorted[Math.floor(sorted.length / 2)], least: sorted[0], greatest: sorted.at(-1) };
}

/** One line: a name, the median of a figure with its spread, and the goal where there is one. */
export function line(name, numbers, unit, goal) {
  const { median, least, greatest } = spread(numbers);
  const digits = unit === "MiB" ? 1 : 3;
  const verdict = goal === undefined ? "" : `  goal ≤ ${goal} ${unit}: ${median <= goal ? "met" : "MISSED"}`;
  const range = `(${least.toFixed(digits)} to ${greatest.toFixed(digits)}, n=${numbers.length})`;
  process.stdout.write(
    `${name.padEnd(44)} ${median.toFixed(digits).padStart(8)} ${unit} ${range}${verdict}\n`,
  );
}

/** Three lines: wall time, CPU time and peak memory of some runs. */
export function costs(results, { wall, cpu, resident } = {}, title = "wall, start included") {
  const figures = (name) => results.map((result) => result[name]);
  line(title, figures("wallSeconds"), "s", wall);
  line("CPU", figures("cpuSeconds"), "s", cpu);
  line("resident", figures("residentMiB"), "MiB", resident);
}

/** The folder with the real manifests, from the first argument; without it the benchmark says how to run it. */
export function treeFromArguments(usage) {
  const tree = process.argv[2];
  if (tree !== undefined) return tree;
  process.stderr.write(`usage: node ${usage}\n`);
  process.exit(1);
}

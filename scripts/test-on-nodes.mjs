// Runs the tests on every Node release line that Waybill supports, one after the other, and ends with one line of
// sums. Arguments go to vitest: `npm test -- test/oci`. With CI set, the first run also measures coverage.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const cache = join(root, "node_modules", ".cache", "nodes");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");

/**
 * Tests that take minutes of other programs, which do the same whatever Node started them: run on the oldest line alone,
 * unless they are named.
 */
const once = ["test/builds/shapes.test.ts", "test/builds/engines/container-engines.test.ts"];

/** The oldest and the newest release line; the exact versions are what a fresh checkout fetches. */
const lines = [
  { major: 20, version: "20.20.2", leaveOut: [] },
  { major: 24, version: "24.21.0", leaveOut: once },
];

/** Path of a Node of the release line: the one we run on, or one from the package registry, kept in the cache. */
function nodeOf({ major, version }) {
  if (Number(process.versions.node.split(".")[0]) === major) return process.execPath;
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const prefix = join(cache, String(major));
  const home = join(prefix, "node_modules", name);
  const binary = join(home, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(binary) && JSON.parse(readFileSync(join(home, "package.json"))).version === version)
    return binary;
  console.error(`Fetching Node ${version} …`);
  mkdirSync(prefix, { recursive: true });
  const npm = process.env.npm_execpath
    ? [process.execPath, process.env.npm_execpath]
    : [process.platform === "win32" ? "npm.cmd" : "npm"];
  const flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
  const args = ["install", "--prefix", prefix, ...flags, "--loglevel", "error", `${name}@${version}`];
  const { status } = spawnSync(npm[0], [...npm.slice(1), ...args], { cwd: prefix, stdio: "inherit" });
  if (status === 0 && existsSync(binary)) return binary;
  throw new Error(`Node ${version} could not be fetched as ${name}@${version}`);
}

/** One run of vitest. What could not even be collected counts as failed, and so does a run that died. */
function testOn(node, name, extra) {
  console.log(`\n── ${name}`);
  const report = join(cache, `report-${name.replaceAll(/\W+/g, "-")}.json`);
  mkdirSync(cache, { recursive: true });
  rmSync(report, { force: true });
  const args = [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync(node, [...args, ...extra], { cwd: root, stdio: "inherit" });
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(readFileSync(report, "utf8"));
  const uncollected = result.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const failed = result.numFailedTests + uncollected;
  return {
    passed: result.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

const filters = process.argv.slice(2);
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const [index, line] of lines.entries()) {
  const coverage = index === 0 && process.env.CI ? ["--coverage"] : [];
  let outcome = { passed: 0, failed: 1, skipped: 0 };
  try {
    const leftOut = filters.length > 0 ? [] : line.leaveOut.map((file) => `--exclude=${file}`);
    outcome = testOn(nodeOf(line), `Node ${line.major}`, [...coverage, ...leftOut, ...filters]);
  } catch (error) {
    console.error(error.message);
  }
  for (const key of Object.keys(sum)) sum[key] += outcome[key];
}
const skipped = sum.skipped === 0 ? "" : `, ${sum.skipped} skipped`;
console.log(`\n${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.failed === 0 ? 0 : 1;

// Runs all tests on this Node, and ends with the slowest ten and one line of sums. Arguments go to vitest:
// `npm test -- test/oci`. With `--other-nodes` it runs, on every other release line that Waybill supports, the tests of
// what may differ there: `node-dependent.json` names those of how programs start and end, of HTTP, TLS and streams, of
// processes and the disk, of databases, of what a server answers, and of the demonstration.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const cache = join(root, "node_modules", ".cache", "nodes");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");

/** The release lines, and what a fresh checkout fetches of them. */
const lines = [
  { major: 20, version: "20.20.2" },
  { major: 22, version: "22.23.5" },
  { major: 24, version: "24.21.0" },
];
const ownMajor = Number(process.versions.node.split(".")[0]);

/** Path of a Node of the release line, from the package registry, kept in the cache. */
function nodeOf({ major, version }) {
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
function testOn(node, version, words) {
  console.log(`\n── Node ${version}`);
  const report = join(cache, `report-${version}.json`);
  mkdirSync(cache, { recursive: true });
  rmSync(report, { force: true });
  const args = [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync(node, [...args, ...words], { cwd: root, stdio: "inherit" });
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(readFileSync(report, "utf8"));
  showSlowest(result);
  const uncollected = result.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const failed = result.numFailedTests + uncollected;
  return {
    failures: failuresOf(result, version),
    passed: result.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/** What failed, with the first lines of why. */
function failuresOf({ testResults }, version) {
  return testResults.flatMap(({ name, message, status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    const whole =
      status === "failed" && failed.length === 0 ? [{ fullName: "", failureMessages: [message] }] : [];
    return [...failed, ...whole].map(({ fullName, failureMessages }) => {
      const why = (failureMessages?.[0] ?? "").split("\n").slice(0, 6).join("\n    ");
      return `  Node ${version}  ${name.replace(`${root}/`, "")} ${fullName}\n    ${why}`;
    });
  });
}

function showSlowest({ testResults }) {
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ duration = 0, fullName }) => ({ duration, title: `${name} ${fullName}` })),
  );
  const slowest = tests.sort((one, other) => other.duration - one.duration).slice(0, 10);
  console.log("\nThe slowest:");
  for (const { duration, title } of slowest) {
    console.log(`${(duration / 1000).toFixed(1).padStart(6)} s  ${title.replace(`${root}/`, "")}`);
  }
}

function nodeDependentTests() {
  const paths = JSON.parse(readFileSync(join(root, "scripts", "node-dependent.json"), "utf8"));
  const gone = paths.filter((path) => !existsSync(join(root, path)));
  if (gone.length > 0) throw new Error(`scripts/node-dependent.json names what is not there: ${gone}`);
  return paths;
}

/** The runs of this command: a Node for each, and what vitest is told. */
function* runs(words) {
  if (words[0] !== "--other-nodes") {
    yield { version: process.versions.node, node: () => process.execPath, words };
    return;
  }
  for (const line of lines.filter(({ major }) => major !== ownMajor)) {
    const { version } = line;
    yield { version, node: () => nodeOf(line), words: [...nodeDependentTests(), ...words.slice(1)] };
  }
}

const failures = [];
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const { version, node, words } of runs(process.argv.slice(2))) {
  let outcome = { passed: 0, failed: 1, skipped: 0 };
  try {
    outcome = testOn(node(), version, words);
  } catch (error) {
    console.error(error.message);
  }
  for (const key of Object.keys(sum)) sum[key] += outcome[key];
  failures.push(...(outcome.failures ?? []));
}
// Once more at the end: whoever sees only the tail of a long output still learns what failed.
if (failures.length > 0) console.log(`\nFailed:\n${failures.join("\n")}`);
const skipped = sum.skipped === 0 ? "" : `, ${sum.skipped} skipped`;
console.log(`\n${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.failed === 0 ? 0 : 1;

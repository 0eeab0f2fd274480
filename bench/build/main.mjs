// What `waybill build` costs beside the engine that it calls: node bench/build/main.mjs [--runs N] [--seconds N]. Needs buildah. Each
// line is the median of its runs; the two ways of a build take turns, so that a machine that grows slower does so for both.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: { runs: { type: "string", default: "7" }, seconds: { type: "string", default: "1" } },
});
const runs = Number(values.runs);
const milliseconds = 1000 * Number(values.seconds);
const work = mkdtempSync(join(tmpdir(), "waybill-bench-build-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

const waybill = join(root, "dist/bin/waybill.js");
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const spread = (numbers) => `${Math.min(...numbers).toFixed(0)}–${Math.max(...numbers).toFixed(0)}`;

/** Milliseconds of wall and CPU that a command takes, its children included. */
function timed(command, args, options = {}) {
  const started = performance.now();
  const { status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", ...options });
  const wall = performance.now() - started;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return { wall, stdout };
}

/** A checkout whose build takes as long as it is told to. */
function checkout() {
  const folder = join(work, "checkout");
  const rootfs = join(folder, "rootfs");
  mkdirSync(join(rootfs, "bin"), { recursive: true });
  const copied = new Set();
  const copy = (from, to) => {
    if (copied.has(to)) return;
    copied.add(to);
    mkdirSync(dirname(join(rootfs, to)), { recursive: true });
    copyFileSync(realpathSync(from), join(rootfs, to));
  };
  for (const name of ["sh", "sleep"]) {
    copy(`/bin/${name}`, `/bin/${name}`);
    const libraries = execFileSync("ldd", [`/bin/${name}`], { encoding: "utf8" });
    for (const [, path] of libraries.matchAll(/(?:=> |^\s*)(\/\S+)/gm)) copy(path, path);
  }
  const git = (...words) =>
    execFileSync("git", [
      "-c",
      "user.name=Bench",
      "-c",
      "user.email=bench@example.com",
      "-C",
      folder,
      ...words,
    ]);
  git("init", "-q");
  return {
    folder,
    sleepFor(seconds) {
      writeFileSync(
        join(folder, "Dockerfile"),
        `FROM scratch\nCOPY rootfs /\nENV PATH=/bin\nRUN sleep ${seconds.toFixed(2)}\n`,
      );
      writeFileSync(
        join(folder, "cloudbuild.yaml"),
        [
          "steps:",
          "- name: gcr.io/cloud-builders/docker",
          "  args: [build, -t, 'gcr.io/$PROJECT_ID/bench:$_GIT_TAG', .]",
          "images: ['gcr.io/$PROJECT_ID/bench:$_GIT_TAG']",
          "",
        ].join("\n"),
      );
      git("add", ".");
      git("commit", "-qm", "bench", "--allow-empty");
    },
  };
}

function direct(folder, registry) {
  const store = mkdtempSync(join(work, "store-"));
  const globals = ["--root", join(store, "root"), "--runroot", join(store, "run"), "--storage-driver", "vfs"];
  const image = `${registry}/direct/bench:1`;
  // The first two words are the image and the context, the others are options of buildah.
  const script = `image=$1 context=$2; shift 2
    buildah "$@" bud --isolation chroot --network host --tag "$image" "$context" && buildah "$@" push --tls-verify=false "$image"`;
  const { wall } = timed("bash", ["-c", script, "bash", image, folder, ...globals]);
  rmSync(store, { recursive: true, force: true });
  return wall;
}

function ours(folder, registry) {
  const data = mkdtempSync(join(work, "data-"));
  const words = ["build", folder, "--engine", "buildah", "--project", "bench", "--data-dir", data, "--quiet"];
  const { wall } = timed(process.execPath, [waybill, ...words, "--push-to", `${registry}/ours`]);
  rmSync(data, { recursive: true, force: true });
  return wall;
}

/** Milliseconds for reading and resolving a build file in a process that has loaded what it takes. */
function parsing() {
  const shape = join(root, "test/cloudbuild/shapes/12-k8s-cloud-builder.yaml");
  const script = `
    const { readFileSync } = await import("node:fs");
    const { parseCloudBuild, resolveCloudBuild } = await import(${JSON.stringify(join(root, "dist/index.js"))});
    const text = readFileSync(${JSON.stringify(shape)}, "utf8");
    const started = performance.now();
    const { build } = parseCloudBuild(text, "cloudbuild.yaml");
    const { build: resolved } = resolveCloudBuild(build, {
      substitutions: { _GIT_TAG: "v20261120-v0.1.0", _PULL_BASE_REF: "main" },
      builtIns: { PROJECT_ID: "demo", BUILD_ID: "1", LOCATION: "global" },
    });
    console.log(performance.now() - started, text.split("\\n").length, resolved.steps.length);`;
  const { stdout } = timed(process.execPath, ["--input-type=module", "-e", script]);
  return stdout.trim().split(" ").map(Number);
}

const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);
console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${runs} runs\n`);
row("what", "median ms", "spread");
row("---", "---:", "---:");
const parsed = Array.from({ length: runs }, parsing);
const parseTimes = parsed.map(([time]) => time);
row(
  `parse and resolve ${parsed[0][1]} lines, ${parsed[0][2]} steps, cold`,
  median(parseTimes).toFixed(1),
  spread(parseTimes),
);

const { spawn } = await import("node:child_process");
const server = spawn(process.execPath, [
  waybill,
  "registry",
  "serve",
  "--dir",
  join(work, "registry"),
  "--listen",
  "127.0.0.1:0",
  "--json",
]);
const registry = await new Promise((done) => {
  let said = "";
  server.stdout.on("data", (chunk) => {
    said += chunk;
    const address = /"address": "([^"]+)"/.exec(said)?.[1];
    if (address !== undefined) done(address);
  });
});
process.on("exit", () => server.kill());
const { folder, sleepFor } = checkout();
sleepFor(0);
const bare = median(Array.from({ length: 3 }, () => direct(folder, registry)));
// The engine's own time counts.
sleepFor(Math.max(0, (milliseconds - bare) / 1000));
const times = { direct: [], ours: [] };
for (let index = 0; index < runs; index += 1) {
  times.direct.push(direct(folder, registry));
  times.ours.push(ours(folder, registry));
}
row("buildah bud and push, called directly", median(times.direct).toFixed(0), spread(times.direct));
row("waybill build", median(times.ours).toFixed(0), spread(times.ours));
const overhead = median(times.ours) / median(times.direct) - 1;
row(
  "overhead",
  `${(100 * overhead).toFixed(1)} %`,
  `${(median(times.ours) - median(times.direct)).toFixed(0)} ms`,
);
server.kill();

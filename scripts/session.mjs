// Runs a day's work with Waybill in a terminal, on two registries of its own, and draws what the terminal shows:
// npm run session. It is docs/images/session.svg, and the same each time.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openRegistries, parseRepository, parseTag, startRegistryServer } from "waybill";
import { push } from "../examples/tour/image.mjs";
import { columns, drawSession, readScreen } from "./terminal-picture.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const picture = join(root, "docs", "images", "session.svg");
const code = '; echo "exit code $?"';

/** What is typed, with what it is for. */
const steps = [
  ["What has the build pushed to staging?", "waybill ls staging.example.com/web/api --digests"],
  [
    "Which image of it runs on arm64?",
    "waybill digest staging.example.com/web/api:v1.5.0 --platform linux/arm64",
  ],
  ["Two projects want their v1.5.0 in production", "waybill merge --project web --project data --tag v1.5.0"],
  ["What does that ask for that was not asked for?", "waybill review compare --base HEAD"],
  ["Is everything right in the manifests?", "waybill check"],
  ["What would be done for one of them?", "waybill plan --project web"],
  ["Both of them, for real", "waybill promote --project web --project data --confirm"],
  ["Is all of it there, complete and tagged?", "waybill verify --project web --project data"],
  ["Then the rest. Staging has lost an image of it", `waybill promote --confirm${code}`],
  [
    "The build has it still: a copy by hand",
    "waybill copy ci.example.com/ops/log:v2.0.0 staging.example.com/ops/log:v2.0.0",
  ],
  ["Again: what is left is done, and nothing else", `waybill promote --confirm${code}`],
  ["A tag that would move is refused", `waybill tag staging.example.com/web/api:v1.5.0 stable${code}`],
  ["Unless somebody says so", "waybill tag staging.example.com/web/api:v1.5.0 stable --move"],
  ["Which digest is it now?", "waybill digest staging.example.com/web/api:stable"],
  ["Production is as the manifests say", "waybill verify"],
];

const folder = mkdtempSync(join(tmpdir(), "waybill-session-"));
const servers = [];
try {
  for (const name of ["staging", "production"]) {
    servers.push(await startRegistryServer({ dir: join(folder, "data", name) }));
  }
  const [staging, production] = servers.map(({ address }) => address);
  const digests = await stage(staging);
  makeTree(digests);
  const env = surroundings(staging, production);
  const shown = [];
  for (const [purpose, line] of steps) {
    shown.push({ purpose, line, rows: await readScreen(await outputOf(line, env)) });
  }
  mkdirSync(dirname(picture), { recursive: true });
  writeFileSync(picture, drawSession("waybill: a day of promotions", shown));
} finally {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
}

/** Pushes what builds have pushed. @returns The digests that manifests list before the day begins. */
async function stage(address) {
  const registries = openRegistries({ environment: {} });
  const image = async (path, version, ...others) => {
    const repository = registries.repository(parseRepository(`${address}/${path}`));
    await push(repository, path.split("/").at(-1), version);
    const { descriptor, bytes } = await repository.fetch(parseTag(version));
    if (others.length > 0) await repository.put({ descriptor, bytes }, ...others.map(parseTag));
    return descriptor.digest;
  };
  const old = await image("staging/web/api", "v1.4.0", "stable");
  await image("staging/web/api", "v1.5.0");
  await image("staging/web/ui", "v1.5.0");
  await image("staging/data/db", "v1.5.0");
  const dns = await image("staging/ops/dns", "v2.0.0");
  const log = await image("ci/ops/log", "v2.0.0");
  await registries.close();
  return { old, dns, log };
}

/** A tree of three projects in Git. */
function makeTree({ old, dns, log }) {
  const tree = join(folder, "promotions");
  const listed = {
    web: [["api", old, "v1.4.0"]],
    data: [],
    ops: [
      ["dns", dns, "v2.0.0"],
      ["log", log, "v2.0.0"],
    ],
  };
  for (const [project, images] of Object.entries(listed)) {
    mkdirSync(join(tree, "manifests", project), { recursive: true });
    mkdirSync(join(tree, "images", project), { recursive: true });
    const registries = [`  - name: staging.example.com/${project}`, "    src: true"];
    for (const mirror of ["eu", "us"]) registries.push(`  - name: ${mirror}.example.com/${project}`);
    const blocks = images.map(
      ([image, digest, tag]) => `- name: ${image}\n  dmap:\n    "${digest}": ["${tag}"]\n`,
    );
    writeFileSync(
      join(tree, "manifests", project, "promoter-manifest.yaml"),
      `registries:\n${registries.join("\n")}\n`,
    );
    writeFileSync(join(tree, "images", project, "images.yaml"), blocks.join(""));
  }
  const git = (...words) =>
    execFileSync("git", ["-C", tree, ...words], { env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" } });
  const somebody = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"];
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git(...somebody, "commit", "--quiet", "--message=Manifests of three projects");
}

/** What the lines are run with: names of registries that do not change, wherever the registries are. */
function surroundings(staging, production) {
  const home = join(folder, "home");
  const bin = join(folder, "bin");
  for (const each of [home, bin]) mkdirSync(each);
  const program = join(bin, "waybill");
  writeFileSync(
    program,
    `#!/bin/sh\nexec '${process.execPath}' '${join(root, "dist/bin/waybill.js")}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  const places = [
    ["staging", `${staging}/staging`],
    ["ci", `${staging}/ci`],
    ["eu", `${production}/eu`],
    ["us", `${production}/us`],
  ];
  const entries = places.map(([name, at]) => `  - { repository: ${name}.example.com, at: "${at}" }\n`);
  const config = join(home, "waybill.yaml");
  writeFileSync(config, `locations:\n${entries.join("")}`);
  const PATH = `${bin}:${process.env.PATH}`;
  return {
    PATH,
    HOME: home,
    WAYBILL_CONFIG: config,
    TERM: "xterm-256color",
    LC_ALL: "C.UTF-8",
    SHELL: "/bin/sh",
  };
}

/** What a terminal gets from a line. */
async function outputOf(line, env) {
  const child = spawn(
    "script",
    ["-qfec", `stty cols ${columns} rows 60; exec bash -c '${line.replaceAll("'", `'\\''`)}'`, "/dev/null"],
    {
      cwd: join(folder, "promotions"),
      env,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const parts = [];
  child.stdout.on("data", (part) => parts.push(part));
  await once(child, "close");
  return Buffer.concat(parts);
}

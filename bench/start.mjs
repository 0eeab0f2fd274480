// What short commands take beyond Node's own start, by this Node: node bench/start.mjs [RUNS]. All take turns, and the fastest
// quarters are compared, in wall time and CPU time: what else a machine does slows some runs, not all. The last line is what
// the requests of `inspect` take in `node:http` alone.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { waybill } from "./measure.mjs";

const runs = Number(process.argv[2] ?? 31);
const folder = await mkdtemp(join(tmpdir(), "waybill-start-"));
const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: "", XDG_CACHE_HOME: "" };
const servers = [];

try {
  await writeFiles({
    "tree/manifests/foo/promoter-manifest.yaml":
      "registries:\n- name: gcr.io/k8s-staging-foo\n  src: true\n- name: us.gcr.io/k8s-artifacts-prod/foo\n",
    "tree/images/foo/images.yaml": Array.from({ length: 10 }, (_, at) => block(at)).join(""),
    ...layout(),
  });
  const image = `oci:${join(folder, "layout")}:v1`;
  const embedded = await serve(process.execPath, (port) => [
    ...[waybill, "registry", "serve", "--dir", join(folder, "data"), "--listen", `127.0.0.1:${port}`],
  ]);
  const distribution = await serve("docker-registry", () => ["serve", join(folder, "config.yml")]);
  for (const host of [embedded, distribution]) await taken([waybill, "copy", image, `${host}/foo:v1`]);
  const commands = {
    "node -e 0": ["-e", "0"],
    "waybill --version": [waybill, "--version"],
    "waybill check, of 10 images": [waybill, "check", join(folder, "tree")],
    "waybill inspect, embedded registry": [waybill, "inspect", `${embedded}/foo:v1`],
    "waybill inspect, docker-registry": [waybill, "inspect", `${distribution}/foo:v1`],
    "waybill digest, of a folder": [waybill, "digest", image],
    "its requests by node:http": ["-e", requests(embedded)],
  };
  const figures = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let run = 0; run <= runs; run += 1) {
    for (const [name, argv] of Object.entries(commands)) {
      const figure = await taken(argv);
      // The first is what fills caches.
      if (run > 0) figures[name].push(figure);
    }
  }
  const [bare] = Object.values(figures);
  console.log(
    `Node ${process.version}, ${runs} runs each: milliseconds of the fastest quarter, and beyond a bare Node`,
  );
  for (const [name, all] of Object.entries(figures)) {
    const shown = ["wall", "CPU"].map((kind, at) => {
      const own = quarter(all, at);
      return `${kind} ${own.toFixed(0).padStart(4)} +${(own - quarter(bare, at)).toFixed(0).padStart(3)}`;
    });
    console.log(`${name.padEnd(36)} ${shown.join("   ")}`);
  }
} finally {
  for (const server of servers) server.kill();
  await rm(folder, { recursive: true, force: true });
}

/** Milliseconds of wall time and of CPU time that this Node takes for a command, as the shell measures them. */
async function taken(argv) {
  const line = 'TIMEFORMAT="%R %U %S"; time "$0" "$@" >/dev/null 2>"$SAID" || { cat "$SAID"; exit 1; }';
  const said = { ...env, SAID: join(folder, "said") };
  const { stderr } = await promisify(execFile)("bash", ["-c", line, process.execPath, ...argv], {
    env: said,
  });
  const [wall, user, system] = stderr.trim().split(" ").map(Number);
  return [wall * 1000, (user + system) * 1000];
}

function quarter(figures, at) {
  return figures.map((figure) => figure[at]).sort((one, other) => one - other)[
    Math.floor(figures.length / 4)
  ];
}

/** A registry at a free port of the loopback interface, once it answers. */
async function serve(program, argvAt) {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => probe.once("listening", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  const config = `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${folder}/blobs}}\nhttp: {addr: "127.0.0.1:${port}"}\n`;
  await writeFile(join(folder, "config.yml"), config);
  servers.push(spawn(program, argvAt(port), { stdio: "ignore", env }));
  while (!(await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined))) await sleep(100);
  return `127.0.0.1:${port}`;
}

async function writeFiles(files) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

function block(at) {
  return `- name: app-${at}\n  dmap:\n    "${digestOf(`${at}`)}": ["v1.${at}"]\n`;
}

/** The files of an image layout with one small image, tagged `v1`. */
function layout() {
  const blobs = {};
  const add = (mediaType, text) => {
    const digest = digestOf(text);
    blobs[`layout/blobs/${digest.replace(":", "/")}`] = text;
    return { mediaType, digest, size: text.length };
  };
  const oci = "application/vnd.oci.image";
  const config = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [digestOf("layer")] },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: add(`${oci}.config.v1+json`, JSON.stringify(config)),
    layers: [add(`${oci}.layer.v1.tar`, "layer")],
  };
  const root = add(manifest.mediaType, JSON.stringify(manifest));
  const annotations = { "org.opencontainers.image.ref.name": "v1" };
  return {
    ...blobs,
    "layout/oci-layout": '{"imageLayoutVersion":"1.0.0"}',
    "layout/index.json": JSON.stringify({ schemaVersion: 2, manifests: [{ ...root, annotations }] }),
  };
}

function digestOf(text) {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** A program that asks for a manifest, a blob and the tags, one after the other. */
function requests(host) {
  return `const { get } = process.getBuiltinModule("node:http");
    (async () => {
      for (const path of ["manifests/v1", "manifests/v1", "tags/list"])
        await new Promise((done) => get("http://${host}/v2/foo/" + path, (answer) => answer.resume().on("end", done)));
    })();`;
}

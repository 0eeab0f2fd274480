// How much memory promoting one large layer takes: node bench/copy-memory.mjs [MIB] [RUNS]
// Copies between two real registries (docker-registry, from Debian's packages) on this machine.
import { spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { costs, line, measure, waybill } from "./measure.mjs";

const layerMiB = Number(process.argv[2] ?? 256);
const runs = Number(process.argv[3] ?? 5);
const folder = await mkdtemp(join(tmpdir(), "waybill-bench-"));
const started = [];

try {
  const staging = await startRegistry("staging");
  const production = await startRegistry("production");
  const digest = await pushLargeImage(staging);
  const results = [];
  const held = [];
  for (let run = 0; run < runs; run += 1) {
    results.push(await measure([waybill, "promote", await newTree(`run-${run}`), "--confirm", "--quiet"]));
    const collecting = [
      "--expose-gc",
      waybill,
      "promote",
      await newTree(`held-${run}`),
      "--confirm",
      "--quiet",
    ];
    held.push(await measure(collecting));
  }
  process.stdout.write(`promote one image with a layer of ${layerMiB} MiB\n`);
  costs(results, { resident: 150 });
  line(
    "held in buffers, the layer's bytes among them",
    held.map(({ buffersMiB }) => buffersMiB),
    "MiB",
    32,
  );

  async function newTree(name) {
    const tree = join(folder, name);
    await writeTree(tree, `${staging}/staging`, `${production}/${name}`, digest);
    return tree;
  }
} finally {
  for (const child of started) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}

async function startRegistry(name) {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = `127.0.0.1:${server.address().port}`;
  await new Promise((resolve) => server.close(resolve));
  const config = join(folder, `${name}.yml`);
  await writeFile(
    config,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${join(folder, name)} } }
http: { addr: "${address}", secret: bench }
`,
  );
  started.push(spawn("docker-registry", ["serve", config], { stdio: "ignore" }));
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(`http://${address}/v2/`).catch(() => undefined);
    if (answer?.ok) return address;
    await sleep(25);
  }
  throw new Error("docker-registry does not answer; install it with: apt-get install docker-registry");
}

async function pushLargeImage(host) {
  const layer = randomFillSync(Buffer.alloc(layerMiB * 2 ** 20));
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }),
  );
  for (const bytes of [layer, config]) {
    const begun = await fetch(`http://${host}/v2/staging/large/blobs/uploads/`, { method: "POST" });
    const target = new URL(begun.headers.get("location"));
    target.searchParams.set("digest", sha256(bytes));
    await fetch(target, { method: "PUT", body: bytes });
  }
  const described = (mediaType, bytes) => ({ mediaType, digest: sha256(bytes), size: bytes.length });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: described("application/vnd.oci.image.config.v1+json", config),
      layers: [described("application/vnd.oci.image.layer.v1.tar", layer)],
    }),
  );
  await fetch(`http://${host}/v2/staging/large/manifests/v1`, {
    method: "PUT",
    headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" },
    body: manifest,
  });
  return sha256(manifest);
}

function sha256(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function writeTree(tree, source, destination, digest) {
  await mkdir(join(tree, "manifests", "large"), { recursive: true });
  await mkdir(join(tree, "images", "large"), { recursive: true });
  const registries = `registries:\n- name: ${source}\n  src: true\n- name: ${destination}\n`;
  await writeFile(join(tree, "manifests", "large", "promoter-manifest.yaml"), registries);
  await writeFile(
    join(tree, "images", "large", "images.yaml"),
    `- name: large\n  dmap:\n    "${digest}": ["v1"]\n`,
  );
}

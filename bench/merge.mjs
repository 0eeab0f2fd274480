// How long merging one tag into a large images.yaml takes: node bench/merge.mjs TREE [RUNS]
// TREE is a thin directory with the project k8s-staging-kubernetes; it is copied, and stays as it is. The same merge
// into a list of one line, in a tree of one project, tells what start and staging cost by themselves.
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { costs, line, measure, treeFromArguments, waybill } from "./measure.mjs";

const tree = treeFromArguments("bench/merge.mjs TREE [RUNS]");
const runs = Number(process.argv[3] ?? 7);
const staging = "gcr.io/k8s-staging-kubernetes";
const folder = await mkdtemp(join(tmpdir(), "waybill-bench-"));
const images = join(folder, "tree", "images", "k8s-staging-kubernetes", "images.yaml");
const server = spawn(
  process.execPath,
  [waybill, "registry", "serve", "--dir", join(folder, "data"), "--listen", "127.0.0.1:0"],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);

try {
  const [serving] = await new Promise((resolve) =>
    createInterface(server.stdout).once("line", (text) => resolve([text])),
  );
  const host = /http:\/\/(\S+)/.exec(serving)[1];
  await cp(tree, join(folder, "tree"), { recursive: true });
  await pushImage(host);
  const config = join(folder, "waybill.yaml");
  await writeFile(config, `locations:\n  - repository: ${staging}\n    at: ${host}/staging\n`);
  const small = join(folder, "small");
  const project = join("manifests", "k8s-staging-kubernetes");
  await cp(join(tree, project), join(small, project), { recursive: true });
  const smallImages = join(small, "images", "k8s-staging-kubernetes", "images.yaml");
  await mkdir(dirname(smallImages), { recursive: true });
  await writeFile(smallImages, `- name: kube-proxy\n  dmap:\n    "sha256:${"0".repeat(64)}": ["v1"]\n`);

  const large = await readFile(images);
  const results = [];
  const base = [];
  for (let run = 0; run < runs; run += 1) {
    results.push(await merge(join(folder, "tree"), images, config));
    base.push(await merge(small, smallImages, config));
  }
  process.stdout.write(`merge one tag into ${large.length} bytes, staging on this machine\n`);
  const walls = results.map(({ wallSeconds }) => wallSeconds);
  const bases = base.map(({ wallSeconds }) => wallSeconds);
  costs(results, {}, "wall of the whole command");
  line("the same into one line: start and staging", bases, "s");
  const apart = walls.map((wall, run) => wall - bases[run]);
  line("apart from start and staging", apart, "s", 0.5);
} finally {
  server.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}

/** Merges into a tree, and puts its list back. */
async function merge(into, list, config) {
  const before = await readFile(list);
  const options = [
    "--image",
    "kube-proxy",
    "--tag",
    "v9.9.9",
    "--skip-production",
    "--quiet",
    "--config",
    config,
  ];
  const result = await measure([waybill, "merge", "--base-dir", into, "--staging-repo", staging, ...options]);
  if ((await readFile(list)).equals(before)) throw new Error("nothing was merged");
  await writeFile(list, before);
  return result;
}

async function pushImage(host) {
  const { createHash } = await import("node:crypto");
  const config = Buffer.from(
    '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
  );
  const digest = `sha256:${createHash("sha256").update(config).digest("hex")}`;
  await fetch(`http://${host}/v2/staging/kube-proxy/blobs/uploads/?digest=${digest}`, {
    method: "POST",
    body: config,
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const described = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: config.length };
  const answer = await fetch(`http://${host}/v2/staging/kube-proxy/manifests/v9.9.9`, {
    method: "PUT",
    headers: { "content-type": mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, config: described, layers: [] }),
  });
  if (answer.status !== 201) throw new Error(`the registry refused the image: ${await answer.text()}`);
}

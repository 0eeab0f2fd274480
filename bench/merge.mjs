// How long merging one tag into a large images.yaml takes: node bench/merge.mjs TREE [RUNS]
// TREE is a thin directory with the project k8s-staging-kubernetes; it is copied, and stays as it is.
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { line, measure, treeFromArguments, waybill } from "./measure.mjs";

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
  const before = await readFile(images);
  const asked = [
    "--base-dir",
    join(folder, "tree"),
    "--staging-repo",
    staging,
    "--image",
    "kube-proxy",
    "--tag",
    "v9.9.9",
  ];
  const results = [];
  for (let run = 0; run < runs; run += 1) {
    await writeFile(images, before);
    results.push(
      await measure([waybill, "merge", ...asked, "--skip-production", "--quiet", "--config", config]),
    );
    if ((await readFile(images)).equals(before)) throw new Error("nothing was merged");
  }
  process.stdout.write(
    `merge one tag into ${before.length} bytes, all of the tree read, staging on this machine\n`,
  );
  line(
    "wall, start and staging included",
    results.map(({ wallSeconds }) => wallSeconds),
    "s",
    0.5,
  );
  line(
    "CPU",
    results.map(({ cpuSeconds }) => cpuSeconds),
    "s",
  );
  line(
    "resident",
    results.map(({ residentMiB }) => residentMiB),
    "MiB",
  );
} finally {
  server.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
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

// How many requests a promotion takes for each tag: node bench/requests.mjs [IMAGES] [WAYBILL…]
// So many small images, each with a tag of its own, go from one docker-registry to another: in one repository, and in
// one for each; then once more, when there is nothing to do. Each WAYBILL is a dist/bin/waybill.js to compare.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { waybill } from "./measure.mjs";

const count = Number(process.argv[2] ?? 200);
const programs = process.argv.length > 3 ? process.argv.slice(3) : [waybill];
const folder = await mkdtemp(join(tmpdir(), "waybill-requests-"));
const registries = [];

try {
  const staging = await startRegistry();
  const images = { "one repository": () => "app", "a repository each": (at) => `app-${at}` };
  for (const [shape, nameOf] of Object.entries(images)) {
    const lines = new Map();
    for (let at = 0; at < count; at += 1) {
      const name = nameOf(at);
      const digest = await push(staging, `staging/${name}`, at);
      lines.set(name, `${lines.get(name) ?? `- name: ${name}\n  dmap:\n`}    "${digest}": ["v${at}"]\n`);
    }
    for (const program of programs) {
      const production = await startRegistry();
      const tree = join(folder, production);
      await mkdir(join(tree, "manifests/foo"), { recursive: true });
      await mkdir(join(tree, "images/foo"), { recursive: true });
      await writeFile(
        join(tree, "manifests/foo/promoter-manifest.yaml"),
        `registries:\n- name: ${staging}/staging\n  src: true\n- name: ${production}/prod\n`,
      );
      await writeFile(join(tree, "images/foo/images.yaml"), [...lines.values()].join(""));
      for (const work of ["fresh", "nothing to do"]) {
        console.log(`${shape}, ${work}: ${await requestsOf(program, tree)} (${program})`);
      }
    }
  }
} finally {
  for (const registry of registries) registry.kill();
  await rm(folder, { recursive: true, force: true });
}

async function requestsOf(program, tree) {
  const child = spawn(process.execPath, [program, "promote", tree, "--confirm"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  for await (const chunk of child.stderr) said += chunk;
  return /^\d+ requests? \(.*\)$/m.exec(said)?.[0] ?? said;
}

async function startRegistry() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const host = `127.0.0.1:${probe.address().port}`;
  await new Promise((resolve) => probe.close(resolve));
  const config = join(folder, `${host}.yml`);
  await writeFile(
    config,
    `version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: ${folder}/${host}-data } }\nhttp: { addr: "${host}" }\n`,
  );
  registries.push(spawn("docker-registry", ["serve", config], { stdio: "ignore" }));
  for (;;) {
    const isUp = await fetch(`http://${host}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return host;
    await sleep(50);
  }
}

async function push(host, name, at) {
  const config = await pushBlob(host, name, JSON.stringify({ architecture: "amd64", os: "linux", at }));
  const layer = await pushBlob(host, name, `layer ${at}`);
  const type = (what) => `application/vnd.oci.image.${what}`;
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: type("manifest.v1+json"),
    config: { mediaType: type("config.v1+json"), ...config },
    layers: [{ mediaType: type("layer.v1.tar"), ...layer }],
  });
  const headers = { "content-type": type("manifest.v1+json") };
  await fetch(`http://${host}/v2/${name}/manifests/v${at}`, { method: "PUT", headers, body: manifest });
  return digestOf(manifest);
}

async function pushBlob(host, name, text) {
  const digest = digestOf(text);
  const begun = await fetch(`http://${host}/v2/${name}/blobs/uploads/`, { method: "POST" });
  const url = new URL(begun.headers.get("location"), `http://${host}`);
  url.searchParams.set("digest", digest);
  await fetch(url, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: text });
  return { digest, size: Buffer.byteLength(text) };
}

function digestOf(text) {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

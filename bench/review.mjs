// What it costs to review a change of one digest that goes to all destinations of a project: node bench/review.mjs TREE
// [RUNS] [PROJECT]. TREE is a thin directory; it is copied into a Git repository, and stays as it is. All registries are
// embedded ones in this process, at which the requests are counted; CPU is that of the command alone.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readManifests, startRegistryServer } from "../dist/index.js";
import { costs, line, measure, treeFromArguments, waybill } from "./measure.mjs";

const tree = treeFromArguments("bench/review.mjs TREE [RUNS] [PROJECT]");
const runs = Number(process.argv[3] ?? 7);
const project = process.argv[4] ?? "k8s-staging-descheduler";
const platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x"];
const folder = await mkdtemp(join(tmpdir(), "waybill-bench-"));
const seen = { staging: 0, production: 0 };
const serve = (name) => {
  const onRequest = () => {
    seen[name] += 1;
  };
  return startRegistryServer({ dir: join(folder, name), onRequest });
};
const staging = await serve("staging");
const production = await serve("production");

try {
  const repository = join(folder, "repository");
  const copy = join(repository, "tree");
  await cp(tree, copy, { recursive: true });
  const { manifests } = await readManifests(copy);
  const { source, destinations, imagesFile, images } = manifests.find((found) => found.project === project);
  const [{ name: image }] = images;
  const located = [
    [source.name, `${staging.address}/images`],
    ...destinations.map(({ name }, at) => [name, `${production.address}/d${at}`]),
  ];
  const config = join(folder, "waybill.yaml");
  const locations = located.map(([from, at]) => `  - repository: ${from}\n    at: ${at}\n`);
  await writeFile(config, `locations:\n${locations.join("")}`);

  const git = (...words) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=x", "-c", "user.email=x@example.com", ...words]);
  execFileSync("git", ["init", "--quiet", repository]);
  const text = await readFile(imagesFile, "utf8");
  const list = (...lines) =>
    writeFile(
      imagesFile,
      text.replace("dmap:", ["dmap:", ...lines.map((entry) => `    ${entry}`)].join("\n")),
    );
  const versions = ["v99.0.0", "v99.1.0"];
  const entries = [];
  for (const version of versions) {
    const digest = await pushIndex(`${staging.address}/images/${image}`, version);
    entries.push(`"${digest}": ["${version}"]`);
  }
  for (const [at] of destinations.entries()) {
    await pushIndex(`${production.address}/d${at}/${image}`, versions[0]);
  }
  for (const count of [1, 2]) {
    await list(...entries.slice(0, count));
    git("add", "--all");
    git("commit", "--quiet", "--message=x");
  }

  const options = ["--base", "HEAD~1", "--head", "HEAD", "--json", "--config", config];
  const results = [];
  const perDestination = [];
  const ofStaging = [];
  for (let run = 0; run < runs; run += 1) {
    Object.assign(seen, { staging: 0, production: 0 });
    const result = await measure([waybill, "review", copy, ...options]);
    const { verdict, edges } = JSON.parse(result.stdout);
    if (verdict !== "passes" || edges.added !== destinations.length)
      throw new Error(result.stdout.slice(0, 2000));
    results.push(result);
    perDestination.push(seen.production / destinations.length);
    ofStaging.push(seen.staging);
  }
  process.stdout.write(
    `waybill review: 1 digest of ${project} to ${destinations.length} destinations, ${manifests.length} projects\n`,
  );
  costs(results, { cpu: 1 });
  line("requests for each destination", perDestination, "", 3);
  line("requests to staging, in all", ofStaging, "");
  const start = [];
  for (let run = 0; run < runs; run += 1) start.push((await measure([waybill, "--version"])).cpuSeconds);
  line("CPU of waybill --version, beside it", start, "s");
} finally {
  await Promise.all([staging.close(), production.close()]);
  await rm(folder, { recursive: true, force: true });
}

/** Pushes an index of small images; the same version gives the same digest everywhere. */
async function pushIndex(name, version) {
  const [host, ...path] = name.split("/");
  const base = `http://${host}/v2/${path.join("/")}`;
  const children = [];
  for (const platform of platforms) {
    const [os, architecture, variant] = platform.split("/");
    const described = variant === undefined ? { os, architecture } : { os, architecture, variant };
    const layer = await pushBlob(base, Buffer.from(`${platform} ${version}`), "layer.v1.tar+gzip");
    const json = { ...described, created: "2024-05-01T00:00:00Z", rootfs: { type: "layers", diff_ids: [] } };
    const config = await pushBlob(base, Buffer.from(JSON.stringify(json)), "config.v1+json");
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypeOf("manifest.v1+json"),
      config,
      layers: [layer],
    };
    children.push({ ...(await put(base, manifest)), platform: described });
  }
  const index = { schemaVersion: 2, mediaType: mediaTypeOf("index.v1+json"), manifests: children };
  return (await put(base, index, version)).digest;
}

function mediaTypeOf(kind) {
  return `application/vnd.oci.image.${kind}`;
}

async function pushBlob(base, bytes, kind) {
  const digest = digestOf(bytes);
  const answer = await fetch(`${base}/blobs/uploads/?digest=${digest}`, { method: "POST", body: bytes });
  if (answer.status !== 201) throw new Error(`the registry refused a blob: ${await answer.text()}`);
  return { mediaType: mediaTypeOf(kind), digest, size: bytes.length };
}

async function put(base, json, tag) {
  const bytes = Buffer.from(JSON.stringify(json));
  const digest = digestOf(bytes);
  const answer = await fetch(`${base}/manifests/${tag ?? digest}`, {
    method: "PUT",
    headers: { "content-type": json.mediaType },
    body: bytes,
  });
  if (answer.status !== 201) throw new Error(`the registry refused a manifest: ${await answer.text()}`);
  return { mediaType: json.mediaType, digest, size: bytes.length };
}

function digestOf(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

// How many requests it takes to see that what travels with images is there: node bench/trust/travel.mjs [IMAGES]
// So many images of one platform, each with a signature, go from one embedded registry to another; then they are planned
// again, with and without a setting that says what travels. Goals: one request for each image and destination; none more
// where nothing says what travels.
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  defaultSettings,
  openRegistries,
  openTrust,
  parseRepository,
  parseTag,
  promote,
  readManifestTree,
  startRegistryServer,
} from "../../dist/internal.js";

const count = Number(process.argv[2] ?? 1000);
const folder = await mkdtemp(join(tmpdir(), "waybill-travel-"));
const servers = [];
const start = async (name) => {
  const server = await startRegistryServer({ dir: join(folder, name) });
  servers.push(server);
  return server.address;
};
const [staging, production] = [await start("staging"), await start("production")];
let requests = {};
const registries = openRegistries({
  settings: defaultSettings,
  environment: {},
  listener: (event) => {
    if (event.type !== "request") return;
    const key = `${event.host === production ? "production" : "staging"} ${event.kind}`;
    requests[key] = (requests[key] ?? 0) + 1;
  },
});

const described = (mediaType, bytes) => ({
  mediaType,
  digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  size: bytes.length,
});
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const nothing = described("application/vnd.oci.empty.v1+json", Buffer.from("{}"));
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

async function put(repository, fields, tag) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, ...fields }));
  const descriptor = described(manifestType, bytes);
  await repository.put({ descriptor, bytes }, tag === undefined ? [] : [parseTag(tag)]);
  return descriptor;
}

try {
  const repository = registries.repository(parseRepository(`${staging}/foo/app`));
  await repository.push(nothing, async () => Buffer.from("{}"), { inMemory: true });
  const lines = ["- name: app\n  dmap:\n"];
  const pushOne = async (at) => {
    const bytes = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", at }));
    const config = described("application/vnd.oci.image.config.v1+json", bytes);
    await repository.push(config, async () => bytes, { inMemory: true });
    const subject = await put(repository, { config, layers: [] }, `v${at}`);
    const fields = {
      artifactType: bundleType,
      config: nothing,
      layers: [{ ...nothing, mediaType: bundleType }],
    };
    await put(repository, { ...fields, subject });
    lines.push(`    "${subject.digest}": ["v${at}"]\n`);
  };
  for (let at = 0; at < count; at += 20)
    await Promise.all(Array.from({ length: Math.min(20, count - at) }, (_, more) => pushOne(at + more)));
  const tree = join(folder, "tree");
  await mkdir(join(tree, "manifests/foo"), { recursive: true });
  await mkdir(join(tree, "images/foo"), { recursive: true });
  await writeFile(
    join(tree, "manifests/foo/promoter-manifest.yaml"),
    `registries:\n- name: ${staging}/foo\n  src: true\n- name: ${production}/foo\n`,
  );
  await writeFile(join(tree, "images/foo/images.yaml"), lines.join(""));
  const run = async (what, travel, confirm) => {
    requests = {};
    const open = registries.repository;
    const trust = travel === undefined ? undefined : openTrust({ open, travel: () => travel.setting });
    const began = performance.now();
    const { report } = await promote({ tree: await readManifestTree(tree), open, trust, confirm });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const { done, present, pending } = report.counts;
    const sums = Object.entries(requests)
      .sort()
      .map(([key, number]) => `${key} ${number}`);
    console.log(
      `${what}: ${sums.join(", ") || "no requests"}; done ${done}, to do ${pending}, there ${present}; ${seconds} s`,
    );
    if (!report.asDesired) throw new Error(JSON.stringify(report.problems[0]));
    return { ...requests };
  };
  const sum = (made, place) =>
    Object.entries(made).reduce((all, [key, number]) => (key.startsWith(place) ? all + number : all), 0);
  await run("brought", { setting: undefined }, true);
  const without = await run("all there, nobody looks", undefined, false);
  const unsaid = await run("all there, no setting", { setting: undefined }, false);
  const none = await run("all there, travel: none", { setting: "none" }, false);
  const all = await run("all there, travel: all", { setting: "all" }, false);
  const more = sum(all, "production") - sum(without, "production");
  console.log(`requests more in production: ${more} for ${count} images (goal ${count})`);
  const extra = sum(unsaid, "") + sum(none, "") - 2 * sum(without, "");
  console.log(`requests more where nothing says what travels: ${extra} (goal 0)`);
  if (more > count || extra > 0) process.exitCode = 1;
} finally {
  await registries.close();
  for (const server of servers) await server.close();
  await rm(folder, { recursive: true, force: true });
}

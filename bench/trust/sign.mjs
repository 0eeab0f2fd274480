// What signing with a key adds to a promotion: node bench/trust/sign.mjs [--images small|single] [--rounds 3] [--kind api|none]
// 200 images go to four registries, with the referrers API (embedded ones, each a process) or without it (docker-registry),
// with and without signatures, in turn, each time to places that nothing is in. They are the 200 small ones of bench/copy
// (three platforms each), or `single`: one platform with two layers, of which no other image has any, so that each signature
// is a third more of all requests. Goals: signing adds at most 25 % to the wall time, and no blob is read again. What production is asked for is blobs for a mirror that lags behind,
// which come from another one.
import { spawn } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  defaultSettings,
  openRegistries,
  parseRepository,
  parseTag,
  promote,
  readManifestTree,
  signingBySettings,
} from "../../dist/internal.js";
import { smallCorpus } from "../copy/corpus.mjs";
import { startRegistry } from "../copy/registries.mjs";
import { seed } from "../copy/seed.mjs";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "small" },
    /** How many `single` images there are. */
    digests: { type: "string", default: "200" },
    rounds: { type: "string", default: "3" },
    kind: { type: "string", default: "api" },
    /** Bytes of each of two layers. */
    layer: { type: "string", default: "262144" },
  },
});
const corpus = values.images === "small" ? smallCorpus() : undefined;
const digests = corpus?.images.length ?? Number(values.digests);
const folder = await mkdtemp(join(tmpdir(), "waybill-sign-"));
const executable = resolve(import.meta.dirname, "../../dist/bin/waybill.js");
const closing = [() => rm(folder, { recursive: true, force: true })];

/** An embedded registry in a process of its own. */
async function startEmbedded(name) {
  const child = spawn(
    process.execPath,
    [executable, "registry", "serve", "--dir", join(folder, name), "--listen", "127.0.0.1:0"],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, HOME: folder, WAYBILL_CONFIG: "/dev/null" },
    },
  );
  closing.push(() => child.kill("SIGKILL"));
  let said = "";
  return new Promise((found, reject) => {
    const hear = (bytes) => {
      said += bytes;
      const address = /127\.0\.0\.1:[1-9]\d*/.exec(said)?.[0];
      if (address !== undefined) found(address);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("close", () => reject(new Error(said)));
  });
}

async function startProduction(at) {
  if (values.kind === "api") return startEmbedded(`production-${at}`);
  const registry = await startRegistry(folder);
  closing.push(() => registry.end());
  return registry.address;
}

const described = (mediaType, bytes) => ({
  mediaType,
  digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  size: bytes.length,
});

async function stage(repository, at) {
  const push = async (mediaType, bytes) => {
    const descriptor = described(mediaType, bytes);
    await repository.push(descriptor, async (from) => bytes.subarray(from), { inMemory: true });
    return descriptor;
  };
  const image = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", at }));
  const config = await push("application/vnd.oci.image.config.v1+json", image);
  const layers = [];
  for (let layer = 0; layer < 2; layer += 1)
    layers.push(await push("application/vnd.oci.image.layer.v1.tar+gzip", randomBytes(Number(values.layer))));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  const descriptor = described(mediaType, bytes);
  await repository.put({ descriptor, bytes }, [parseTag(`v${at}`)]);
  return descriptor.digest;
}

const median = (numbers) => [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];

try {
  const staging = await startEmbedded("staging");
  const production = await Promise.all([0, 1, 2, 3].map(startProduction));
  const begin = openRegistries({ settings: defaultSettings, environment: {} });
  const perImage = 10;
  const lines = [];
  if (corpus !== undefined) {
    await seed(staging, "foo", corpus);
    for (const name of new Set(corpus.images.map(({ repository }) => repository))) {
      lines.push(`- name: ${name}\n  dmap:\n`);
      const images = corpus.images.filter(({ repository }) => repository === name);
      for (const { root, tag } of images) lines.push(`    "${root.descriptor.digest}": ["${tag}"]\n`);
    }
  }
  for (let at = 0; corpus === undefined && at < digests; at += 1) {
    if (at % perImage === 0) lines.push(`- name: app-${at / perImage}\n  dmap:\n`);
    const name = `${staging}/foo/app-${Math.floor(at / perImage)}`;
    lines.push(`    "${await stage(begin.repository(parseRepository(name)), at)}": ["v${at}"]\n`);
  }
  await begin.close();
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = join(folder, "release.key");
  await writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }));

  const run = async (place, signs) => {
    const tree = join(folder, place);
    await mkdir(join(tree, "manifests/foo"), { recursive: true });
    await mkdir(join(tree, "images/foo"), { recursive: true });
    const destinations = production.map((host) => `- name: ${host}/${place}\n`).join("");
    const manifest = `registries:\n- name: ${staging}/foo\n  src: true\n${destinations}`;
    await writeFile(join(tree, "manifests/foo/promoter-manifest.yaml"), manifest);
    await writeFile(join(tree, "images/foo/images.yaml"), lines.join(""));
    const requests = {};
    const registries = openRegistries({
      settings: defaultSettings,
      environment: {},
      listener: ({ type, host, kind }) => {
        if (type !== "request") return;
        const what = `${host === staging ? "staging" : "production"} ${kind}`;
        requests[what] = (requests[what] ?? 0) + 1;
      },
    });
    const began = performance.now();
    const settings = { signers: { release: { key } }, sign: [{ signer: "release" }] };
    const signing = signs
      ? await signingBySettings({ settings, manifests: tree, environment: {} })
      : undefined;
    const read = await readManifestTree(tree);
    const { report } = await promote({ tree: read, open: registries.repository, signing, confirm: true });
    const seconds = (performance.now() - began) / 1000;
    await registries.close();
    if (!report.asDesired) throw new Error(JSON.stringify(report.problems[0]));
    const { done } = report.counts;
    if (done !== digests * 4 * (signs ? 2 : 1)) throw new Error(`${done} were done`);
    return { seconds, requests };
  };
  await run("warm-plain", false);
  const [plain, signed] = [[], []];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const signs of round % 2 === 0 ? [false, true] : [true, false])
      (signs ? signed : plain).push(await run(`r${round}-${signs ? "signed" : "plain"}`, signs));
  }
  const sums = (requests) =>
    Object.entries(requests)
      .sort()
      .map(([what, count]) => `${what} ${count}`)
      .join(", ");
  const seconds = (runs) => runs.map((each) => each.seconds.toFixed(1)).join(" ");
  const blobs = ({ requests }) =>
    Object.entries(requests).reduce(
      (sum, [what, count]) => sum + (what === "staging blob-get" ? count : 0),
      0,
    );
  const ratio = median(signed.map((each) => each.seconds)) / median(plain.map((each) => each.seconds));
  const again = blobs(signed[0]) - blobs(plain[0]);
  const api = values.kind === "api" ? "with" : "without";
  console.log(`${digests} digests (${values.images}) to 4 registries ${api} the referrers API`);
  console.log(`unsigned: ${seconds(plain)} s; ${sums(plain[0].requests)}`);
  console.log(`signed: ${seconds(signed)} s; ${sums(signed[0].requests)}`);
  console.log(
    `ratio of the medians: ${ratio.toFixed(2)} (goal 1.25); blobs read more from staging: ${again} (goal 0)`,
  );
  if (ratio > 1.25 || again > 0) process.exitCode = 1;
} finally {
  for (const close of closing.reverse()) await close();
}

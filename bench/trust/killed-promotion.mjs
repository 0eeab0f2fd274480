// Promotions that are killed, for kill.mjs: a staging registry with images that much hangs on, two productions, and what
// has to be there when a run after the kill has ended.
import { spawn } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  cosignTag,
  openRegistries,
  parseRepository,
  parseTag,
  startRegistryServer,
} from "../../dist/internal.js";
import { startRegistry } from "../copy/registries.mjs";

const executable = resolve(import.meta.dirname, "../../dist/bin/waybill.js");
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const sbomType = "application/spdx+json";
const signature = "https://sigstore.dev/cosign/sign/v1";
const record = "https://k8s.io/promo-tools/promotion/v1";

const described = (mediaType, bytes) => ({
  mediaType,
  digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  size: bytes.length,
});

/** A staging registry with `images` of two platforms each, that others have signed, and two productions. */
export async function openKillWorld({ images }) {
  const folder = await mkdtemp(join(tmpdir(), "waybill-kill-"));
  const requests = [];
  const heeding = new Set();
  const staging = await startRegistryServer({ dir: join(folder, "staging") });
  const withApi = await startRegistryServer({
    dir: join(folder, "production"),
    onRequest: ({ method, path }) => {
      if (method === "GET" || method === "HEAD") return;
      requests.push(path);
      for (const heed of heeding) heed(path);
    },
  });
  const withoutApi = await startRegistry(folder);
  const registries = openRegistries({ environment: { WAYBILL_CONFIG: "/dev/null" } });
  const repository = (name) => registries.repository(parseRepository(name));
  const hosts = [withApi.address, withoutApi.address];

  const run = (args, { signers = "release" } = {}) => {
    const config = join(folder, `${signers}.yaml`);
    const began = performance.now();
    const child = spawn(process.execPath, [executable, "--config", config, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, HOME: folder },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes) => (stdout += bytes));
    child.stderr.on("data", (bytes) => (stderr += bytes));
    const ended = new Promise((done) => {
      child.once("close", (code, signal) => {
        done({ code, signal, stdout, stderr, milliseconds: performance.now() - began });
      });
    });
    return { child, ended };
  };
  const settled = async (args, options) => {
    const result = await run(args, options).ended;
    if (result.code !== 0)
      throw new Error(`waybill ${args.join(" ")}: ${result.code}\n${result.stdout}${result.stderr}`);
    return result;
  };
  const settings = async (name, key, rule) => {
    const lines = [
      "trust:",
      "  travel: all",
      "  keys: { release: release.pub, builder: builder.pub }",
      `  signers: { ${key}: { key: ${key}.key } }`,
      `  sign: [{ signer: ${key}, ${rule} }]`,
    ];
    await writeFile(join(folder, `${name}.yaml`), `${lines.join("\n")}\n`);
  };
  /** A project for each name: images of one repository to the same place in all registries. */
  const tree = async (name, from, projects) => {
    const path = join(folder, name);
    for (const [project, to] of projects) {
      await mkdir(join(path, "manifests", project), { recursive: true });
      await mkdir(join(path, "images", project), { recursive: true });
      const destinations = to.map((each) => `- name: ${each}\n`).join("");
      await writeFile(
        join(path, "manifests", project, "promoter-manifest.yaml"),
        `registries:\n- name: ${from}\n  src: true\n${destinations}`,
      );
      const lines = staged.map(
        ({ name: image, root }) => `- name: ${image}\n  dmap:\n    "${root}": ["v1"]\n`,
      );
      await writeFile(join(path, "images", project, "images.yaml"), lines.join(""));
    }
    return path;
  };

  for (const key of ["builder", "release"]) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await writeFile(join(folder, `${key}.key`), privateKey.export({ type: "pkcs8", format: "pem" }));
    await writeFile(join(folder, `${key}.pub`), publicKey.export({ type: "spki", format: "pem" }));
  }
  const staged = [];
  for (let at = 0; at < images; at += 1)
    staged.push(await stageOne(repository(`${staging.address}/built/app-${at}`), at));
  // Others have signed and attested what comes to staging, in both layouts.
  await settings("builder", "builder", "layout: both, platforms: true, record: true");
  await settings("attester", "builder", "layout: legacy, record: true");
  const built = await tree("built", `${staging.address}/built`, [["built", [`${staging.address}/staging`]]]);
  for (const signers of ["builder", "attester"]) await settled(["promote", built, "--confirm"], { signers });
  await settings("release", "release", "layout: both, platforms: true, record: true");
  const hanging = new Map();
  for (const { name, all } of staged) {
    for (const digest of all)
      hanging.set(digest, await hangingOn(repository(`${staging.address}/staging/${name}`), digest));
  }

  return {
    ...{ folder, hosts, run, settled, staged },
    /** A tree that promotes to places of these names, which nothing is in. */
    treeFor: (name, places) =>
      tree(
        name,
        `${staging.address}/staging`,
        places.map((place) => [place, hosts.map((host) => `${host}/${place}`)]),
      ),
    /** Requests that write, at both productions, since a mark. */
    async mark() {
      return { at: requests.length, log: await withoutApi.mark() };
    },
    async writesSince({ at, log }) {
      const { requests: kinds = {} } = await withoutApi.since(log);
      const wrote = Object.entries(kinds).filter(([kind]) => /P(UT|OST|ATCH)/.test(kind));
      return requests.length - at + wrote.reduce((sum, [, count]) => sum + count, 0);
    },
    /** Resolves when the production with the API has been written to so many times in a place. */
    written: (place, times) =>
      new Promise((done) => {
        let count = 0;
        const heed = (path) => {
          if (path.includes(`/${place}/`)) count += 1;
          if (count < times) return;
          heeding.delete(heed);
          done();
        };
        heeding.add(heed);
      }),
    /** What is not as it has to be in the places of this name. */
    async faultsOf(place) {
      const faults = [];
      for (const host of hosts) {
        for (const { name, root, all } of staged) {
          const here = repository(`${host}/${place}/${name}`);
          const say = (what) => faults.push(`${here.name}: ${what}`);
          const tag = await here.resolve(parseTag("v1"));
          if (tag?.digest !== root) say(`v1 is ${tag?.digest}`);
          for (const digest of all) {
            if ((await here.fetch(digest)) === undefined) say(`${digest} is not there`);
            const found = await hangingOn(here, digest);
            for (const fault of differences(hanging.get(digest), found, digest === root))
              say(`${digest}: ${fault}`);
          }
        }
      }
      return faults;
    },
    /** How far it has come in the places of this name: images by tag, and signatures of ours, as parts of all. */
    async progressOf(place) {
      let [tags, signed, all] = [0, 0, 0];
      for (const host of hosts) {
        for (const { name, root } of staged) {
          const here = repository(`${host}/${place}/${name}`);
          all += 1;
          if ((await here.resolve(parseTag("v1"))) !== undefined) tags += 1;
          const { referrers } = await hangingOn(here, root);
          if (referrers.length === hanging.get(root).referrers.length + 2) signed += 1;
        }
      }
      return { tags, signed, all };
    },
    async close() {
      await registries.close();
      await Promise.all([staging.close(), withApi.close(), withoutApi.end()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function stageOne(to, at) {
  const put = async (mediaType, fields, tags = []) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
    const descriptor = described(mediaType, bytes);
    await to.put(
      { descriptor, bytes },
      tags.map((tag) => parseTag(tag)),
    );
    return descriptor;
  };
  const push = async (mediaType, bytes) => {
    const descriptor = described(mediaType, bytes);
    await to.push(descriptor, async (from) => bytes.subarray(from), { inMemory: true });
    return descriptor;
  };
  const platforms = [];
  for (const architecture of ["amd64", "arm64"]) {
    const config = await push(
      "application/vnd.oci.image.config.v1+json",
      Buffer.from(JSON.stringify({ architecture, os: "linux", at })),
    );
    const layer = await push("application/vnd.oci.image.layer.v1.tar+gzip", randomBytes(100_000));
    const descriptor = await put(manifestType, { config, layers: [layer] });
    platforms.push({ ...descriptor, platform: { architecture, os: "linux" } });
  }
  const root = await put(indexType, { manifests: platforms }, ["v1"]);
  const nothing = await push("application/vnd.oci.empty.v1+json", Buffer.from("{}"));
  for (const subject of [root, platforms[0]]) {
    const { mediaType, digest, size } = subject;
    const sbom = await push(sbomType, Buffer.from(JSON.stringify({ spdxVersion: "SPDX-2.3", name: digest })));
    await put(manifestType, {
      artifactType: sbomType,
      config: nothing,
      layers: [sbom],
      subject: { mediaType, digest, size },
    });
  }
  return { name: `app-${at}`, root: root.digest, all: [root, ...platforms].map(({ digest }) => digest) };
}

async function hangingOn(repository, digest) {
  const referrers = await repository.referrers(digest);
  const layers = async (kind) => {
    const document = await repository.fetch(cosignTag(digest, kind));
    return document === undefined ? [] : JSON.parse(Buffer.from(document.bytes).toString()).layers;
  };
  return { referrers, sig: await layers("sig"), att: await layers("att") };
}

/** What hangs on an image of production against what hangs on it at staging: that, and ours exactly once. */
function* differences(before, after, isRoot) {
  const key = (each) => `${each.digest} ${JSON.stringify(Object.entries(each.annotations ?? {}).sort())}`;
  for (const kind of ["referrers", "sig", "att"]) {
    const seen = new Set();
    for (const each of after[kind]) {
      if (seen.has(key(each))) yield `${kind} has ${each.digest} twice`;
      seen.add(key(each));
    }
    for (const each of before[kind]) {
      if (!after[kind].some(({ digest }) => digest === each.digest)) yield `${kind} lacks ${each.digest}`;
    }
  }
  const known = new Set(before.referrers.map(({ digest }) => digest));
  const ours = after.referrers.filter(({ digest }) => !known.has(digest));
  const count = (type) =>
    ours.filter(({ annotations }) => annotations?.["dev.sigstore.bundle.predicateType"] === type).length;
  if (count(signature) !== 1) yield `${count(signature)} signatures of ours in bundles`;
  if (count(record) !== (isRoot ? 1 : 0)) yield `${count(record)} records of ours`;
  if (ours.some(({ artifactType }) => artifactType !== bundleType)) yield "a referrer from nowhere";
  if (ours.length !== (isRoot ? 2 : 1)) yield `${ours.length} referrers of ours`;
  if (after.sig.length !== before.sig.length + 1)
    yield `${after.sig.length - before.sig.length} signatures of ours under .sig`;
  if (after.att.length !== before.att.length)
    yield `${after.att.length - before.att.length} more layers under .att`;
}

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { digestOf, type ImageDocument, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Registries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { formatReviewMarkdown, reviewChange } from "../../src/review/index.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { run } from "./captured.ts";

const helmConfig = "application/vnd.cncf.helm.config.v1+json";
const helmContent = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const version = "1.2.0+build.5";
const tag = "1.2.0_build.5";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: RegistryServer;
let production: RegistryServer;
let registries: Registries;
let chart: ImageDocument;

beforeAll(async () => {
  folder = await temporaryFolder("helm-chart");
  staging = await startRegistryServer({ dir: `${folder.path}/staging` });
  production = await startRegistryServer({ dir: `${folder.path}/production` });
  registries = registriesWith();
  chart = await pushChart(`${staging.address}/charts/snoop`);
});

afterAll(async () => {
  await registries.close();
  await Promise.all([staging.close(), production.close()]);
  await folder.remove();
});

function documentOf(mediaType: string, bytes: Buffer): ImageDocument {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** Pushes a chart as `helm push` does: its metadata are the config, the packed chart is the one layer. */
async function pushChart(name: string): Promise<ImageDocument> {
  const metadata = { apiVersion: "v2", name: "snoop", version, type: "application" };
  const yaml = Object.entries(metadata).map(([key, value]) => `${key}: ${value}\n`);
  const files = [
    { name: "snoop/Chart.yaml", body: Buffer.from(yaml.join("")) },
    { name: "snoop/templates/config.yaml", body: Buffer.from("kind: ConfigMap\n") },
  ];
  const tar = await packTar(
    files.map(({ name: path, body }) => ({ header: { name: path, size: body.length }, body })),
  );
  const config = documentOf(helmConfig, Buffer.from(JSON.stringify(metadata)));
  const layer = documentOf(helmContent, gzipSync(tar));
  const json = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.descriptor,
    layers: [layer.descriptor],
    annotations: { "org.opencontainers.image.title": "snoop", "org.opencontainers.image.version": version },
  };
  const manifest = documentOf(mediaTypes.ociManifest, Buffer.from(JSON.stringify(json)));
  const repository = registries.repository(parseRepository(name));
  for (const { descriptor, bytes } of [config, layer]) await repository.push(descriptor, async () => bytes);
  await repository.put(manifest, parseTag(tag));
  return manifest;
}

describe("a Helm chart", () => {
  testWith("git")("is merged, reviewed, promoted, verified and inspected like an image", async () => {
    const destinations = ["eu", "us"].map((name) => `${production.address}/${name}/charts`);
    const repository = await createRepository(`${folder.path}/repository`);
    const tree = `${repository.path}/tree`;
    await writeTree(tree, [
      { name: "charts", source: `${staging.address}/charts`, destinations, images: {} },
    ]);
    const base = await repository.commit();
    const line = ["merge", "--base-dir", tree, "--staging-repo", `${staging.address}/charts`];
    const wrong = await run(...line, "--tag", version);
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining(`Helm writes ${tag} for it`) });
    const merged = await run(...line, "--tag", tag);
    expect(merged.status).toBe(0);
    expect(merged.stdout).toContain(`added snoop@${chart.descriptor.digest} as ${tag}\n`);

    const head = await repository.commit();
    const review = await reviewChange({
      path: tree,
      base,
      head,
      open: registries.repository,
      environment: gitEnvironment,
    });
    expect(review).toMatchObject({ verdict: "passes" });
    expect(formatReviewMarkdown(review)).toMatch(
      /\| `snoop` `1\.2\.0_build\.5` \| `sha256:[0-9a-f]{64}` \| Helm chart, \d+ B, version `1\.2\.0\+build\.5` \|/,
    );

    expect(await run("promote", tree, "--confirm")).toMatchObject({ status: 0 });
    expect(await run("verify", tree)).toMatchObject({ status: 0 });
    for (const destination of destinations) {
      const reference = `${destination}/snoop:${tag}`;
      const raw = await run("inspect", "--raw", reference);
      expect(`sha256:${createHash("sha256").update(raw.stdout).digest("hex")}`).toBe(chart.descriptor.digest);
      const { stdout } = await run("inspect", reference);
      expect(JSON.parse(stdout)).toMatchObject({
        Digest: chart.descriptor.digest,
        RepoTags: [tag],
        artifactType: helmConfig,
        LayersData: [{ MIMEType: helmContent }],
      });
    }
  });
});

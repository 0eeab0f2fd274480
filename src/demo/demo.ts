import { join } from "node:path";
import { createFiles } from "../disk/index.ts";
import { checkManifests, readManifestTree } from "../manifest/index.ts";
import { merge } from "../merge/index.ts";
import { parseRepository, parseTag } from "../oci/index.ts";
import { promote, type Report, verifyProduction } from "../promotion/index.ts";
import { openCredentials, openRegistries, type Registries, type RegistryEvent } from "../registry/index.ts";
import { startRegistryServer } from "../registry-server/index.ts";
import { defaultSettings } from "../settings/index.ts";
import { buildImage, pushImage } from "./image.ts";

/** One step of the demonstration: what it is, how to do it by hand, and what it showed. */
export interface DemoStep {
  readonly title: string;
  /** Command lines for a shell; empty when there is nothing to type. */
  readonly commands: readonly string[];
  readonly lines: readonly string[];
}

/** Where to work, and who is told of every step. */
export interface DemoOptions {
  /** An empty folder, for the registries' data and the manifests. */
  readonly folder: string;
  readonly onStep: (step: DemoStep) => void;
}

const regions = ["eu", "us"];

/**
 * A whole promotion on this machine: two embedded registries, images built on the spot, a promoter manifest, and
 * every step from staging to verified production. Resolves to whether all went as it should. Everything it starts is
 * stopped when it ends; what it wrote stays in the folder.
 */
export async function runDemo({ folder, onStep }: DemoOptions): Promise<boolean> {
  const staging = await startRegistryServer({ dir: join(folder, "staging") });
  const production = await startRegistryServer({ dir: join(folder, "production") }).catch(async (error) => {
    await staging.close();
    throw error;
  });
  const events: RegistryEvent[] = [];
  const registries = openRegistries({
    settings: defaultSettings,
    credentials: openCredentials({ settings: defaultSettings, environment: {} }),
    listener: (event) => events.push(event),
  });
  try {
    const tree = join(folder, "tree");
    const place = { folder, tree, staging: staging.address, production: production.address };
    onStep(registriesStep(place));
    onStep(await pushImages(place, registries));
    onStep(await writeManifests(place));
    onStep(await mergeTags(place, registries));
    onStep(await check(place));
    onStep(await plan(place, registries));
    const first = await apply(
      place,
      registries,
      events,
      "Promote: copy them, children before indexes, tags last",
    );
    onStep(first.step);
    const second = await apply(place, registries, events, "Promote again: nothing to do, nothing written");
    onStep(second.step);
    const verified = await verify(place, registries);
    onStep(verified.step);
    return first.report.asDesired && second.report.counts.done === 0 && verified.clean;
  } finally {
    await registries.close();
    await Promise.all([staging.close(), production.close()]);
  }
}

interface Place {
  readonly folder: string;
  readonly tree: string;
  /** `host:port` of the registries. */
  readonly staging: string;
  readonly production: string;
}

function registriesStep({ folder, staging, production }: Place): DemoStep {
  const serve = (name: string, address: string): string =>
    `waybill registry serve --dir ${join(folder, name)} --listen ${address} &`;
  return {
    title: "Two registries: one for staging, one for production",
    commands: [serve("staging", staging), serve("production", production)],
    lines: [`staging     http://${staging}`, `production  http://${production}`],
  };
}

async function pushImages({ staging }: Place, registries: Registries): Promise<DemoStep> {
  const lines: string[] = [];
  for (const [name, version] of [
    ["hello", "v1.0.0"],
    ["hello", "v1.1.0"],
    ["worker", "v1.0.0"],
  ] as const) {
    const image = await buildImage(name, version);
    const repository = registries.repository(parseRepository(`${staging}/demo/${name}`));
    await pushImage(image, repository, [parseTag(version)]);
    lines.push(`${repository.name}:${version}  ${image.root.descriptor.digest}  amd64, arm64`);
  }
  return {
    title: "Images, built here and pushed to staging, as a build would",
    commands: [`docker run --rm ${staging}/demo/hello:v1.0.0`],
    lines,
  };
}

async function writeManifests({ tree, staging, production }: Place): Promise<DemoStep> {
  const manifest = [
    "registries:",
    `- name: ${staging}/demo`,
    "  src: true",
    ...regions.map((region) => `- name: ${production}/${region}/demo`),
  ];
  const images = ["# Images of the demonstration. Reviewed like any other change."];
  const manifests = join(tree, "manifests", "demo");
  await createFiles([
    { path: join(manifests, "promoter-manifest.yaml"), text: `${manifest.join("\n")}\n` },
    { path: join(tree, "images", "demo", "images.yaml"), text: `${images.join("\n")}\n` },
  ]);
  return {
    title: "A promoter manifest: from where, to where",
    commands: [`cat ${join(manifests, "promoter-manifest.yaml")}`],
    lines: manifest,
  };
}

async function mergeTags({ tree, staging }: Place, registries: Registries): Promise<DemoStep> {
  const merged = await merge({
    tree: await readManifestTree(tree),
    staging: `${staging}/demo`,
    filters: { tags: ["v1.*"] },
    open: registries.repository,
    catalog: registries.catalog,
  });
  return {
    title: "Merge: the digests behind the chosen tags go into images.yaml, in place",
    commands: [`waybill merge --base-dir ${tree} --staging-repo ${staging}/demo --tag 'v1.*'`],
    lines: merged.diff.trimEnd().split("\n"),
  };
}

async function check({ tree }: Place): Promise<DemoStep> {
  const { counts, diagnostics } = await checkManifests(tree);
  const found = diagnostics.map(({ severity, code, message }) => `${severity} ${code}: ${message}`);
  const { images, digests, tags, edges } = counts;
  return {
    title: "Check: offline, every problem at once",
    commands: [`waybill check ${tree}`],
    lines: [...found, `${images} images, ${digests} digests, ${tags} tags, ${edges} edges`],
  };
}

async function plan({ tree }: Place, registries: Registries): Promise<DemoStep> {
  const { report } = await promote({
    tree: await readManifestTree(tree),
    open: registries.repository,
    confirm: false,
  });
  return {
    title: "Plan: what would be done, and which line asks for it",
    commands: [`waybill plan ${tree}`],
    lines: report.work.map(({ action, destination, tag, at }) => `${action}  ${destination}:${tag}  ${at}`),
  };
}

async function apply(
  { tree }: Place,
  registries: Registries,
  events: RegistryEvent[],
  title: string,
): Promise<{ step: DemoStep; report: Report }> {
  events.length = 0;
  const outcomes = { mounted: 0, pushed: 0, present: 0, foreign: 0 };
  const { report } = await promote({
    tree: await readManifestTree(tree),
    open: registries.repository,
    confirm: true,
    onCopy: (event) => {
      if (event.type === "blob-finished") outcomes[event.outcome] += 1;
    },
  });
  const requests = events.filter(({ type }) => type === "request").length;
  const { done, present, failed } = report.counts;
  const blobs = `blobs: ${outcomes.pushed} uploaded, ${outcomes.mounted} mounted within the host`;
  const lines = [
    `done ${done}, already as asked ${present}, failed ${failed}`,
    ...(done === 0 ? [] : [blobs]),
    `${requests} requests`,
  ];
  return { report, step: { title, commands: [`waybill promote ${tree} --confirm`], lines } };
}

async function verify(
  { tree, production }: Place,
  registries: Registries,
): Promise<{ step: DemoStep; clean: boolean }> {
  const { manifests } = await readManifestTree(tree);
  const { images, tags, blobs, findings } = await verifyProduction({
    manifests,
    open: registries.repository,
  });
  const found = findings.map(({ destination, tag, message }) => `${destination}:${tag}: ${message}`);
  const step = {
    title: "Verify: every tag at its digest, every image whole",
    commands: [`waybill verify ${tree}`, `waybill inspect ${production}/eu/demo/hello:v1.1.0`],
    lines: [
      ...found,
      `${images} images, ${tags} tags, ${blobs} blobs looked at, ${findings.length} findings`,
    ],
  };
  return { step, clean: findings.length === 0 };
}

import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import type { DemoImage } from "../../src/demo/image.ts";
import { parseSelection, type SelectionPatterns } from "../../src/edges/index.ts";
import { type ManifestTree, readManifestTree } from "../../src/manifest/index.ts";
import {
  formatJUnit,
  formatPlan,
  plannedImages,
  promote,
  readPlan,
  scopeOf,
  verifyProduction,
} from "../../src/promotion/index.ts";
import { waitForProduction } from "../../src/release/index.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { testWith } from "../support/programs.ts";
import { type Project, writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

const test = testWith("docker-registry");

let world: PromotionWorld;
let docker: DockerRegistry;
/** Production: a registry of Docker's, behind a server that knows what it was asked. */
let production: FaultyRegistry;
let images: Record<"kops" | "etcd" | "other", DemoImage>;
let round = 0;

beforeAll(async () => {
  world = await openWorld();
  docker = await startDockerRegistry();
  production = await startFaultyRegistry(docker.host);
  images = {
    kops: await world.stage("kops/controller", "v1.30.0", "v1.31.0"),
    etcd: await world.stage("etcd/etcd", "v3.5.0"),
    other: await world.stage("other/app", "v1"),
  };
});

afterAll(async () => {
  await production?.close();
  await docker?.stop();
  await world?.close();
});

beforeEach(() => {
  round += 1;
});

const digestOf = (image: DemoImage) => image.root.descriptor.digest;

/** Three projects, to repositories of their own in each round. */
function projects(): Project[] {
  const one = (name: keyof typeof images, image: string, ...tags: string[]): Project => ({
    name,
    source: `${world.staging.host}/${name}`,
    destinations: [`${production.host}/r${round}/us/${name}`, `${production.host}/r${round}/eu/${name}`],
    images: { [image]: { [digestOf(images[name])]: tags } },
  });
  return [
    one("kops", "controller", "v1.30.0", "v1.31.0"),
    one("etcd", "etcd", "v3.5.0"),
    one("other", "app", "v1"),
  ];
}

async function treeOf(list: readonly Project[], text?: string): Promise<ManifestTree> {
  const path = `${world.folder}/select-${round}`;
  await writeTree(path, list);
  if (text !== undefined) {
    const { writeFile } = await import("node:fs/promises");
    await writeFile(`${path}/images/other/images.yaml`, text);
  }
  return readManifestTree(path);
}

/** What was asked of registries while something was done: repositories, with how often. */
async function asking<Result>(work: () => Promise<Result>) {
  const [before, staged] = [production.seen.length, world.staging.seen.length];
  const result = await work();
  const names = (seen: readonly { readonly url: string }[]): string[] => [
    ...new Set(
      seen.flatMap(({ url }) => /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url)?.[1] ?? []),
    ),
  ];
  return {
    result,
    count: production.seen.length - before,
    production: names(production.seen.slice(before)).sort(),
    staging: names(world.staging.seen.slice(staged)).sort(),
  };
}

const select = async (asked: Partial<SelectionPatterns>) => {
  const selection = await parseSelection(asked);
  if (selection === undefined) throw new Error("nothing is asked for");
  return selection;
};

test("a promotion of what is selected asks and writes no other repository", async () => {
  const tree = await treeOf(projects());
  const selection = await select({
    projects: ["k*"],
    tags: ["semver:>=1.31"],
    to: [`${production.host}/r*/us/**`],
  });
  const run = () => promote({ tree, selection, open: world.registries.repository, confirm: true });
  const first = await asking(run);
  expect(first.production).toEqual([`r${round}/us/kops/controller`]);
  expect(first.staging).toEqual(["kops/controller"]);
  const { plan, report } = first.result;
  expect(report.counts).toMatchObject({ done: 1, present: 0 });
  expect(report.selection).toEqual({
    projects: ["k*"],
    images: [],
    tags: ["semver:>=1.31"],
    to: [`${production.host}/r*/us/**`],
    others: 7,
  });
  expect(plan.selection).toEqual(report.selection);
  expect(formatJUnit(report)).toContain('<property name="not-selected" value="7"/>');
  // One question, for the one tag: what is there already takes no more.
  const again = await asking(run);
  expect(again.result.report.counts).toMatchObject({ done: 0, present: 1 });
  expect([again.count, again.staging]).toEqual([1, []]);
  expect(formatJUnit(again.result.report)).toContain(
    `<property name="selection" value="--project 'k*' --tag`,
  );
});

test("verdicts are those of the whole plan: who contends from outside is seen", async () => {
  const [kops, etcd] = projects() as [Project, Project];
  const contending = {
    ...etcd,
    destinations: kops.destinations,
    images: { controller: { [digestOf(images.etcd)]: ["v1.30.0"] } },
  };
  const tree = await treeOf([kops, contending]);
  const open = world.registries.repository;
  const selection = await select({ projects: ["kops"] });
  const whole = await promote({ tree, open, confirm: false });
  const part = await promote({ tree, open, selection, confirm: false });
  const verdicts = ({ plan }: typeof whole) =>
    new Map(
      plannedImages(plan).flatMap(({ destination, images: list }) =>
        list.flatMap(({ digest, edges }) =>
          edges.map(({ tag, verdict, reason }) => [
            `${destination} ${digest} ${tag}`,
            `${verdict} ${reason}`,
          ]),
        ),
      ),
    );
  expect(part.plan.summary).toMatchObject({ overlap: 2, copy: 2 });
  const all = verdicts(whole);
  for (const [edge, verdict] of verdicts(part)) expect(all.get(edge)).toBe(verdict);
});

test("a saved plan carries its selection, and is done with it", async () => {
  const tree = await treeOf(projects());
  const open = world.registries.repository;
  const selection = await select({ projects: ["etcd"] });
  const { plan } = await promote({ tree, open, selection, confirm: false });
  const saved = { plan: await readPlan(formatPlan(plan), "plan.json"), where: "plan.json" };
  expect(saved.plan.selection).toEqual({ projects: ["etcd"], images: [], tags: [], to: [], others: 6 });
  const other = await select({ projects: ["kops"] });
  await expect(promote({ tree, open, saved, selection: other, confirm: true })).rejects.toMatchObject({
    code: "plan-outdated",
    hint: "say --project etcd, as when it was made",
  });
  const done = await asking(() => promote({ tree, open, saved, confirm: true }));
  expect(done.result.report.counts).toMatchObject({ done: 2, withheld: 0 });
  expect(done.production).toEqual([`r${round}/eu/etcd/etcd`, `r${round}/us/etcd/etcd`]);
  // An edited selection is another one: its edges are not those of the plan.
  const text = [...formatPlan(plan)].join("").replace('"etcd"\n', '"kops"\n');
  const edited = { plan: await readPlan([text], "plan.json"), where: "plan.json" };
  await expect(promote({ tree, open, saved: edited, confirm: true })).rejects.toMatchObject({
    code: "plan-outdated",
  });
});

test("errors outside of what is selected are mentioned, and count for nothing", async () => {
  const tree = await treeOf(projects(), "- name: app\n  dmap: {one: [v1]}\n");
  const open = world.registries.repository;
  const run = async (name: string) =>
    promote({ tree, open, selection: await select({ projects: [name] }), confirm: true, strict: true });
  const { report } = await run("etcd");
  expect(report).toMatchObject({ asDesired: true, manifestErrors: [] });
  expect(report.outsideErrors).toHaveLength(1);
  const own = await run("other");
  expect(own.report).toMatchObject({ stopped: true, asDesired: false, outsideErrors: [] });
  expect(own.report.manifestErrors).toHaveLength(1);
  const broken = await treeOf(projects(), "- [");
  const selection = await select({ projects: ["other"] });
  const failed = await promote({ tree: broken, open, selection, confirm: true });
  expect(failed.report).toMatchObject({ asDesired: false, outsideErrors: [] });
  expect(failed.report.manifestErrors).not.toEqual([]);
});

test("verifying and waiting look at what is selected alone", async () => {
  const list = projects();
  const tree = await treeOf(list);
  const open = world.registries.repository;
  const selection = await select({ images: [`${production.host}/r${round}/eu/kops/controller`] });
  await promote({ tree, open, selection, confirm: true });
  const verified = await asking(() =>
    verifyProduction({ manifests: tree.manifests, scope: scopeOf(tree, { selection }), open }),
  );
  expect(verified.production).toEqual([`r${round}/eu/kops/controller`]);
  expect(verified.result).toMatchObject({ repositories: 1, tags: 2, findings: [], selection: { others: 6 } });
  const waited = await asking(() => waitForProduction({ tree, selection, open, timeout: 0, interval: 1 }));
  expect(waited.production).toEqual([`r${round}/eu/kops/controller`]);
  expect(waited.result).toMatchObject({ state: "arrived", edges: 2, selection: { others: 6 } });
});

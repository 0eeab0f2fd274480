import { rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { readManifests, readManifestsAt } from "../../src/manifest/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { isAboutImage, type Plan, plannedImages, promote } from "../../src/promotion/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

const test = testWith("git");

let world: PromotionWorld;
let repository: TestRepository;
let tree: string;
const digests: string[] = [];

beforeAll(async () => {
  world = await openWorld();
  for (const version of ["one", "two", "three"]) {
    const image = await buildImage("app", version);
    digests.push(image.root.descriptor.digest);
    for (const name of ["foo/app", "foo/web", "bar/app"]) {
      const staged = world.registries.repository(parseRepository(`${world.staging.host}/${name}`));
      await pushImage(image, staged, [parseTag(version)]);
    }
  }
  repository = await createRepository(join(world.folder, "repository"));
  tree = join(repository.path, "infra/tree");
});

afterAll(() => world.close());

/** Replaces the tree on disk. */
async function write(projects: readonly Project[]): Promise<void> {
  await rm(tree, { recursive: true, force: true });
  await writeTree(tree, projects.length === 0 ? [idle()] : projects);
}

/** A project that asks for nothing, for a tree needs one. */
const idle = (): Project => ({
  name: "idle",
  source: `${world.staging.host}/idle`,
  destinations: [`${world.production.host}/idle`],
  images: {},
});

const projects = () => {
  const { staging, production } = world;
  const images = fc.dictionary(
    fc.constantFrom("app", "web"),
    fc.dictionary(
      fc.constantFrom(...digests),
      fc.uniqueArray(fc.constantFrom("v1", "v2", "latest"), { maxLength: 2 }),
      { minKeys: 1, maxKeys: 3 },
    ),
    { maxKeys: 2 },
  );
  const project = fc.record({
    name: fc.constantFrom("p", "q", "r"),
    source: fc.constantFrom(`${staging.host}/foo`, `${staging.host}/bar`),
    destinations: fc.uniqueArray(
      fc.constantFrom(...["eu", "us", "asia"].map((name) => `${production.host}/${name}`)),
      { minLength: 1 },
    ),
    images,
  });
  return fc.uniqueArray(project, { maxLength: 3, selector: ({ name }) => name });
};

/** Edge → its staging repositories, the simple way. */
function edgesOf(list: readonly Project[]): Map<string, string> {
  const wants = new Map<string, { sources: Set<string>; tags: Set<string> }>();
  for (const { source, destinations, images } of list) {
    for (const destination of destinations) {
      for (const [name, held] of Object.entries(images)) {
        for (const [digest, tags] of Object.entries(held)) {
          const key = `${destination}/${name} ${digest}`;
          const want = wants.get(key) ?? { sources: new Set(), tags: new Set() };
          want.sources.add(`${source}/${name}`);
          for (const tag of tags) want.tags.add(tag);
          wants.set(key, want);
        }
      }
    }
  }
  return new Map(
    [...wants].flatMap(([key, { sources, tags }]) =>
      (tags.size === 0 ? ["-"] : [...tags]).map((tag) => [`${key} ${tag}`, [...sources].sort().join(" ")]),
    ),
  );
}

/** Every edge of a plan, with all that is said of it. */
const planned = (plan: Plan): Map<string, unknown> =>
  new Map(
    plannedImages(plan).flatMap(({ destination, images }) =>
      images.flatMap(({ digest, edges, ...image }) =>
        edges.map((edge) => [`${destination} ${digest} ${edge.tag ?? "-"}`, { ...image, ...edge }]),
      ),
    ),
  );

describe("a plan since a commit", () => {
  test("is the whole plan, restricted to the edges that differ", async () => {
    const list = projects();
    await fc.assert(
      fc.asyncProperty(list, list, list, async (promoted, before, after) => {
        await write(promoted);
        const open = world.registries.repository;
        await promote({ tree: await readManifests(tree), open, confirm: true });
        await write(before);
        await repository.commit();
        await write(after);
        const current = await readManifests(tree);
        const since = await readManifestsAt(current, "HEAD", { environment: gitEnvironment });
        const whole = await promote({ tree: current, open, confirm: false });
        const limited = await promote({ tree: current, since, open, confirm: false });

        const [then, now] = [edgesOf(before), edgesOf(after)];
        const differs = ([edge]: [string, unknown]): boolean => then.get(edge) !== now.get(edge);
        const changed = [...now].filter(differs).length;
        const expected = new Map([...planned(whole.plan)].filter(differs));
        expect(planned(limited.plan)).toEqual(expected);
        expect(limited.plan.summary.present).toBe(changed - expected.size);
        expect(limited.plan.since).toMatchObject({
          commit: since.commit,
          unchanged: now.size - changed,
          unreadable: [],
        });
      }),
      { numRuns: 25 },
    );
  });

  test("reads no repository in which nothing changed, and copies what did", async () => {
    const name = "asked";
    const asks = (tags: readonly string[], ...places: string[]): Project => ({
      name,
      source: `${world.staging.host}/foo`,
      destinations: places.map((place) => `${world.production.host}/${name}/${place}`),
      images: { app: { [digests[0] ?? ""]: tags }, web: { [digests[1] ?? ""]: ["v1"] } },
    });
    const open = world.registries.repository;
    await write([asks(["v1"], "eu", "us")]);
    const commit = await repository.commit();
    await promote({ tree: await readManifests(tree), open, confirm: true });

    const promoteSince = async (projects: readonly Project[]) => {
      await write(projects);
      const current = await readManifests(tree);
      const since = await readManifestsAt(current, "HEAD", { environment: gitEnvironment });
      const asked = new Set<string>();
      const report = await promote({
        tree: current,
        since,
        confirm: true,
        open: (repository) => {
          asked.add(repository.replace(`${world.production.host}/${name}/`, ""));
          return open(repository);
        },
      });
      return { ...report, asked: [...asked].sort() };
    };

    const nothing = await promoteSince([asks(["v1"], "us", "eu")]);
    expect(nothing.asked).toEqual([]);
    expect(nothing.report).toMatchObject({ asDesired: true, since: { commit, unchanged: 4, removed: 0 } });

    const staging = `${world.staging.host}/foo/app`;
    const tagged = await promoteSince([asks(["v1", "v2"], "eu", "us")]);
    expect(tagged.asked).toEqual(["eu/app", "us/app"]);
    expect(tagged.report.work.filter(isAboutImage).map(({ action, tag }) => `${action} ${tag}`)).toEqual([
      "tag v2",
      "tag v2",
    ]);

    const wider = await promoteSince([asks(["v1"], "eu", "us", "asia")]);
    expect(wider.asked).toEqual([staging, `${world.staging.host}/foo/web`, "asia/app", "asia/web"]);
    expect(wider.report.counts).toMatchObject({ done: 2, present: 0 });

    const fewer = await promoteSince([
      { ...asks([], "eu"), images: { web: { [digests[1] ?? ""]: ["v1"] } } },
    ]);
    expect(fewer.asked).toEqual([]);
    expect(fewer.report).toMatchObject({ counts: { done: 0 }, since: { unchanged: 1, removed: 3 } });
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pushImage } from "../../src/demo/image.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type Look, type WaitOptions, waitForProduction } from "../../src/release/index.ts";
import { answer } from "../support/scripted-server.ts";
import { type Project, writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

let world: PromotionWorld;
let trees = 0;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** A tree that asks for these images in two repositories of its own, and what is below their prefix. */
async function treeOf(images: Project["images"]) {
  trees += 1;
  const path = `${world.folder}/wait-${trees}`;
  const prefix = `${world.production.host}/w${trees}`;
  const destinations = [`${prefix}/eu`, `${prefix}/us`];
  const project = { name: "foo", source: `${world.staging.host}/foo`, destinations, images };
  await writeTree(path, [project]);
  return { path, prefix, project, tree: await readManifestTree(path) };
}

const wait = (options: Pick<WaitOptions, "tree"> & Partial<WaitOptions>) =>
  waitForProduction({ open: world.registries.repository, timeout: 60_000, interval: 1, ...options });

const digestOf = (image: Awaited<ReturnType<PromotionWorld["stage"]>>) => image.root.descriptor.digest;

describe("waiting for production", () => {
  it("ends when somebody has brought everything, and asks only for what was missing", async () => {
    const one = await world.stage("foo/app", "1.0");
    const two = await world.stage("foo/web", "1.0");
    const { tree, prefix, project } = await treeOf({
      app: { [digestOf(one)]: ["1.0", "latest"] },
      web: { [digestOf(two)]: [] },
    });
    await world.promote([{ ...project, images: { app: { [digestOf(one)]: ["1.0", "latest"] } } }]);
    const looks: Look[] = [];
    let promotion: Promise<unknown> | undefined;
    let asked = 0;
    const waiting = await wait({
      tree,
      listener: ({ look }) => {
        looks.push(look);
        promotion ??= world.promote([project]);
        if (looks.length === 1) asked = world.production.seen.length;
      },
    });
    await promotion;
    expect(looks[0]).toMatchObject({
      edges: 6,
      present: 4,
      hosts: [{ host: world.production.host, edges: 6, present: 4 }],
      absent: [
        { destination: `${prefix}/eu/web`, tag: null, digest: digestOf(two), state: "missing" },
        { destination: `${prefix}/us/web`, tag: null, digest: digestOf(two), state: "missing" },
      ],
    });
    expect(waiting).toMatchObject({ state: "arrived", edges: 6, present: 6, absent: [] });
    expect(waiting.looks).toBe(looks.length);
    // Somebody else's promotion asks for tags as well, once: the waiting that goes on in the meantime does not.
    const later = world.production.seen.slice(asked).filter(({ url }) => /app\/manifests\/latest/.test(url));
    expect(later.length).toBeLessThanOrEqual(4);
  });

  it("ends at once when everything is there, or nothing is asked for", async () => {
    const one = await world.stage("foo/app", "1.0");
    const { tree, project } = await treeOf({ app: { [digestOf(one)]: ["1.0"] } });
    await world.promote([project]);
    expect(await wait({ tree, timeout: 0 })).toMatchObject({ state: "arrived", looks: 1, present: 2 });
    const nothing = await treeOf({});
    expect(await wait({ tree: nothing.tree })).toMatchObject({ state: "arrived", looks: 1, edges: 0 });
  });

  it("ends at once when a tag stands at another digest", async () => {
    const [one, two] = [await world.stage("foo/app", "1.0"), await world.stage("foo/other", "1.0")];
    const { tree, prefix } = await treeOf({ app: { [digestOf(one)]: ["1.0"] } });
    const production = world.registries.repository(parseRepository(`${prefix}/eu/app`));
    await pushImage(two, production, [parseTag("1.0")]);
    expect(await wait({ tree })).toMatchObject({
      state: "hopeless",
      looks: 1,
      absent: [
        { destination: `${prefix}/eu/app`, tag: "1.0", state: "conflict", current: digestOf(two) },
        { destination: `${prefix}/us/app`, tag: "1.0", state: "missing" },
      ],
    });
  });

  it("ends at once when the manifests ask for one tag at two digests", async () => {
    const one = await world.stage("foo/app", "1.0");
    const { tree } = await treeOf({
      app: { [digestOf(one)]: ["1.0"], [`sha256:${"1".repeat(64)}`]: ["1.0"] },
    });
    const { state, absent } = await wait({ tree });
    expect({ state, states: new Set(absent.map((edge) => edge.state)) }).toEqual({
      state: "hopeless",
      states: new Set(["overlap"]),
    });
  });

  it("waits for a registry that cannot be read, and names it", async () => {
    const one = await world.stage("foo/app", "1.0");
    const { tree, project } = await treeOf({ app: { [digestOf(one)]: ["1.0"] } });
    await world.promote([project]);
    world.production.interfere(() => (response) => answer(response, 500));
    const looks: Look[] = [];
    const waiting = await wait({
      tree,
      listener: ({ look }) => {
        looks.push(look);
        if (looks.length === 2) world.production.interfere();
      },
    });
    expect(looks[0]?.absent).toMatchObject([{ state: "unread", failure: { code: "server-error" } }, {}]);
    expect(waiting).toMatchObject({ state: "arrived", looks: 3 });
  });

  it("ends when its time is over, also in the middle of a look", async () => {
    const one = await world.stage("foo/app", "1.0");
    const { tree } = await treeOf({ app: { [digestOf(one)]: ["1.0"] } });
    expect(await wait({ tree, timeout: 0 })).toMatchObject({ state: "timeout", looks: 1, present: 0 });
    let held: (() => void) | undefined;
    const waiting = wait({
      tree,
      timeout: 1000,
      listener: () => {
        world.production.interfere(() => (response) => {
          held = () => answer(response, 404);
        });
      },
    });
    expect(await waiting).toMatchObject({ state: "timeout", present: 0 });
    held?.();
    expect(await wait({ tree, timeout: 200 })).toMatchObject({
      state: "timeout",
      looks: 1,
      absent: [
        { state: "unread", failure: { message: "the time was over before it had answered" } },
        { state: "unread" },
      ],
    });
    world.production.interfere();
    held?.();
  });
});

import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf, mediaTypes } from "../../src/oci/index.ts";
import type { Fault } from "../support/faulty-registry.ts";
import { answer } from "../support/scripted-server.ts";
import type { Project } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

// A manifest with layers for those to whom case matters, and others for those to whom it does not.
let world: PromotionWorld;
let bytes: Buffer;
let projects: Project[];

beforeEach(async () => {
  world = await openWorld();
  const image = await world.stage("foo/app", "v1");
  const text = Buffer.from(image.children[0]?.bytes ?? []).toString();
  bytes = Buffer.from(text.replace(/}$/, ',"Layers":[]}'));
  projects = [
    {
      name: "foo",
      source: `${world.staging.host}/foo`,
      destinations: [`${world.production.host}/foo`],
      images: { app: { [digestOf(bytes)]: ["v1"] }, other: {} },
    },
  ];
});
afterEach(() => world.close());

/** Serves the manifest by its digest, and under the tag where that is said. */
const serving =
  (tag?: string): Fault =>
  ({ method }, url) => {
    const isRead = method === "GET" || method === "HEAD";
    const target = url.pathname.split("/manifests/")[1];
    const asked = target === digestOf(bytes) || (tag !== undefined && target === tag);
    const headers = { "content-type": mediaTypes.ociManifest, "docker-content-digest": digestOf(bytes) };
    return isRead && asked ? (response) => answer(response, 200, headers, bytes) : undefined;
  };

const failures = async () => {
  const { report } = await world.promote(projects);
  return report.problems.map(({ failure }) => failure?.code);
};
const puts = () => world.production.seen.filter(({ method }) => method === "PUT" || method === "POST");

test("is not promoted", async () => {
  world.staging.interfere(serving());
  expect(await failures()).toEqual(["ambiguous-json"]);
  expect(puts()).toEqual([]);
});

test("gets no tag where it is already", async () => {
  world.staging.interfere(serving());
  world.production.interfere(serving());
  expect(await failures()).toEqual(["ambiguous-json"]);
  expect(puts()).toEqual([]);
});

test("is found where it has its tag already", async () => {
  world.production.interfere(serving("v1"));
  await world.promote(projects);
  expect((await world.verify()).findings).toMatchObject([
    { kind: "corrupt", failure: { code: "ambiguous-json" } },
  ]);
});

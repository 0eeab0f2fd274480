import { afterEach, beforeEach, expect, test } from "vitest";
import type { buildImage } from "../../src/demo/image.ts";
import { mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Fault } from "../support/faulty-registry.ts";
import { answer } from "../support/scripted-server.ts";
import type { Project } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

let world: PromotionWorld;
let image: Awaited<ReturnType<typeof buildImage>>;

beforeEach(async () => {
  world = await openWorld();
  image = await world.stage("foo/app", "v1");
  const project: Project = {
    name: "foo",
    source: `${world.staging.host}/foo`,
    destinations: [`${world.production.host}/foo`],
    images: { app: { [image.root.descriptor.digest]: ["v1"] } },
  };
  expect((await world.promote([project])).report.asDesired).toBe(true);
});
afterEach(() => world.close());

const child = () => image.children[0] ?? expect.fail("no child");
const layer = () => image.blobs[1] ?? expect.fail("no layer");

/** Answers reads of one object with something else. */
const instead =
  (digest: string, ...reply: [number, Record<string, string>?, (string | Uint8Array)?]): Fault =>
  (_, url) =>
    url.pathname.endsWith(`/${digest}`) ? (response) => answer(response, ...reply) : undefined;

test("finds nothing where everything is, and writes nothing", async () => {
  const from = world.production.seen.length;
  const verification = await world.verify();
  expect(verification).toEqual({
    format: "waybill-verification/1",
    repositories: 1,
    images: 1,
    tags: 1,
    blobs: image.blobs.length,
    findings: [],
  });
  const methods = world.production.seen.slice(from).map(({ method }) => method);
  expect(new Set(methods)).toEqual(new Set(["GET", "HEAD"]));
});

test("finds a layer that is missing", async () => {
  const { digest } = layer().descriptor;
  world.production.interfere(instead(digest, 404));
  expect((await world.verify()).findings).toMatchObject([{ kind: "incomplete", missing: digest, tag: null }]);
});

test("finds a platform that is missing", async () => {
  world.production.interfere(instead(child().descriptor.digest, 404));
  expect((await world.verify()).findings).toMatchObject([
    { kind: "incomplete", message: expect.stringContaining(child().descriptor.digest) },
  ]);
});

test("finds a manifest that is not what its digest says", async () => {
  const type = { "content-type": mediaTypes.ociManifest };
  world.production.interfere(instead(child().descriptor.digest, 200, type, "{}"));
  expect((await world.verify()).findings).toMatchObject([
    { kind: "corrupt", failure: { code: "digest-mismatch" } },
  ]);
});

test("finds a tag that stands elsewhere, and one that is gone", async () => {
  const repository = world.registries.repository(parseRepository(`${world.production.host}/foo/app`));
  await repository.put(child(), parseTag("v1"));
  expect((await world.verify()).findings).toMatchObject([
    { kind: "tag-elsewhere", tag: "v1", current: child().descriptor.digest },
  ]);
  await repository.delete(parseTag("v1"));
  expect((await world.verify()).findings).toMatchObject([
    { kind: "missing-tag", at: expect.stringMatching(/images\.yaml:\d+:\d+$/) },
  ]);
});

test("finds an image that is gone", async () => {
  const repository = world.registries.repository(parseRepository(`${world.production.host}/foo/app`));
  await repository.delete(image.root.descriptor.digest);
  expect((await world.verify()).findings.map(({ kind }) => kind)).toEqual(["missing-tag", "missing-image"]);
});

test("takes what it cannot read for unknown, not for missing", async () => {
  for (const fault of [instead(layer().descriptor.digest, 403), instead(child().descriptor.digest, 500)]) {
    world.production.interfere(fault);
    expect((await world.verify()).findings).toMatchObject([{ kind: "unread" }]);
  }
  world.production.interfere(() => "break");
  const { findings } = await world.verify();
  expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(["unread"]));
  expect(findings).not.toEqual([]);
});

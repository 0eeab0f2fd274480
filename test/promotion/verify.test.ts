import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { buildImage } from "../../src/demo/image.ts";
import { mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import type { VerificationEvent } from "../../src/promotion/index.ts";
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
    looks: { whole: 0, firstByte: image.blobs.length, asked: 0 },
    sample: null,
    bytesRead: 0,
    findings: [],
    interrupted: false,
  });
  const methods = world.production.seen.slice(from).map(({ method }) => method);
  expect(new Set(methods)).toEqual(new Set(["GET", "HEAD"]));
});

test("finds a layer that is missing", async () => {
  const { digest } = layer().descriptor;
  world.production.interfere(instead(digest, 404));
  expect((await world.verify()).findings).toMatchObject([{ kind: "incomplete", missing: digest, tag: null }]);
});

test("finds a layer that the registry only says it has", async () => {
  const { digest } = layer().descriptor;
  world.production.interfere((request, url) =>
    request.method === "GET" ? instead(digest, 404)(request, url) : undefined,
  );
  expect((await world.verify()).findings).toMatchObject([
    { kind: "incomplete", missing: digest, message: expect.stringContaining("does not give it") },
  ]);
});

test("finds each layer of another size, and each that is missing, and says once what was unread", async () => {
  const [config, first, second, third] = image.blobs.map(({ descriptor }) => descriptor.digest);
  const range = { "content-range": "bytes 0-0/99999999" };
  const faults = [
    instead(config ?? "", 206, range, "x"),
    instead(first ?? "", 404),
    instead(second ?? "", 403),
    instead(third ?? "", 403),
  ];
  world.production.interfere((request, url) => {
    for (const fault of faults) {
      const found = fault(request, url);
      if (found !== undefined) return found;
    }
    return undefined;
  });
  const { findings } = await world.verify();
  expect(findings).toHaveLength(3);
  expect(findings).toMatchObject([
    { kind: "corrupt", corrupt: config, failure: { code: "size-mismatch" } },
    { kind: "incomplete", missing: first },
    { kind: "unread", failure: { code: "denied" } },
  ]);
});

describe("reading blobs as a whole", () => {
  const bytes = () => image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);

  test("reads each once, tells how far it is, and finds bytes that are wrong", async () => {
    const told: VerificationEvent[] = [];
    const from = world.production.seen.length;
    const reading = { percent: 100, seed: "" };
    const sound = await world.verify({ reading, listener: (event) => void told.push(event) });
    expect(sound).toMatchObject({
      looks: { whole: image.blobs.length, firstByte: 0, asked: 0 },
      sample: { percent: 100, seed: "" },
      bytesRead: bytes(),
      findings: [],
    });
    const read = told.filter(({ type }) => type === "bytes-read");
    expect(read.at(-1)).toMatchObject({ done: bytes(), total: bytes() });
    const requests = world.production.seen.slice(from).filter(({ url }) => url.includes("/blobs/"));
    expect(requests).toHaveLength(image.blobs.length);

    const { digest, size } = layer().descriptor;
    world.production.interfere(instead(digest, 200, {}, Buffer.alloc(size)));
    expect((await world.verify()).findings).toEqual([]);
    expect((await world.verify({ reading })).findings).toMatchObject([
      { kind: "corrupt", corrupt: digest, failure: { code: "digest-mismatch" } },
    ]);
  });

  test("finds what is not given, whether or not the registry says that it has it", async () => {
    const { digest } = layer().descriptor;
    const reading = { percent: 100, seed: "" };
    world.production.interfere(instead(digest, 404));
    expect((await world.verify({ reading })).findings).toMatchObject([
      { kind: "incomplete", message: expect.stringContaining("lacks") },
    ]);
    world.production.interfere((request, url) =>
      request.method === "GET" ? instead(digest, 404)(request, url) : undefined,
    );
    expect((await world.verify({ reading })).findings).toMatchObject([
      { kind: "incomplete", message: expect.stringContaining("does not give it") },
    ]);
  });

  test("reads the same sample for the same seed, and the first byte of the others", async () => {
    const readFor = async (seed: string) => {
      const from = world.production.seen.length;
      const { looks } = await world.verify({ reading: { percent: 50, seed } });
      expect(looks.whole + looks.firstByte).toBe(image.blobs.length);
      const asked = world.production.seen.slice(from).filter(({ url }) => url.includes("/blobs/"));
      return asked
        .filter(({ range }) => range === undefined)
        .map(({ url }) => url)
        .sort();
    };
    const days = Array.from({ length: 8 }, (_, day) => `2026-11-${day}`);
    const samples: string[][] = [];
    for (const day of days) samples.push(await readFor(day));
    expect(new Set(samples.map((urls) => urls.join())).size).toBeGreaterThan(1);
    expect(await readFor("2026-11-0")).toEqual(samples[0]);
  });
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

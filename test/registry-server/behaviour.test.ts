import { describe, expect, test } from "vitest";
import { conductOf } from "../../src/registry-server/behavior.ts";
import type { RegistryBehavior } from "../../src/registry-server/index.ts";
import { ask, errorCode, pushBlob, pushManifest, pushSample, startForTest } from "./client.ts";
import { image, lastOf, randomBlob } from "./samples.ts";

const start = async (behavior: RegistryBehavior) => (await startForTest({ behavior })).url;

async function begin(url: string, query = ""): Promise<{ status: number; location: string }> {
  const { status, headers } = await ask(url, "POST", `/v2/team/app/blobs/uploads/${query}`);
  return { status, location: headers.location ?? "" };
}

describe("an embedded registry that behaves like another one", () => {
  test("takes one PATCH of an upload and no second one", async () => {
    const url = await start({ patches: "one" });
    const { location } = await begin(url);
    const blob = randomBlob(10);
    expect((await ask(url, "PATCH", location, { body: blob.bytes.subarray(0, 5) })).status).toBe(202);
    const second = await ask(url, "PATCH", location, { body: blob.bytes.subarray(5) });
    expect([second.status, errorCode(second)]).toEqual([416, "BLOB_UPLOAD_INVALID"]);
    const end = `${location}?digest=${blob.digest}`;
    expect((await ask(url, "PUT", end, { body: blob.bytes.subarray(5) })).status).toBe(201);
  });

  test("takes no PATCH at all", async () => {
    const url = await start({ patches: "none" });
    const { location } = await begin(url);
    const blob = randomBlob(10);
    expect((await ask(url, "PATCH", location, { body: blob.bytes })).status).toBe(405);
    expect((await ask(url, "PUT", `${location}?digest=${blob.digest}`, { body: blob.bytes })).status).toBe(
      201,
    );
  });

  test("takes no body above a size, announced or not", async () => {
    const url = await start({ maxBodyBytes: 100 });
    const { location } = await begin(url);
    const large = randomBlob(101);
    const end = `${location}?digest=${large.digest}`;
    expect((await ask(url, "PUT", end, { body: large.bytes })).status).toBe(413);
    const headers = { "transfer-encoding": "chunked" };
    expect((await ask(url, "PATCH", location, { headers, body: large.bytes })).status).toBe(413);
    expect((await pushBlob(url, "team/app", randomBlob(100))).status).toBe(201);
  });

  test.each([
    ["all", [201, 201]],
    ["committed", [201, 202]],
    ["none", [202, 202]],
  ] as const)("mounts %s", async (mounts, [committed, loose]) => {
    const url = await start({ mounts });
    const sample = image();
    await pushSample(url, "team/base", sample, "v1");
    const blob = randomBlob();
    await pushBlob(url, "team/base", blob);
    const [first] = sample.blobs;
    const mountOf = (digest = "") => begin(url, `?mount=${digest}&from=team/base`);
    expect((await mountOf(first?.digest)).status).toBe(committed);
    expect((await mountOf(blob.digest)).status).toBe(loose);
  });

  test("begins an upload where a whole blob comes in one POST", async () => {
    const url = await start({ singlePost: false });
    const blob = randomBlob();
    const { status, headers } = await pushBlob(url, "team/app", blob);
    expect(status).toBe(202);
    expect((await ask(url, "HEAD", `/v2/team/app/blobs/${blob.digest}`)).status).toBe(404);
    const end = `${headers.location}?digest=${blob.digest}`;
    expect((await ask(url, "PUT", end, { body: blob.bytes })).status).toBe(201);
  });

  test("does not say how far an upload has come", async () => {
    const url = await start({ uploadStatus: false });
    const { location } = await begin(url);
    expect((await ask(url, "GET", location)).status).toBe(404);
    expect((await ask(url, "PATCH", location, { body: "abc" })).status).toBe(202);
  });

  test("does not look at tag parameters", async () => {
    const url = await start({ tagParameters: false });
    const sample = image();
    await pushSample(url, "team/app", sample);
    const manifest = lastOf(sample);
    const put = await pushManifest(url, "team/app", `${manifest.digest}?tag=v1`, manifest);
    expect([put.status, put.headers["oci-tag"]]).toEqual([201, undefined]);
    expect((await ask(url, "HEAD", "/v2/team/app/manifests/v1")).status).toBe(404);
  });

  test("states no digest", async () => {
    const url = await start({ contentDigest: false });
    const sample = image();
    await pushSample(url, "team/app", sample, "v1");
    const answers = [
      await ask(url, "HEAD", "/v2/team/app/manifests/v1"),
      await ask(url, "GET", "/v2/team/app/manifests/v1"),
      await ask(url, "HEAD", `/v2/team/app/blobs/${sample.blobs[0]?.digest}`),
      await pushBlob(url, "team/app", randomBlob()),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 201]);
    expect(answers.flatMap(({ headers }) => headers["docker-content-digest"] ?? [])).toEqual([]);
  });

  test("has no referrers API", async () => {
    const url = await start({ referrers: false });
    expect((await ask(url, "GET", `/v2/team/app/referrers/${randomBlob().digest}`)).status).toBe(404);
  });

  test("answers 429 when there are too many requests, and says when to come again", async () => {
    const url = await start({ rateLimit: { requests: 2, milliseconds: 3_600_000, retryAfter: 7 } });
    const answers = [];
    for (let asked = 0; asked < 3; asked += 1) answers.push(await ask(url, "GET", "/v2/"));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.map(({ headers }) => headers["retry-after"])).toEqual([undefined, undefined, "7"]);
  });

  test("counts requests as a token bucket does", async () => {
    let now = 0;
    const conduct = conductOf({ rateLimit: { requests: 4, milliseconds: 1000 } }, () => now);
    const response = {} as Parameters<typeof conduct.greet>[0];
    const asked = async () =>
      conduct.greet(response).then(
        () => true,
        () => false,
      );
    const all = async (times: number) => {
      const answers = [];
      for (let time = 0; time < times; time += 1) answers.push(await asked());
      return answers;
    };
    expect(await all(5)).toEqual([true, true, true, true, false]);
    now = 500;
    expect(await all(3)).toEqual([true, true, false]);
    now = 60_000;
    expect(await all(5)).toEqual([true, true, true, true, false]);
  });
});

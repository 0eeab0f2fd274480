import { describe, expect, test } from "vitest";
import { ask, errorCode, pushBlob, pushManifest, pushSample, startForTest } from "./client.ts";
import {
  artifact,
  blobOf,
  describe as descriptor,
  digestOf,
  image,
  index,
  lastOf,
  type Manifest,
  manifestOf,
  randomBlob,
  type Sample,
  together,
  types,
} from "./samples.ts";

const repository = "conformance/repo1";
const exampleType = "application/vnd.example.oci.conformance.v1";
const otherType = "application/vnd.example.oci.conformance.v2";

const about = (subject: Manifest) => ({ subject: descriptor(subject.mediaType, subject) });

function withSubjects(): Sample {
  const subject = image();
  const { subject: named } = about(lastOf(subject));
  return together(
    subject,
    image({ more: { subject: named } }),
    artifact(exampleType, { subject: named, annotations: { "org.example.note": "hello" } }),
    artifact(otherType, { subject: named, annotations: { "org.example.note": "hello" } }),
  );
}

function indexWithSubject(): Sample {
  const subject = index([image(), image()]);
  const more = {
    artifactType: exampleType,
    annotations: { "org.example.note": "hello" },
    ...about(lastOf(subject)),
  };
  return together(subject, index([artifact(exampleType), artifact(exampleType)], more));
}

/** An image of which two layers are to be fetched from elsewhere. */
function nondistributable(): Sample {
  const layer = randomBlob();
  const config = blobOf("{}");
  const foreign = (mediaType: string) =>
    descriptor(mediaType, randomBlob(), { urls: ["https://store.example.com/layer"] });
  const layers = [
    foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
    descriptor(types.layer, layer),
  ];
  const json = { mediaType: types.manifest, config: descriptor(types.config, config), layers };
  return { blobs: [layer, config], manifests: [manifestOf(json)] };
}

function docker(): Sample {
  const [layer, config] = [randomBlob(), blobOf("{}")];
  const manifest = manifestOf({
    mediaType: types.dockerManifest,
    config: descriptor(types.dockerConfig, config),
    layers: [descriptor(types.dockerLayer, layer)],
  });
  const list = manifestOf({
    mediaType: types.dockerList,
    manifests: [
      descriptor(types.dockerManifest, manifest, { platform: { os: "linux", architecture: "amd64" } }),
    ],
  });
  return { blobs: [layer, config], manifests: [manifest, list] };
}

/** What builders keep as a cache: an index that lists layers. */
function buildCache(): Sample {
  const [layer, config] = [randomBlob(), blobOf("[]")];
  const manifests = [
    descriptor(types.dockerLayer, layer),
    descriptor("application/vnd.buildkit.cacheconfig.v0", config),
  ];
  return { blobs: [layer, config], manifests: [manifestOf({ mediaType: types.index, manifests })] };
}

const annotationsOf = (bytes: number) =>
  Object.fromEntries(Array.from({ length: bytes / 10_000 }, (_, at) => [`large-${at}`, "A".repeat(10_000)]));

const samples: Record<string, () => Sample> = {
  image: () => image(),
  "large manifest": () => image({ more: { annotations: annotationsOf(3_900_000) } }),
  index: () => index([image(), image({ architecture: "arm64" })]),
  "nested index": () => index([index([image(), image()]), index([image()])]),
  "empty index": () => index([]),
  artifact: () => artifact(exampleType),
  "artifact index": () =>
    index([artifact(exampleType), artifact(exampleType)], { artifactType: exampleType }),
  "artifacts with a subject": withSubjects,
  "index with a subject": indexWithSubject,
  "missing subject": () => artifact(exampleType, about(lastOf(image()))),
  "data field": () => image({ more: { annotations: {}, data: Buffer.from("inline").toString("base64") } }),
  "layers that are not distributed": nondistributable,
  "custom fields": () => image({ more: { "org.example.custom": { nested: [1, 2, 3] } } }),
  "no layers": () => image({ layers: 0 }),
  "sha512 digests": () => index([image({ algorithm: "sha512" })], {}, "sha512"),
  "Docker schema 2": docker,
  "build cache": buildCache,
};

const manifestPath = (reference: string) => `/v2/${repository}/manifests/${reference}`;

async function expectManifest(url: string, reference: string, manifest: Manifest): Promise<void> {
  for (const method of ["HEAD", "GET"]) {
    const answer = await ask(url, method, manifestPath(reference));
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe(manifest.mediaType);
    expect(answer.headers["content-length"]).toBe(String(manifest.bytes.length));
    expect(answer.headers["docker-content-digest"]).toBe(manifest.digest);
    expect(answer.headers.etag).toBe(`"${manifest.digest}"`);
    expect(answer.body.equals(method === "GET" ? manifest.bytes : Buffer.alloc(0))).toBe(true);
  }
}

describe.each(Object.entries(samples))("%s", (_name, make) => {
  test("is pushed by digest and by tag, listed, pulled, and deleted", async () => {
    const { url } = await startForTest();
    const sample = make();
    for (const blob of sample.blobs) expect((await pushBlob(url, repository, blob)).status).toBe(201);
    for (const manifest of sample.manifests) {
      const answer = await pushManifest(url, repository, manifest.digest, manifest);
      expect(answer.status).toBe(201);
      expect(answer.headers.location).toBe(manifestPath(manifest.digest));
      expect(answer.headers["docker-content-digest"]).toBe(manifest.digest);
      expect(answer.headers["oci-subject"]).toBe(manifest.subject);
    }
    const last = lastOf(sample);
    const tagged = await ask(url, "PUT", `${manifestPath(last.digest)}?tag=one&tag=two&tag=one`, {
      headers: { "Content-Type": last.mediaType },
      body: last.bytes,
    });
    expect(tagged.status).toBe(201);
    expect(tagged.headers["oci-tag"]).toBe("one, two");
    if (last.digest.startsWith("sha256:")) {
      expect((await pushManifest(url, repository, "three", last)).status).toBe(201);
      await expectManifest(url, "three", last);
    }
    for (const reference of ["one", "two"]) await expectManifest(url, reference, last);
    for (const manifest of sample.manifests) await expectManifest(url, manifest.digest, manifest);
    for (const manifest of sample.manifests) {
      if (manifest.subject === undefined) continue;
      const answer = await ask(url, "GET", `/v2/${repository}/referrers/${manifest.subject}`);
      const listed = JSON.parse(answer.body.toString()) as { manifests: Array<{ digest: string }> };
      expect(listed.manifests.map((entry) => entry.digest)).toContain(manifest.digest);
    }

    expect((await ask(url, "DELETE", manifestPath("one"))).status).toBe(202);
    expect((await ask(url, "HEAD", manifestPath("one"))).status).toBe(404);
    await expectManifest(url, "two", last);
    for (const manifest of [...sample.manifests].reverse()) {
      expect((await ask(url, "DELETE", manifestPath(manifest.digest))).status).toBe(202);
      const gone = await ask(url, "GET", manifestPath(manifest.digest));
      expect([gone.status, errorCode(gone)]).toEqual([404, "MANIFEST_UNKNOWN"]);
    }
    for (const reference of ["two", "three"]) {
      expect((await ask(url, "GET", manifestPath(reference))).status).toBe(404);
    }
    const digests = new Set(sample.blobs.map((blob) => blob.digest));
    for (const digest of digests) {
      expect((await ask(url, "DELETE", `/v2/${repository}/blobs/${digest}`)).status).toBe(202);
    }
    expect((await ask(url, "GET", `/v2/${repository}/tags/list`)).status).toBe(404);
  });
});

describe("manifests that are refused", () => {
  const put = (url: string, reference: string, mediaType: string | undefined, bytes: Uint8Array | string) =>
    ask(url, "PUT", manifestPath(reference), {
      headers: mediaType === undefined ? {} : { "Content-Type": mediaType },
      body: bytes,
    });

  /** A registry that holds everything of the sample but its last manifest. */
  async function readyFor(sample: Sample): Promise<string> {
    const { url } = await startForTest();
    for (const blob of sample.blobs) await pushBlob(url, repository, blob);
    for (const manifest of sample.manifests.slice(0, -1)) {
      await pushManifest(url, repository, manifest.digest, manifest);
    }
    return url;
  }

  test("bytes that have another digest", async () => {
    const sample = image();
    const url = await readyFor(sample);
    const { bytes, digest } = lastOf(sample);
    const answer = await put(url, digest, types.manifest, Buffer.concat([bytes, Buffer.from("  ")]));
    expect([answer.status, errorCode(answer)]).toEqual([400, "DIGEST_INVALID"]);
    expect((await ask(url, "GET", manifestPath(digest))).status).toBe(404);
  });

  test("a digest that is none", async () => {
    const sample = image();
    const url = await readyFor(sample);
    const answer = await put(url, "sha256:baddigeststring", types.manifest, lastOf(sample).bytes);
    expect([answer.status, errorCode(answer)]).toEqual([400, "DIGEST_INVALID"]);
  });

  test.each([
    ["no JSON", types.manifest, "{"],
    ["no media type anywhere", undefined, '{"schemaVersion":2}'],
    ["schema 1", "application/vnd.docker.distribution.manifest.v1+prettyjws", '{"schemaVersion":1}'],
    ["a media type that is no manifest's", "application/octet-stream", "{}"],
    ["no config", types.manifest, '{"schemaVersion":2,"layers":[]}'],
    ["an index without manifests", types.index, '{"schemaVersion":2}'],
    [
      "a digest of an unknown algorithm",
      types.index,
      `{"schemaVersion":2,"manifests":[{"mediaType":"${types.manifest}","digest":"md5:00","size":1}]}`,
    ],
    ["an image and an index in one", types.index, '{"schemaVersion":2,"manifests":[],"layers":[]}'],
    [
      "a manifest that calls itself something else",
      types.manifest,
      `{"schemaVersion":2,"mediaType":"${types.index}"}`,
    ],
  ])("%s", async (_what, mediaType, body) => {
    const { url } = await startForTest();
    const answer = await put(url, "latest", mediaType, body);
    expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_INVALID"]);
    expect((await ask(url, "GET", manifestPath("latest"))).status).toBe(404);
  });

  test("an image without one of its layers, and without its config", async () => {
    const sample = image();
    for (const missing of sample.blobs) {
      const { url } = await startForTest();
      for (const blob of sample.blobs) if (blob !== missing) await pushBlob(url, repository, blob);
      await pushBlob(url, "conformance/repo2", missing);
      const answer = await put(url, "latest", types.manifest, lastOf(sample).bytes);
      expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_BLOB_UNKNOWN"]);
      expect(answer.body.toString()).toContain(missing.digest);
    }
  });

  test("an index without one of its children", async () => {
    const sample = index([image(), image()]);
    const [first, second, list] = sample.manifests;
    if (!first || !second || !list) throw new Error("two children and an index");
    const { url } = await startForTest();
    for (const blob of sample.blobs) await pushBlob(url, repository, blob);
    await pushManifest(url, repository, first.digest, first);
    const answer = await put(url, "latest", types.index, list.bytes);
    expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_BLOB_UNKNOWN"]);
    expect(answer.body.toString()).toContain(second.digest);
    expect((await ask(url, "GET", manifestPath("latest"))).status).toBe(404);
  });

  test("the bytes of a manifest that is here under another media type", async () => {
    const { url } = await startForTest();
    const config = blobOf("{}");
    await pushBlob(url, repository, config);
    const bytes = JSON.stringify({ schemaVersion: 2, config: descriptor(types.config, config), layers: [] });
    expect((await put(url, "latest", types.manifest, bytes)).status).toBe(201);
    const answer = await put(url, "other", types.dockerManifest, bytes);
    expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_INVALID"]);
    expect((await ask(url, "GET", manifestPath("latest"))).headers["content-type"]).toBe(types.manifest);
  });

  test.each([
    ["a layer", "layers"],
    ["a config", "config"],
  ])("another size of %s than the one it has", async (_what, field) => {
    const sample = image({ layers: 1 });
    const url = await readyFor(sample);
    const json = JSON.parse(Buffer.from(lastOf(sample).bytes).toString());
    for (const described of [json[field]].flat()) described.size += 1;
    const answer = await put(url, "latest", types.manifest, JSON.stringify(json));
    expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_INVALID"]);
    expect((await ask(url, "GET", manifestPath("latest"))).status).toBe(404);
  });

  test.each(["manifests", "subject"])(
    "another size of a manifest in %s than the one it has",
    async (field) => {
      const child = image();
      const { url } = await startForTest();
      await pushSample(url, repository, child);
      const held = lastOf(child);
      const wrong = descriptor(held.mediaType, held, { size: held.bytes.length - 1 });
      const json = { schemaVersion: 2, manifests: [], [field]: field === "subject" ? wrong : [wrong] };
      const answer = await put(url, "latest", types.index, JSON.stringify(json));
      expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_INVALID"]);
    },
  );

  test("keys that are fields for some who read it and not for others", async () => {
    const sample = image();
    const url = await readyFor(sample);
    const text = Buffer.from(lastOf(sample).bytes).toString().replace(/}$/, ',"Layers":[]}');
    const answer = await put(url, "latest", types.manifest, text);
    expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_INVALID"]);
    expect(answer.body.toString()).toContain("Layers");
  });

  test.each([
    ["one byte, with a Content-Length", 4 * 1024 * 1024 + 1, {}],
    ["one byte, as a stream", 4 * 1024 * 1024 + 1, { "Transfer-Encoding": "chunked" }],
    ["many, as a stream", 12 * 1024 * 1024, { "Transfer-Encoding": "chunked" }],
  ])("more than 4 MiB, by %s", async (_how, length, headers) => {
    const { url } = await startForTest();
    const answer = await ask(url, "PUT", manifestPath("latest"), {
      headers: { "Content-Type": types.manifest, ...headers },
      body: Buffer.alloc(length, 0x20),
    });
    expect([answer.status, errorCode(answer)]).toEqual([413, "SIZE_INVALID"]);
  });

  test.each([
    ["an invalid tag", "?tag=.hidden", "digest"],
    ["too many tags", `?${Array.from({ length: 51 }, (_, at) => `tag=t${at}`).join("&")}`, "digest"],
    ["tags beside a tag", "?tag=other", "tag"],
  ])("%s among the parameters", async (_what, query, by) => {
    const sample = image();
    const url = await readyFor(sample);
    const manifest = lastOf(sample);
    const reference = by === "digest" ? manifest.digest : "latest";
    const answer = await put(url, `${reference}${query}`, types.manifest, manifest.bytes);
    expect([answer.status, errorCode(answer)]).toEqual([400, "MANIFEST_INVALID"]);
    expect((await ask(url, "GET", manifestPath(manifest.digest))).status).toBe(404);
  });
});

describe("manifests", () => {
  test("parameters of Content-Type are ignored, and the header itself may be missing", async () => {
    const { url } = await startForTest();
    const sample = image();
    await pushSample(url, repository, sample);
    const { bytes, digest } = lastOf(sample);
    for (const headers of [{ "Content-Type": `${types.manifest}; charset=utf-8` }, {}]) {
      expect((await ask(url, "PUT", manifestPath("latest"), { headers, body: bytes })).status).toBe(201);
    }
    const answer = await ask(url, "GET", manifestPath("latest"));
    expect([answer.headers["content-type"], digestOf(answer.body)]).toEqual([types.manifest, digest]);
  });

  test("a tag moves, and If-None-Match sees it", async () => {
    const { url } = await startForTest();
    const [before, after] = [image(), image()];
    await pushSample(url, repository, before, "latest");
    const headers = { "If-None-Match": `"${lastOf(before).digest}"` };
    expect((await ask(url, "GET", manifestPath("latest"), { headers })).status).toBe(304);
    await pushSample(url, repository, after, "latest");
    expect((await ask(url, "GET", manifestPath("latest"), { headers })).status).toBe(200);
    await expectManifest(url, "latest", lastOf(after));
    await expectManifest(url, lastOf(before).digest, lastOf(before));
  });

  test("tags that differ by case are two tags", async () => {
    const { url } = await startForTest();
    const [lower, upper] = [image(), image()];
    await pushSample(url, repository, lower, "v1-rc");
    await pushSample(url, repository, upper, "V1-RC");
    await expectManifest(url, "v1-rc", lastOf(lower));
    await expectManifest(url, "V1-RC", lastOf(upper));
  });

  test("deleted while it is put, a manifest takes its tags with it or keeps them", async () => {
    const { url } = await startForTest();
    const sample = image();
    await pushSample(url, repository, sample);
    const { digest } = lastOf(sample);
    for (let round = 0; round < 40; round += 1) {
      await Promise.all([
        pushManifest(url, repository, "one", lastOf(sample)),
        ask(url, "DELETE", manifestPath(digest)),
        pushManifest(url, repository, "two", lastOf(sample)),
        ask(url, "DELETE", manifestPath(digest)),
      ]);
      const { status } = await ask(url, "HEAD", manifestPath(digest));
      const list = await ask(url, "GET", `/v2/${repository}/tags/list`);
      const { tags } = JSON.parse(list.body.toString()) as { tags: string[] };
      if (status === 404) expect(tags).toEqual([]);
      for (const tag of tags) await expectManifest(url, tag, lastOf(sample));
    }
  });

  test("are missing by digest, by tag, and in a repository that is not there", async () => {
    const { url } = await startForTest();
    for (const reference of [randomBlob().digest, "missing"]) {
      for (const method of ["GET", "DELETE"]) {
        const answer = await ask(url, method, manifestPath(reference));
        expect([answer.status, errorCode(answer)]).toEqual([404, "MANIFEST_UNKNOWN"]);
      }
      expect((await ask(url, "HEAD", manifestPath(reference))).status).toBe(404);
    }
  });
});

import { describe, expect, test } from "vitest";
import { ask, errorCode, pushBlob, pushManifest, pushSample, startForTest } from "./client.ts";
import { artifact, describe as descriptor, image, index, lastOf, randomBlob, types } from "./samples.ts";

const repository = "conformance/repo1";

interface TagList {
  readonly name: string;
  readonly tags: string[];
}

async function getJson<T>(url: string, path: string): Promise<{ json: T; link: string | undefined }> {
  const answer = await ask(url, "GET", path);
  expect(answer.status).toBe(200);
  return { json: JSON.parse(answer.body.toString("utf8")) as T, link: nextOf(answer.headers.link) };
}

function nextOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const match = /^<([^>]+)>; rel="next"$/.exec(String(header));
  if (match?.[1] === undefined) throw new Error(`no link to the next page: ${header}`);
  return match[1];
}

async function withTags(tags: readonly string[]): Promise<string> {
  const { url } = await startForTest();
  const sample = image();
  await pushSample(url, repository, sample);
  for (const tag of tags) await pushManifest(url, repository, tag, lastOf(sample));
  return url;
}

describe("the version check", () => {
  test.each(["GET", "HEAD"])("%s /v2/", async (method) => {
    const { url } = await startForTest();
    const answer = await ask(url, method, "/v2/");
    expect(answer.status).toBe(200);
    expect(answer.headers["docker-distribution-api-version"]).toBe("registry/2.0");
  });

  test.each([
    ["POST", "/v2/", "GET, HEAD"],
    ["PUT", "/v2/a/blobs/uploads/", "POST"],
    ["POST", `/v2/a/blobs/sha256:${"a".repeat(64)}`, "GET, HEAD, DELETE"],
    ["PATCH", "/v2/a/manifests/latest", "GET, HEAD, PUT, DELETE"],
    ["DELETE", "/v2/a/tags/list", "GET, HEAD"],
  ])("%s %s is not allowed", async (method, path, allowed) => {
    const { url } = await startForTest();
    const answer = await ask(url, method, path);
    expect([answer.status, answer.headers.allow]).toEqual([405, allowed]);
    expect(errorCode(answer)).toBe("UNSUPPORTED");
  });
});

describe("listing tags", () => {
  test("in lexical order without regard to case", async () => {
    const url = await withTags(["v2", "V10", "v1", "latest", "B", "a", "_x", "V1"]);
    const { json, link } = await getJson<TagList>(url, `/v2/${repository}/tags/list`);
    expect(json).toEqual({ name: repository, tags: ["_x", "a", "B", "latest", "V1", "v1", "V10", "v2"] });
    expect(link).toBeUndefined();
  });

  test("n and last", async () => {
    const url = await withTags(["a", "b", "c", "d", "E"]);
    const list = (query: string) => getJson<TagList>(url, `/v2/${repository}/tags/list${query}`);
    expect((await list("?n=2")).json.tags).toEqual(["a", "b"]);
    expect((await list("?n=2&last=b")).json.tags).toEqual(["c", "d"]);
    expect((await list("?last=b")).json.tags).toEqual(["c", "d", "E"]);
    expect((await list("?last=bb")).json.tags).toEqual(["c", "d", "E"]);
    expect((await list("?last=zz")).json.tags).toEqual([]);
    expect(await list("?n=5")).toEqual({
      json: { name: repository, tags: ["a", "b", "c", "d", "E"] },
      link: undefined,
    });
    expect(await list("?n=0")).toEqual({ json: { name: repository, tags: [] }, link: undefined });
  });

  test("following the links gives every tag once", async () => {
    const tags = Array.from({ length: 11 }, (_, at) => `v${at}`);
    const url = await withTags(tags);
    const seen: string[] = [];
    let path: string | undefined = `/v2/${repository}/tags/list?n=4`;
    while (path !== undefined) {
      const page: { json: TagList; link: string | undefined } = await getJson<TagList>(url, path);
      seen.push(...page.json.tags);
      path = page.link;
    }
    expect(seen).toEqual([...tags].sort());
  });

  test.each(["x", "-1", "1.5", ""])("n=%s is refused", async (n) => {
    const url = await withTags(["a"]);
    const answer = await ask(url, "GET", `/v2/${repository}/tags/list?n=${n}`);
    expect(answer.status).toBe(400);
  });

  test("of a repository without tags, and of one that is not there", async () => {
    const { url } = await startForTest();
    await pushBlob(url, repository, randomBlob());
    expect((await getJson<TagList>(url, `/v2/${repository}/tags/list`)).json.tags).toEqual([]);
    for (const absent of ["conformance", "conformance/repo2", `${repository}/below`]) {
      const answer = await ask(url, "GET", `/v2/${absent}/tags/list`);
      expect([answer.status, errorCode(answer)]).toEqual([404, "NAME_UNKNOWN"]);
    }
  });
});

describe("the catalog", () => {
  test("names every repository that holds something, in order and in pages", async () => {
    const { url } = await startForTest();
    expect((await getJson(url, "/v2/_catalog")).json).toEqual({ repositories: [] });
    const names = ["b", "a/b/c", "a", "a-b", "a/b0"];
    for (const name of names) await pushBlob(url, name, randomBlob());
    await ask(url, "POST", "/v2/only/an/upload/blobs/uploads/");
    const list = (query: string) => getJson<{ repositories: string[] }>(url, `/v2/_catalog${query}`);
    expect((await list("")).json.repositories).toEqual([...names].sort());
    const first = await list("?n=3");
    expect(first.json.repositories).toEqual(["a", "a-b", "a/b/c"]);
    expect((await getJson(url, String(first.link))).json).toEqual({ repositories: ["a/b0", "b"] });
  });

  test("forgets a repository with its last blob", async () => {
    const { url } = await startForTest();
    const blob = randomBlob();
    await pushBlob(url, repository, blob);
    await ask(url, "DELETE", `/v2/${repository}/blobs/${blob.digest}`);
    expect((await getJson(url, "/v2/_catalog")).json).toEqual({ repositories: [] });
  });
});

describe("referrers", () => {
  interface Index {
    readonly schemaVersion: number;
    readonly mediaType: string;
    readonly manifests: Array<{ digest: string; artifactType?: string; size: number; annotations?: unknown }>;
  }
  const referrersPath = (digest: string, query = "") => `/v2/${repository}/referrers/${digest}${query}`;

  test("of nothing are an empty index", async () => {
    const { url } = await startForTest();
    for (const digest of [randomBlob().digest, randomBlob(1, "sha512").digest]) {
      const answer = await ask(url, "GET", referrersPath(digest));
      expect([answer.status, answer.headers["content-type"]]).toEqual([200, types.index]);
      expect(JSON.parse(answer.body.toString())).toEqual({
        schemaVersion: 2,
        mediaType: types.index,
        manifests: [],
      });
    }
    expect((await ask(url, "GET", referrersPath("sha256:short"))).status).toBe(400);
  });

  test("are listed with type and annotations, filtered, and forgotten when they are deleted", async () => {
    const { url } = await startForTest();
    const subject = image();
    const about = { subject: descriptor(types.manifest, lastOf(subject)) };
    const annotations = { "org.example.note": "hello" };
    const plain = image({ more: about });
    const sbom = artifact("application/vnd.example.sbom", { ...about, annotations });
    const signature = artifact("application/vnd.example.signature", { ...about, annotations });
    const untypedIndex = index([], about);
    const typedIndex = index([], { ...about, artifactType: "application/vnd.example.sbom" });
    for (const sample of [plain, sbom, signature, untypedIndex, typedIndex])
      await pushSample(url, repository, sample);
    // The subject may come after its referrers.
    await pushSample(url, repository, subject, "latest");

    const all = await ask(url, "GET", referrersPath(lastOf(subject).digest));
    expect(all.headers["oci-filters-applied"]).toBeUndefined();
    const { manifests } = JSON.parse(all.body.toString()) as Index;
    const entry = (sample: typeof plain, more: object) => ({
      mediaType: lastOf(sample).mediaType,
      digest: lastOf(sample).digest,
      size: lastOf(sample).bytes.length,
      ...more,
    });
    const expected = [
      entry(plain, { artifactType: types.config }),
      entry(sbom, { artifactType: "application/vnd.example.sbom", annotations }),
      entry(signature, { artifactType: "application/vnd.example.signature", annotations }),
      entry(untypedIndex, {}),
      entry(typedIndex, { artifactType: "application/vnd.example.sbom" }),
    ];
    expect(new Set(manifests)).toEqual(new Set(expected));

    const filtered = await ask(
      url,
      "GET",
      referrersPath(lastOf(subject).digest, "?artifactType=application/vnd.example.sbom"),
    );
    expect(filtered.headers["oci-filters-applied"]).toBe("artifactType");
    const chosen = (JSON.parse(filtered.body.toString()) as Index).manifests.map(({ digest }) => digest);
    expect(new Set(chosen)).toEqual(new Set([lastOf(sbom).digest, lastOf(typedIndex).digest]));

    await ask(url, "DELETE", `/v2/${repository}/manifests/${lastOf(sbom).digest}`);
    const { json } = await getJson<Index>(url, referrersPath(lastOf(subject).digest));
    expect(json.manifests).toHaveLength(4);
    expect(json.manifests.map(({ digest }) => digest)).not.toContain(lastOf(sbom).digest);
  });

  test("that do not fit into one index come in pages", async () => {
    const { url } = await startForTest();
    const subject = { subject: descriptor(types.manifest, lastOf(image())) };
    const pushed: string[] = [];
    for (const letter of ["a", "b", "c"]) {
      const annotations = { large: letter.repeat(1_900_000) };
      const sample = artifact("application/vnd.example.large", { ...subject, annotations });
      await pushSample(url, repository, sample);
      pushed.push(lastOf(sample).digest);
    }
    const seen: string[] = [];
    const pages: number[] = [];
    let path: string | undefined = referrersPath(
      String((subject.subject as { digest: string }).digest),
      "?artifactType=application%2Fvnd.example.large",
    );
    while (path !== undefined) {
      const page: { json: Index; link: string | undefined } = await getJson<Index>(url, path);
      seen.push(...page.json.manifests.map(({ digest }) => digest));
      pages.push(page.json.manifests.length);
      path = page.link;
    }
    expect(seen).toEqual([...pushed].sort());
    expect(pages).toEqual([2, 1]);
  });
});

describe("Google's listing extension", () => {
  test("gives every manifest with its tags, and the names below, in one answer", async () => {
    const { url } = await startForTest({ listing: "extended" });
    const sample = index([image(), image({ architecture: "arm64" })]);
    await pushSample(url, "project/app", sample, "v1");
    await pushManifest(url, "project/app", "v2", lastOf(sample));
    await pushSample(url, "project/app/debug/tools", image(), "v1");
    const { json, link } = await getJson<{
      child: string[];
      manifest: Record<
        string,
        { tag: string[]; mediaType: string; imageSizeBytes: string; timeUploadedMs: string }
      >;
      name: string;
      tags: string[];
    }>(url, "/v2/project/app/tags/list?n=1");
    expect(link).toBeUndefined();
    expect([json.name, json.child, json.tags]).toEqual(["project/app", ["debug"], ["v1", "v2"]]);
    expect(new Set(Object.keys(json.manifest))).toEqual(
      new Set(sample.manifests.map(({ digest }) => digest)),
    );
    const last = json.manifest[lastOf(sample).digest];
    expect(last).toMatchObject({ tag: ["v1", "v2"], mediaType: types.index });
    const total = [...sample.blobs, ...sample.manifests].reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(last?.imageSizeBytes).toBe(String(total));
    expect(Number(last?.timeUploadedMs)).toBeGreaterThan(Date.now() - 60_000);
    for (const child of sample.manifests.slice(0, -1)) expect(json.manifest[child.digest]?.tag).toEqual([]);
  });

  test("lists a name that only others continue, and no other", async () => {
    const { url } = await startForTest({ listing: "extended" });
    await pushSample(url, "project/app/debug", image(), "v1");
    const { json } = await getJson(url, "/v2/project/tags/list");
    expect(json).toEqual({ child: ["app"], manifest: {}, name: "project", tags: [] });
    const absent = await ask(url, "GET", "/v2/other/tags/list");
    expect([absent.status, errorCode(absent)]).toEqual([404, "NAME_UNKNOWN"]);
  });

  test("is not there unless it is asked for", async () => {
    const { url } = await startForTest();
    await pushSample(url, repository, image(), "v1");
    expect((await getJson(url, `/v2/${repository}/tags/list`)).json).toEqual({
      name: repository,
      tags: ["v1"],
    });
  });
});

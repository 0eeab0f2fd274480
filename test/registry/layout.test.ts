import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Digest,
  hexOf,
  mediaTypes,
  parseDigest,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import { openLayout } from "../../src/registry/layout/layout.ts";
import type { Repository } from "../../src/registry/repository.ts";
import { temporaryFolder } from "../support/tree.ts";
import { blob, bytesOf, document, image, indexOf, store, streamOf } from "./layout-images.ts";

const name = parseRepository("gcr.io/k8s-staging-foo/bar");
const v1 = parseTag("v1");
const v2 = parseTag("v2");
const nowhere = parseDigest(`sha256:${"0".repeat(64)}`);

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let root: string;
let folder: string;
let repository: Repository;

beforeEach(async () => {
  temporary = await temporaryFolder("layout");
  root = join(temporary.path, "usb");
  folder = join(root, "foo", "bar");
  repository = openLayout(folder, name, { root });
});
afterEach(() => temporary.remove());

const pathOf = (digest: Digest, where = folder) => join(where, "blobs", "sha256", hexOf(digest));
const indexFile = async () => JSON.parse(await readFile(join(folder, "index.json"), "utf8"));
/** What is under construction, or was when its process was killed. */
const drafts = () => readdir(join(folder, ".waybill")).catch(() => []);

describe("a folder that is not there yet", () => {
  test("is an empty repository, and reading does not make it", async () => {
    const { descriptor } = blob("x");
    expect(await repository.resolve(v1)).toBeUndefined();
    expect(await repository.fetch(nowhere)).toBeUndefined();
    expect(await repository.list()).toBeUndefined();
    expect(await repository.referrers(nowhere)).toEqual([]);
    expect(await repository.has(descriptor)).toBe(false);
    await expect(repository.open(descriptor)).rejects.toMatchObject({ code: "blob-missing" });
    await repository.delete(v1);
    await expect(stat(root)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("has an address, a name and no host", () => {
    expect(repository).toMatchObject({
      name,
      address: `oci:${folder}`,
      host: undefined,
      listsManifests: true,
    });
  });
});

describe("an image that was put", () => {
  test("is found by tag and digest, with the same bytes", async () => {
    const one = image();
    await store(repository, one, "v1");
    expect(await repository.resolve(v1)).toEqual(one.manifest.descriptor);
    expect(await repository.resolve(one.manifest.descriptor.digest)).toEqual(one.manifest.descriptor);
    expect(await repository.fetch(v1)).toEqual(one.manifest);
    for (const { descriptor, bytes } of one.blobs) {
      expect(await repository.has(descriptor)).toBe(true);
      expect(await bytesOf(await repository.open(descriptor))).toEqual(bytes);
    }
  });

  test("makes a layout as image-layout.md wants it", async () => {
    const one = image();
    await store(repository, one, "v1");
    expect(JSON.parse(await readFile(join(folder, "oci-layout"), "utf8"))).toEqual({
      imageLayoutVersion: "1.0.0",
    });
    expect(await indexFile()).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ ...one.manifest.descriptor, annotations: { "org.opencontainers.image.ref.name": "v1" } }],
    });
    expect((await readdir(folder)).sort()).toEqual([".waybill", "blobs", "index.json", "oci-layout"]);
    expect(await drafts()).toEqual([]);
  });

  test("is seen by another handle of the same folder at once", async () => {
    const other = openLayout(folder, name);
    expect(await other.resolve(v1)).toBeUndefined();
    await store(repository, image(), "v1");
    expect(await other.resolve(v1)).toEqual(await repository.resolve(v1));
    await store(repository, image(), "v2");
    expect((await other.list())?.tags).toEqual(["v1", "v2"]);
  });

  test("can have many tags, or none", async () => {
    const [tagged, tagless] = [image(), image()];
    await store(repository, tagged, "v1");
    await repository.put(tagged.manifest, v2);
    await store(repository, tagless);
    const listing = await repository.list();
    expect(listing?.tags).toEqual(["v1", "v2"]);
    expect(listing?.manifests?.get(tagged.manifest.descriptor.digest)).toMatchObject({ tags: ["v1", "v2"] });
    expect(listing?.manifests?.get(tagless.manifest.descriptor.digest)).toMatchObject({
      tags: [],
      mediaType: mediaTypes.ociManifest,
    });
    expect(await repository.fetch(tagless.manifest.descriptor.digest)).toEqual(tagless.manifest);
  });

  test("gets its first tag in place of the entry without one", async () => {
    const one = image();
    await store(repository, one);
    await repository.put(one.manifest, v1);
    expect((await indexFile()).manifests).toHaveLength(1);
    await repository.put(one.manifest);
    expect((await indexFile()).manifests).toHaveLength(1);
  });

  test("twice changes nothing", async () => {
    const one = image();
    await store(repository, one, "v1");
    const before = await stat(join(folder, "index.json"), { bigint: true });
    await repository.put(one.manifest, v1);
    const after = await stat(join(folder, "index.json"), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  test("takes a tag over; the image that had it stays, by its digest", async () => {
    const [old, young] = [image(), image()];
    await store(repository, old, "v1");
    await store(repository, young, "v1");
    expect(await repository.resolve(v1)).toEqual(young.manifest.descriptor);
    expect(await repository.resolve(old.manifest.descriptor.digest)).toEqual(old.manifest.descriptor);
    expect((await repository.list())?.tags).toEqual(["v1"]);
  });

  test("may be of Docker's media types, which stay as they are", async () => {
    const config = blob("{}", mediaTypes.dockerConfig);
    const layer = blob("layer", mediaTypes.dockerLayer);
    const manifest = document({
      mediaType: mediaTypes.dockerManifest,
      config: config.descriptor,
      layers: [layer.descriptor],
    });
    await store(repository, { blobs: [config, layer], manifest }, "v1");
    expect((await repository.fetch(v1))?.descriptor.mediaType).toBe(mediaTypes.dockerManifest);
    expect(await repository.fetch(v1)).toEqual(manifest);
  });

  test("may be known by SHA-512", async () => {
    const { createHash } = await import("node:crypto");
    const bytes = Buffer.from("long digest");
    const digest = parseDigest(`sha512:${createHash("sha512").update(bytes).digest("hex")}`);
    const descriptor = { mediaType: mediaTypes.ociLayer, digest, size: bytes.length };
    await repository.push(descriptor, streamOf(bytes));
    expect(await bytesOf(await repository.open(descriptor))).toEqual(bytes);
    expect(await readdir(join(folder, "blobs"))).toEqual(["sha512"]);
  });

  test("is refused while something it refers to is missing", async () => {
    const one = image();
    await expect(repository.put(one.manifest, v1)).rejects.toMatchObject({ code: "manifest-refused" });
    await store(repository, one);
    await expect(repository.put(indexOf(one.manifest, image().manifest), v1)).rejects.toMatchObject({
      code: "manifest-refused",
    });
    expect(await repository.resolve(v1)).toBeUndefined();
  });

  test("may lack layers that are fetched from elsewhere", async () => {
    const { descriptor } = blob("windows", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
    const one = image({ layers: [descriptor] });
    await store(repository, one, "v1");
    expect(await repository.resolve(v1)).toEqual(one.manifest.descriptor);
  });

  test("may be about an image that is not there", async () => {
    await store(repository, image({ subject: image().manifest.descriptor }), "v1");
    expect(await repository.resolve(v1)).toBeDefined();
  });

  test.each([
    ["is not its digest's", { digest: nowhere }, "digest-mismatch"],
    ["is not of its size", { size: 1 }, "size-mismatch"],
    ["is of another type than it says", { mediaType: mediaTypes.ociIndex }, "manifest-refused"],
  ])("is refused when the document %s", async (_, lie, code) => {
    const one = image();
    await store(repository, one);
    const { descriptor, bytes } = one.manifest;
    await expect(repository.put({ descriptor: { ...descriptor, ...lie }, bytes }, v1)).rejects.toMatchObject({
      code,
    });
    expect(await repository.resolve(v1)).toBeUndefined();
  });
});

describe("indexes", () => {
  test("and their children are all listed and found", async () => {
    const children = [image(), image()];
    for (const child of children) await store(repository, child);
    const inner = indexOf(...children.map(({ manifest }) => manifest));
    await repository.put(inner);
    const outer = indexOf(inner);
    await repository.put(outer, v1);
    const digests = [outer, inner, ...children.map(({ manifest }) => manifest)].map(
      (one) => one.descriptor.digest,
    );
    expect(new Set((await repository.list())?.manifests?.keys())).toEqual(new Set(digests));
    expect((await repository.list())?.tags).toEqual(["v1"]);
  });

  test("tell of children that index.json does not list, as other tools write it", async () => {
    const [present, sparse] = [image(), image()];
    await store(repository, present);
    const outer = indexOf(indexOf(present.manifest, sparse.manifest));
    const inner = indexOf(present.manifest, sparse.manifest);
    for (const { descriptor, bytes } of [inner, outer]) await repository.push(descriptor, streamOf(bytes));
    const entry = { ...outer.descriptor, annotations: { "org.opencontainers.image.ref.name": "v1" } };
    await writeFile(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    expect(await repository.fetch(present.manifest.descriptor.digest)).toEqual(present.manifest);
    expect(await repository.fetch(sparse.manifest.descriptor.digest)).toBeUndefined();
    expect([...((await repository.list())?.manifests?.keys() ?? [])]).toEqual([
      outer.descriptor.digest,
      inner.descriptor.digest,
      present.manifest.descriptor.digest,
    ]);
  });
});

describe("referrers", () => {
  test("are the manifests whose subject is the digest, by artifact type if asked", async () => {
    const subject = image();
    await store(repository, subject, "v1");
    const about = (artifactType: string) =>
      image({ subject: subject.manifest.descriptor, artifactType, annotations: { note: artifactType } });
    const [signature, sbom] = [about("application/signature"), about("application/sbom")];
    for (const one of [signature, sbom, image({ subject: image().manifest.descriptor })])
      await store(repository, one);
    const { digest } = subject.manifest.descriptor;
    const described = ({ manifest: { descriptor } }: typeof sbom, artifactType: string) => ({
      ...descriptor,
      artifactType,
      annotations: { note: artifactType },
    });
    expect(await repository.referrers(digest)).toEqual([
      described(signature, "application/signature"),
      described(sbom, "application/sbom"),
    ]);
    expect(await repository.referrers(digest, "application/sbom")).toEqual([
      described(sbom, "application/sbom"),
    ]);
    expect(await repository.referrers(nowhere)).toEqual([]);
  });
});

describe("deleting", () => {
  test("a tag leaves the image, the last one too", async () => {
    const one = image();
    await store(repository, one, "v1");
    await repository.put(one.manifest, v2);
    await repository.delete(v1);
    expect((await repository.list())?.tags).toEqual(["v2"]);
    await repository.delete(v2);
    expect((await repository.list())?.tags).toEqual([]);
    expect(await repository.fetch(one.manifest.descriptor.digest)).toEqual(one.manifest);
    await repository.delete(v2);
  });

  test("a digest takes the image and all its tags", async () => {
    const [one, other] = [image(), image()];
    await store(repository, one, "v1");
    await repository.put(one.manifest, v2);
    await store(repository, other, "v3");
    await repository.delete(one.manifest.descriptor.digest);
    expect(await repository.resolve(v1)).toBeUndefined();
    expect(await repository.fetch(one.manifest.descriptor.digest)).toBeUndefined();
    expect((await repository.list())?.tags).toEqual(["v3"]);
  });

  test("what an index lists is refused", async () => {
    const child = image();
    await store(repository, child);
    await repository.put(indexOf(child.manifest), v1);
    await expect(repository.delete(child.manifest.descriptor.digest)).rejects.toMatchObject({
      code: "denied",
    });
    expect(await repository.fetch(child.manifest.descriptor.digest)).toEqual(child.manifest);
  });
});

describe("bytes that come wrong", () => {
  const { descriptor, bytes } = blob(randomBytes(1000));

  test.each([
    ["too few", bytes.subarray(0, 999), "truncated"],
    ["too many", Buffer.concat([bytes, Buffer.from("x")]), "size-mismatch"],
    ["others", randomBytes(1000), "digest-mismatch"],
  ])("%s are refused, and nothing of them is left", async (_, wrong, code) => {
    await expect(repository.push(descriptor, streamOf(wrong))).rejects.toMatchObject({ code });
    expect(await repository.has(descriptor)).toBe(false);
    expect(await readdir(join(folder, "blobs", "sha256"))).toEqual([]);
    expect(await drafts()).toEqual([]);
  });

  test("and a source that fails on the way gives its own error", async () => {
    const failure = new Error("the source went away");
    const content = async () =>
      Readable.from(
        (async function* () {
          yield bytes.subarray(0, 10);
          throw failure;
        })(),
      );
    await expect(repository.push(descriptor, content)).rejects.toBe(failure);
    expect(await repository.has(descriptor)).toBe(false);
    expect(await drafts()).toEqual([]);
  });
});

describe("a file whose bytes are not those of its name", () => {
  const { descriptor, bytes } = blob(randomBytes(600_000));

  test("fails while it is read, before its end", async () => {
    await repository.push(descriptor, streamOf(bytes));
    const broken = Buffer.from(bytes);
    broken[599_999] = (broken[599_999] ?? 0) ^ 1;
    await writeFile(pathOf(descriptor.digest), broken);
    const stream = await repository.open(descriptor);
    let ended = false;
    stream.on("end", () => {
      ended = true;
    });
    await expect(bytesOf(stream)).rejects.toMatchObject({ code: "digest-mismatch" });
    expect(ended).toBe(false);
  });

  test("of another size is not there, and is not opened", async () => {
    await repository.push(descriptor, streamOf(bytes));
    await truncate(pathOf(descriptor.digest), 1000);
    expect(await repository.has(descriptor)).toBe(false);
    await expect(repository.open(descriptor)).rejects.toMatchObject({ code: "size-mismatch" });
  });

  test("is replaced when the blob comes again", async () => {
    await repository.push(descriptor, streamOf(bytes));
    await writeFile(pathOf(descriptor.digest), randomBytes(bytes.length));
    expect(await repository.push(descriptor, streamOf(bytes))).toBe("pushed");
    expect(await bytesOf(await repository.open(descriptor))).toEqual(bytes);
  });

  test("that is a manifest is an error wherever it is asked for, and putting it again mends it", async () => {
    const one = image();
    await store(repository, one, "v1");
    const { digest } = one.manifest.descriptor;
    await writeFile(pathOf(digest), randomBytes(one.manifest.bytes.length));
    const again = openLayout(folder, name);
    const questions = [
      () => again.resolve(v1),
      () => again.fetch(digest),
      () => again.list(),
      () => again.referrers(nowhere),
    ];
    for (const ask of questions) {
      await expect(ask()).rejects.toMatchObject({
        code: "digest-mismatch",
        where: `oci:${folder}@${digest}`,
      });
    }
    await again.put(one.manifest, v1);
    expect(await again.fetch(v1)).toEqual(one.manifest);
  });

  test("that is gone makes the manifest absent", async () => {
    const one = image();
    await store(repository, one, "v1");
    await rm(pathOf(one.manifest.descriptor.digest));
    const again = openLayout(folder, name);
    expect(await again.resolve(v1)).toBeUndefined();
    expect((await again.list())?.tags).toEqual([]);
    expect((await again.list())?.manifests?.size).toBe(0);
  });
});

describe("links, pipes and folders in wrong places are refused", () => {
  const one = image();
  const { digest } = one.manifest.descriptor;

  async function moveAndLink(path: string) {
    const elsewhere = join(temporary.path, "elsewhere");
    await rename(path, elsewhere);
    await symlink(elsewhere, path);
  }

  test.each([
    ["a blob", () => pathOf(digest)],
    ["the index", () => join(folder, "index.json")],
    ["the marker", () => join(folder, "oci-layout")],
    ["the folder of an algorithm", () => join(folder, "blobs", "sha256")],
    ["the folder of all blobs", () => join(folder, "blobs")],
    ["the layout", () => folder],
    ["a folder above the layout", () => join(root, "foo")],
  ])("%s is a link", async (_, path) => {
    await store(repository, one, "v1");
    await moveAndLink(path());
    const again = openLayout(folder, name, { root });
    await expect(again.resolve(v1)).rejects.toMatchObject({ code: "storage" });
    const { descriptor, bytes } = blob("new");
    if (path() !== pathOf(digest)) {
      const written = again.push(descriptor, streamOf(bytes)).then(() => again.put(one.manifest, v2));
      await expect(written).rejects.toMatchObject({ code: "storage" });
    }
  });

  test("the folder that the user named may be one", async () => {
    await store(repository, one, "v1");
    await moveAndLink(root);
    expect(await openLayout(folder, name, { root }).resolve(v1)).toEqual(one.manifest.descriptor);
  });

  test("a blob is a folder or a pipe", async () => {
    await store(repository, one, "v1");
    await rm(pathOf(digest));
    await mkdir(pathOf(digest));
    await expect(openLayout(folder, name).resolve(v1)).rejects.toMatchObject({ code: "storage" });
    await rm(pathOf(digest), { recursive: true });
    const { execFileSync } = await import("node:child_process");
    execFileSync("mkfifo", [pathOf(digest)]);
    await expect(openLayout(folder, name).resolve(v1)).rejects.toMatchObject({ code: "storage" });
  });

  test("a file stands where the folder should be", async () => {
    await mkdir(join(root, "foo"), { recursive: true });
    await writeFile(folder, "text");
    await expect(repository.resolve(v1)).rejects.toMatchObject({ code: "storage" });
    await expect(store(repository, one)).rejects.toMatchObject({ code: "storage" });
  });
});

describe("an index.json that others wrote", () => {
  const write = async (json: unknown) => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0","more":1}');
    await writeFile(join(folder, "index.json"), typeof json === "string" ? json : JSON.stringify(json));
  };

  test("keeps what is not ours", async () => {
    const foreign = { mediaType: "application/xml", digest: "sha384:abc", size: 3, urls: ["https://a.b"] };
    const named = image();
    const entry = {
      ...named.manifest.descriptor,
      platform: { os: "linux", architecture: "amd64" },
      annotations: { "org.opencontainers.image.ref.name": "gcr.io/a/b:v1", "io.example": "x" },
    };
    await write({ schemaVersion: 2, annotations: { a: "b" }, manifests: [foreign, entry], extra: true });
    await store(repository, named);
    const one = image();
    await store(repository, one, "v1");
    const written = await indexFile();
    expect(written).toMatchObject({ schemaVersion: 2, annotations: { a: "b" }, extra: true });
    expect(written.manifests.slice(0, 2)).toEqual([foreign, entry]);
    expect(written.manifests).toHaveLength(3);
    expect((await repository.list())?.tags).toEqual(["v1"]);
  });

  test("whose entries have annotations without a value is read", async () => {
    const held = image();
    await store(repository, held);
    const annotations = { "org.opencontainers.image.ref.name": "v1", "io.example": null };
    await write({ schemaVersion: 2, manifests: [{ ...held.manifest.descriptor, annotations }] });
    expect((await repository.list())?.tags).toEqual(["v1"]);
  });

  test("keeps the other annotations of a tag that moves", async () => {
    const old = image();
    const annotations = { "org.opencontainers.image.ref.name": "v1", "io.example": "x" };
    await write({ schemaVersion: 2, manifests: [{ ...old.manifest.descriptor, annotations }] });
    await store(repository, image(), "v1");
    expect((await indexFile()).manifests[0]).toEqual({
      ...old.manifest.descriptor,
      annotations: { "io.example": "x" },
    });
  });

  test.each([
    ["broken JSON", "{"],
    ["no index", []],
    ["another version", { schemaVersion: 1 }],
    ["an entry without a size", { schemaVersion: 2, manifests: [{ mediaType: "x", digest: nowhere }] }],
    ["another list for other tools", { schemaVersion: 2, manifests: [], Manifests: [] }],
    ["two lists", '{"schemaVersion":2,"manifests":[],"manifests":[]}'],
  ])("that is %s is an error", async (_, json) => {
    await write(json);
    await expect(repository.list()).rejects.toMatchObject({
      code: "storage",
      where: join(folder, "index.json"),
    });
    await expect(store(repository, image(), "v1")).rejects.toMatchObject({ code: "storage" });
  });

  test("in which one tag stands at two digests is an error that names both", async () => {
    const entry = () => ({
      ...image().manifest.descriptor,
      annotations: { "org.opencontainers.image.ref.name": "v1" },
    });
    const manifests = [entry(), entry()];
    await write({ schemaVersion: 2, manifests });
    const message = `the tag v1 stands at two digests: ${manifests[0]?.digest} and ${manifests[1]?.digest}`;
    await expect(repository.resolve(v2)).rejects.toMatchObject({ code: "storage", message });
  });

  test("without the file oci-layout, or with another version of it, is no image layout", async () => {
    await write({ schemaVersion: 2, manifests: [] });
    await writeFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
    await expect(repository.list()).rejects.toMatchObject({ code: "unsupported" });
    await rm(join(folder, "oci-layout"));
    await expect(repository.list()).rejects.toMatchObject({ code: "unsupported" });
    await expect(store(repository, image(), "v1")).rejects.toMatchObject({ code: "unsupported" });
  });

  test("may name a digest that is no path", async () => {
    const digest = "sha256:../../../../etc/passwd";
    await write({ schemaVersion: 2, manifests: [{ mediaType: mediaTypes.ociManifest, digest, size: 1 }] });
    expect((await repository.list())?.manifests?.size).toBe(0);
  });
});

describe("mounting", () => {
  const { descriptor, bytes } = blob(randomBytes(5000));
  const never = async () => {
    throw new Error("the content was opened");
  };

  test("from another folder gives the file a second name", async () => {
    const other = openLayout(join(root, "other"), parseRepository("gcr.io/k8s-staging-foo/other"), { root });
    await other.push(descriptor, streamOf(bytes));
    expect(await repository.push(descriptor, never, { mountFrom: other })).toBe("mounted");
    const inodes = await Promise.all(
      [folder, join(root, "other")].map(async (where) => (await stat(pathOf(descriptor.digest, where))).ino),
    );
    expect(inodes[0]).toBe(inodes[1]);
    expect(await drafts()).toEqual([]);
    expect(await repository.push(descriptor, never)).toBe("mounted");
    expect(await repository.push(descriptor, never, { mountFrom: other })).toBe("mounted");
  });

  test("does not spread a damaged file", async () => {
    const other = openLayout(join(root, "other"), parseRepository("gcr.io/k8s-staging-foo/other"), { root });
    await other.push(descriptor, streamOf(bytes));
    await writeFile(pathOf(descriptor.digest, join(root, "other")), randomBytes(bytes.length));
    await mkdir(join(folder, "blobs", "sha256"), { recursive: true });
    await link(pathOf(descriptor.digest, join(root, "other")), pathOf(descriptor.digest));
    expect(await repository.push(descriptor, streamOf(bytes), { mountFrom: other })).toBe("pushed");
    expect(await bytesOf(await repository.open(descriptor))).toEqual(bytes);
    await expect(bytesOf(await other.open(descriptor))).rejects.toMatchObject({ code: "digest-mismatch" });
  });

  const otherDisk = "/dev/shm";
  const isOther = existsSync(otherDisk) && statSync(otherDisk).dev !== statSync(tmpdir()).dev;
  const why = isOther ? "" : " [skipped: there is only one file system]";
  test.skipIf(!isOther)(`from another file system writes the blob${why}`, async () => {
    const there = await mkdtemp(join(otherDisk, "waybill-layout-"));
    try {
      const other = openLayout(there, parseRepository("gcr.io/k8s-staging-foo/other"));
      await other.push(descriptor, streamOf(bytes));
      expect(await repository.push(descriptor, () => other.open(descriptor), { mountFrom: other })).toBe(
        "pushed",
      );
      expect(await bytesOf(await repository.open(descriptor))).toEqual(bytes);
      expect(await drafts()).toEqual([]);
    } finally {
      await rm(there, { recursive: true, force: true });
    }
  });

  test("from a repository that is no folder, or lacks the blob, writes it", async () => {
    const remote: Repository = { ...repository, address: "gcr.io/other", host: "gcr.io" };
    const empty = openLayout(join(root, "other"), name, { root });
    expect(await repository.push(descriptor, streamOf(bytes), { mountFrom: remote })).toBe("pushed");
    const { descriptor: second, bytes: content } = blob("second");
    expect(await repository.push(second, streamOf(content), { mountFrom: empty })).toBe("pushed");
  });
});

test("repositories below are told, as a registry with listing tells them", async () => {
  const parent = openLayout(join(root, "foo"), parseRepository("gcr.io/k8s-staging-foo"), { root });
  await store(repository, image(), "v1");
  expect(await parent.list()).toEqual({ tags: [], manifests: new Map(), children: ["bar"] });
  await store(parent, image(), "v1");
  expect(await parent.list()).toMatchObject({ tags: ["v1"], children: ["bar"] });
  expect((await repository.list())?.children).toEqual([]);
});

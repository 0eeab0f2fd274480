import { createHash } from "node:crypto";
import { open, readdir, readFile, rename, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBundle, loadBundle, openBundle } from "../../src/air-gap/index.ts";
import { readGraph } from "../../src/copy/index.ts";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import {
  type Descriptor,
  describeBytes,
  hexOf,
  type ImageDocument,
  mediaTypes,
  parseRepository,
  parseTag,
} from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

/** An artifact of one layer, about another manifest or under a tag of cosign's. */
async function attach(
  repository: Repository,
  text: string,
  about: { readonly subject?: Descriptor; readonly tag?: string },
): Promise<ImageDocument> {
  const empty = describeBytes(mediaTypes.ociEmpty, Buffer.from("{}"));
  const layer = describeBytes("text/plain", Buffer.from(text));
  await repository.push(empty, async () => Buffer.from("{}"));
  await repository.push(layer, async () => Buffer.from(text));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: "application/vnd.test",
      config: empty,
      layers: [layer],
      ...(about.subject === undefined ? {} : { subject: about.subject }),
    }),
  );
  const document = { descriptor: describeBytes(mediaTypes.ociManifest, bytes), bytes };
  await repository.put(document, about.tag === undefined ? [] : [parseTag(about.tag)]);
  return document;
}

describe("bundles", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let close: () => Promise<void>;
  let app: DemoImage;
  let tool: DemoImage;
  let hosts: Readonly<Record<"registry" | "docker", string>>;
  let source: Awaited<ReturnType<typeof startFaultyRegistry>>;
  const registries = registriesWith();
  const at = (host: string, path: string) => registries.repository(parseRepository(`${host}/${path}`));
  const v1 = parseTag("v1");

  beforeAll(async () => {
    folder = await temporaryFolder("bundle");
    [app, tool] = [await buildImage("app", "v1"), await buildImage("tool", "v1")];
    const server = await startRegistryServer({ dir: join(folder.path, "registry") });
    const docker = hasProgram("docker-registry") ? await startDockerRegistry() : undefined;
    source = await startFaultyRegistry(server.address);
    hosts = { registry: server.address, docker: docker?.host ?? server.address };
    close = async () => {
      await registries.close();
      await source.close();
      await Promise.all([server.close(), docker?.stop()]);
      await folder.remove();
    };
    const [one, two] = [at(source.host, "from/app"), at(source.host, "from/tool")];
    await pushImage(app, one, [v1]);
    await pushImage(tool, two, [v1]);
    const sbom = await attach(one, "an SBOM", { subject: app.root.descriptor });
    await attach(one, "a signature of the SBOM", { subject: sbom.descriptor });
    const [platform] = app.children;
    if (platform !== undefined)
      await attach(one, "a signature of a platform", { subject: platform.descriptor });
    const hex = hexOf(app.root.descriptor.digest);
    await attach(one, "a signature of cosign's", { tag: `sha256-${hex}.sig` });
    await attach(one, "an attestation of cosign's", { tag: `sha256-${hex}.att` });
  });
  afterAll(() => close());

  const file = (name: string) => join(folder.path, name);
  const sourcesOf = () =>
    [
      { path: "from/app", image: app },
      { path: "from/tool", image: tool },
    ].map(({ path, image }) => ({
      names: [parseRepository(`registry.example.com/${path}`)],
      from: [at(source.host, path)],
      images: [{ digest: image.root.descriptor.digest, tags: [v1] }],
    }));
  const hash = async (path: string) =>
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex");

  async function load(path: string, host: string, below: string, options = {}) {
    const bundle = await openBundle(path);
    try {
      return await loadBundle({
        bundle,
        targetOf: (name) => {
          const shown = `${host}/${below}/${name.slice(name.indexOf("/") + 1)}`;
          return { repository: registries.repository(parseRepository(shown)), shown };
        },
        ...options,
      });
    } finally {
      await bundle.close();
    }
  }

  /** What a repository has of the image with all that hangs on it. */
  async function held(repository: Repository, image: DemoImage) {
    const graph = await readGraph(repository.fetch, image.root.descriptor.digest, "test", {
      predecessors: (manifest) => repository.referrers(manifest.digest),
    });
    for (const blob of graph.blobs) await (await repository.open(blob)).toArray();
    return [graph.root, ...graph.children, ...graph.hanging]
      .map(({ document }) => document.descriptor.digest)
      .sort();
  }

  test("hold images with all that hangs on them, the same bytes each time, and bring them to other registries", async () => {
    const made = await createBundle({ file: file("a.tar"), sources: sourcesOf() });
    expect(made.images.map(({ result, attached }) => [result, attached])).toEqual([
      ["bundled", 5],
      ["bundled", 0],
    ]);
    await createBundle({ file: file("b.tar"), sources: sourcesOf().reverse() });
    expect(await hash(file("b.tar"))).toBe(await hash(file("a.tar")));
    const again = await createBundle({ file: file("a.tar"), sources: sourcesOf() });
    expect(again.written).toMatchObject({ isOld: true, read: 0 });
    expect((await readdir(folder.path)).filter((name) => name.includes(".tar."))).toEqual([]);

    for (const [kind, host] of Object.entries(hosts)) {
      expect((await load(file("a.tar"), host, kind)).map(({ tag, result }) => `${tag} ${result}`)).toEqual(
        expect.arrayContaining(["v1 put", "v1 put"]),
      );
      const to = at(host, `${kind}/from/app`);
      const expected = await held(at(source.host, "from/app"), app);
      expect(expected).toHaveLength(6);
      expect(await held(to, app)).toEqual(expected);
      const hex = hexOf(app.root.descriptor.digest);
      for (const end of ["sig", "att"])
        expect(await to.resolve(parseTag(`sha256-${hex}.${end}`))).toBeDefined();
    }
  });

  test("that are loaded again write nothing", async () => {
    await createBundle({ file: file("twice.tar"), sources: sourcesOf() });
    const faulty = await startFaultyRegistry(hosts.registry);
    await load(file("twice.tar"), faulty.host, "twice");
    const before = faulty.seen.length;
    const again = await load(file("twice.tar"), faulty.host, "twice");
    expect(new Set(again.map(({ result }) => result))).toEqual(new Set(["present"]));
    expect(faulty.seen.slice(before).filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual(
      [],
    );
    await faulty.close();
  });

  test("go into folders, and are read by Skopeo", async () => {
    await createBundle({ file: file("folder.tar"), sources: sourcesOf() });
    const bundle = await openBundle(file("folder.tar"));
    const folderOf = (name: string) => ({
      repository: parseRepository(name),
      folder: file(`layouts/${name}`),
    });
    await loadBundle({
      bundle,
      targetOf: (name) => ({ repository: registries.at(folderOf(name)), shown: name }),
    });
    await bundle.close();
    const to = registries.at(folderOf("registry.example.com/from/app"));
    expect(await held(to, app)).toHaveLength(6);
  });

  test("go on where a killed run ended, and read nothing twice that is whole", async () => {
    const { written } = await createBundle({ file: file("whole.tar"), sources: sourcesOf() });
    expect(written?.read).toBeGreaterThan(0);
    await createBundle({ file: file("dead.tar"), sources: sourcesOf() });
    // As a run leaves it that died: some blobs were written, and others not.
    await rename(file("dead.tar"), file("dead.tar.part"));
    const { size } = await stat(file("dead.tar.part"));
    await truncate(file("dead.tar.part"), Math.floor(size / 2));
    const { written: rest } = await createBundle({ file: file("dead.tar"), sources: sourcesOf() });
    expect(rest?.reused).toBeGreaterThan(0);
    expect(await hash(file("dead.tar"))).toBe(await hash(file("whole.tar")));
  });

  test("take what an earlier file has, also of one that was begun for other images", async () => {
    const [first] = sourcesOf();
    if (first === undefined) throw new Error("no source");
    await createBundle({ file: file("grown.tar"), sources: [first] });
    await rename(file("grown.tar"), file("grown.tar.part"));
    const before = source.seen.length;
    const { written } = await createBundle({ file: file("grown.tar"), sources: sourcesOf() });
    expect(written?.reused).toBeGreaterThan(0);
    const [layer] = app.blobs;
    expect(
      source.seen.slice(before).some(({ url }) => url.includes(`/blobs/${layer?.descriptor.digest}`)),
    ).toBe(false);
    expect((await readdir(folder.path)).filter((name) => name.startsWith("grown.tar."))).toEqual([]);
    const more = await createBundle({ file: file("grown.tar"), sources: [first] });
    expect(more.written).toMatchObject({ isOld: false, read: 0 });
  });

  test("lack an image that cannot be read, and say so, and hold the others", async () => {
    const missing = await buildImage("missing", "v1");
    const [first, second] = sourcesOf();
    if (first === undefined || second === undefined) throw new Error("no source");
    const [blob] = tool.blobs.slice(-1);
    const broken: Repository = new Proxy(at(source.host, "from/tool"), {
      get: (target, name) =>
        name === "open"
          ? async (asked: Descriptor) => {
              if (asked.digest === blob?.descriptor.digest)
                throw new Error("the disk of the registry failed");
              return target.open(asked);
            }
          : Reflect.get(target, name),
    });
    const made = await createBundle({
      file: file("some.tar"),
      sources: [
        first,
        { ...second, from: [broken] },
        { ...second, images: [{ digest: missing.root.descriptor.digest, tags: [] }] },
      ],
    });
    expect(made.images.map(({ result }) => result)).toEqual(["bundled", "failed", "missing"]);
    const bundle = await openBundle(file("some.tar"));
    expect([...bundle.images.keys()]).toEqual(["registry.example.com/from/app"]);
    await bundle.close();
    expect((await readdir(folder.path)).filter((name) => name.startsWith("some.tar."))).toEqual([]);
  });

  test("carry files, and refuse what would take another file's place", async () => {
    const files = [{ path: "keys/release.pem", bytes: Buffer.from("a key") }];
    await createBundle({ file: file("files.tar"), sources: sourcesOf(), files });
    const bundle = await openBundle(file("files.tar"));
    const carried = await bundle.files();
    const read = await Promise.all(carried.map(async ({ path, read }) => ({ path, bytes: await read() })));
    expect(read).toEqual(files);
    await bundle.close();
    await writeFile(file("taken.tar"), "a letter");
    await expect(createBundle({ file: file("taken.tar"), sources: sourcesOf() })).rejects.toMatchObject({
      code: "bundle-taken",
    });
    expect(await readFile(file("taken.tar"), "utf8")).toBe("a letter");
  });

  test("of which a byte was changed bring nothing wrong to a registry", async () => {
    await createBundle({ file: file("changed.tar"), sources: sourcesOf() });
    const bytes = await readFile(file("changed.tar"));
    const [layer] = app.blobs.slice(-1);
    const at_ = bytes.indexOf(layer?.bytes ?? "");
    const handle = await open(file("changed.tar"), "r+");
    await handle.write(Buffer.from([(bytes[at_ + 20] ?? 0) ^ 1]), 0, 1, at_ + 20);
    await handle.close();
    const loaded = await load(file("changed.tar"), hosts.registry, "changed");
    const [broken] = loaded.filter(({ repository, tag }) => repository.endsWith("/app") && tag === "v1");
    expect(broken).toMatchObject({ result: "failed", failure: { code: "digest-mismatch" } });
    expect(await at(hosts.registry, "changed/from/app").resolve(v1)).toBeUndefined();
    expect(loaded.find(({ repository }) => repository.endsWith("/tool"))).toMatchObject({ result: "put" });
  });

  test("add signatures to those under the same tag, and lose none", async () => {
    await createBundle({ file: file("merge.tar"), sources: sourcesOf() });
    const to = at(hosts.registry, "merge/from/app");
    const tag = `sha256-${hexOf(app.root.descriptor.digest)}.sig`;
    await attach(to, "a signature of somebody else", { tag });
    const layersOf = async () => {
      const { bytes = Buffer.from("{}") } = (await to.fetch(parseTag(tag))) ?? {};
      return (JSON.parse(Buffer.from(bytes).toString()) as { layers: unknown[] }).layers.length;
    };
    for (const expected of ["put", "present"]) {
      const loaded = await load(file("merge.tar"), hosts.registry, "merge");
      expect(loaded.find((image) => image.tag === tag)).toMatchObject({ result: expected });
      expect(await layersOf()).toBe(2);
    }
  });

  test("do not move tags, and refuse two images for one tag before anything is written", async () => {
    await createBundle({ file: file("move.tar"), sources: sourcesOf() });
    await pushImage(tool, at(hosts.registry, "stay/from/app"), [v1]);
    const loaded = await load(file("move.tar"), hosts.registry, "stay");
    expect(loaded.find(({ repository, tag }) => repository.endsWith("/app") && tag === "v1")).toMatchObject({
      result: "refused",
    });
    const bundle = await openBundle(file("move.tar"));
    const one = at(hosts.registry, "conflict/one");
    await expect(
      loadBundle({ bundle, targetOf: () => ({ repository: one, shown: "one" }) }),
    ).rejects.toMatchObject({ code: "bundle-conflict" });
    expect(await one.list()).toBeUndefined();
    await bundle.close();
  });

  testWith("skopeo")("are image layouts to others", async () => {
    const { spawnSync } = await import("node:child_process");
    await createBundle({ file: file("others.tar"), sources: sourcesOf() });
    const name = `oci-archive:${file("others.tar")}:registry.example.com/from/tool:v1`;
    const shown = spawnSync("skopeo", ["inspect", "--raw", name], { encoding: "utf8" });
    expect(shown.stderr).toBe("");
    expect(shown.stdout).toBe(Buffer.from(tool.root.bytes).toString());
  });
});

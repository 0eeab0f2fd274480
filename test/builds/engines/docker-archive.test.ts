import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import { packTar, type TarEntry } from "modern-tar";
import { afterAll, describe, expect, it } from "vitest";
import { archiveIntoLayout, unpackArchive } from "../../../src/builds/engines/docker-archive.ts";
import { readLayoutRoot, startLayout } from "../../../src/builds/engines/image-layout.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-archive-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

const hex = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const file = (name: string, body: Uint8Array | string): TarEntry => {
  const bytes = Buffer.from(body);
  return { header: { name, size: bytes.length, type: "file" }, body: bytes };
};
const link = (name: string, linkname: string, type: "symlink" | "link" = "symlink"): TarEntry => ({
  header: { name, size: 0, type, linkname },
});

const layers = ["one", "two"].map((text) => Buffer.from(`a layer: ${text}`.repeat(300)));
const [one = Buffer.of(), two = Buffer.of()] = layers;
const configOf = (diffs: readonly Uint8Array[]) =>
  Buffer.from(
    JSON.stringify({
      architecture: "arm",
      os: "linux",
      variant: "v7",
      rootfs: { type: "layers", diff_ids: diffs.map((layer) => `sha256:${hex(layer)}`) },
    }),
  );
const config = configOf([one, two, one]);

/** What Docker wrote before 25: a folder for each layer, and links to those that are there already. */
const old = [
  file("1/layer.tar", one),
  file("1/VERSION", "1.0"),
  file("2/layer.tar", two),
  link("3/layer.tar", "../1/layer.tar"),
  file(`${hex(config)}.json`, config),
  file(
    "manifest.json",
    JSON.stringify([
      {
        Config: `${hex(config)}.json`,
        RepoTags: null,
        Layers: ["1/layer.tar", "2/layer.tar", "3/layer.tar"],
      },
    ]),
  ),
];
const blob = (bytes: Uint8Array) => `blobs/sha256/${hex(bytes)}`;
const listOf = (configBytes: Uint8Array, names: readonly string[]) =>
  file("manifest.json", JSON.stringify([{ Config: blob(configBytes), RepoTags: [], Layers: names }]));
/** What it writes since. */
const current = [
  { header: { name: "blobs/", size: 0, type: "directory" } } as TarEntry,
  ...[one, two, config].map((bytes) => file(blob(bytes), bytes)),
  file("index.json", "{}"),
  listOf(config, [blob(one), blob(two), blob(one)]),
  file("oci-layout", "{}"),
];

async function convert(entries: readonly TarEntry[]) {
  const at = join(folder, String(count++));
  const tar = await packTar(entries);
  const chunks = Array.from({ length: Math.ceil(tar.length / 700) }, (_, index) =>
    tar.slice(index * 700, (index + 1) * 700),
  );
  const archive = await unpackArchive(Readable.from(chunks), `${at}-unpacked`);
  const layout = await startLayout(`${at}-layout`);
  const { platform, ...root } = await archiveIntoLayout(archive, layout, new AbortController().signal);
  await layout.finish(root);
  return { root, platform, folder: layout.folder, unpacked: `${at}-unpacked` };
}

describe("an archive of docker save", () => {
  it.each([
    ["before Docker 25", old],
    ["since Docker 25", current],
  ])("becomes a layout: %s", async (_, entries) => {
    const made = await convert(entries);
    expect(await readLayoutRoot(made.folder)).toEqual(made.root);
    expect(made.platform).toEqual({ os: "linux", architecture: "arm", variant: "v7" });
    const read = (digest: string) => readFileSync(join(made.folder, "blobs/sha256", digest.slice(7)));
    const manifest = JSON.parse(read(made.root.digest).toString());
    expect(read(manifest.config.digest)).toEqual(config);
    const content = manifest.layers.map(({ digest }: { digest: string }) => gunzipSync(read(digest)));
    expect(content).toEqual([one, two, one]);
    for (const name of readdirSync(join(made.folder, "blobs/sha256"))) {
      expect(hex(readFileSync(join(made.folder, "blobs/sha256", name)))).toBe(name);
    }
    expect(readdirSync(made.folder).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  it("gives both the same digest, and says no machine in its layers", async () => {
    const [first, second] = [await convert(old), await convert(current)];
    expect(first.root).toEqual(second.root);
    const manifest = JSON.parse(
      readFileSync(join(first.folder, "blobs/sha256", first.root.digest.slice(7)), "utf8"),
    );
    const [layer] = manifest.layers;
    const header = readFileSync(join(first.folder, "blobs/sha256", layer.digest.slice(7))).subarray(0, 10);
    expect(header.toString("hex")).toBe("1f8b08000000000000ff");
  });

  it("leaves layers alone that are compressed", async () => {
    const packed = gzipSync(one);
    const own = configOf([one]);
    const made = await convert([
      file(blob(packed), packed),
      file(blob(own), own),
      listOf(own, [blob(packed)]),
    ]);
    const manifest = JSON.parse(
      readFileSync(join(made.folder, "blobs/sha256", made.root.digest.slice(7)), "utf8"),
    );
    expect(manifest.layers).toEqual([
      {
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        digest: `sha256:${hex(packed)}`,
        size: packed.length,
      },
    ]);
  });

  it("takes an image without layers", async () => {
    const own = configOf([]);
    const made = await convert([file(blob(own), own), listOf(own, [])]);
    expect(made.root.size).toBeGreaterThan(0);
  });

  const otherConfig = configOf([two]);
  it.each<[what: string, entries: TarEntry[], said: RegExp]>([
    ["nothing", [file("x", "y")], /no manifest\.json/],
    ["no JSON", [file("manifest.json", "{")], /list of images cannot be read/],
    ["no image", [file("manifest.json", "[]")], /0 images/],
    ["two images", [file("manifest.json", '[{"Config":"a"},{"Config":"b"}]')], /2 images/],
    [
      "another config than it says",
      [file(blob(config), otherConfig), listOf(config, [])],
      /config is another/,
    ],
    [
      "a config that is none",
      [file("c", "[]"), file("manifest.json", '[{"Config":"c"}]')],
      /config of its image/,
    ],
    [
      "another layer",
      [file("l", one), file(blob(otherConfig), otherConfig), listOf(otherConfig, ["l"])],
      /layer is another/,
    ],
    [
      "more layers",
      [file("l", two), file(blob(otherConfig), otherConfig), listOf(otherConfig, ["l", "l"])],
      /other layers/,
    ],
    [
      "a compressed layer of another name",
      [file("l", gzipSync(two)), file(blob(otherConfig), otherConfig), listOf(otherConfig, ["l"])],
      /than its name/,
    ],
    [
      "links in a circle",
      [link("a", "b"), link("b", "a"), file("manifest.json", '[{"Config":"a"}]')],
      /no a$/,
    ],
    [
      "a link to this machine",
      [link("c", "/etc/hostname"), file("manifest.json", '[{"Config":"c"}]')],
      /no c$/,
    ],
    [
      "a huge config",
      [file("c", Buffer.alloc(9 * 1024 * 1024)), file("manifest.json", '[{"Config":"c"}]')],
      /8 MiB/,
    ],
  ])("is refused when it has %s", async (_, entries, said) => {
    await expect(convert(entries)).rejects.toMatchObject({
      code: "engine-failed",
      message: expect.stringMatching(said),
    });
  });

  it("writes nowhere else, whatever it says", async () => {
    const evil = file("../../evil", "x");
    const made = await convert([...current, evil, file("/evil-root", "x")]);
    expect(existsSync(join(folder, "..", "evil"))).toBe(false);
    expect(existsSync("/evil-root")).toBe(false);
    expect(readdirSync(made.unpacked).every((name) => /^\d+$/.test(name))).toBe(true);
  });

  it("is refused when it is cut off", async () => {
    const tar = await packTar(current);
    const cut = Readable.from([tar.slice(0, 900)]);
    await expect(unpackArchive(cut, join(folder, String(count++)))).rejects.toThrow();
  });
});

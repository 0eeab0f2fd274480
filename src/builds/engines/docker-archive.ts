import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { Readable } from "node:stream";
import { createTarDecoder } from "modern-tar";
import * as z from "zod/mini";
import { writeAll } from "../../disk/index.ts";
import { type Descriptor, type Digest, digestSchema, mediaTypes, type Platform } from "../../oci/index.ts";
import { BuildError } from "../errors.ts";
import { readJson } from "./command-line.ts";
import type { LayoutWriter } from "./image-layout.ts";

interface Unpacked {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
}

/** What an archive holds, by the names that it gives. */
export interface DockerArchive {
  readonly files: ReadonlyMap<string, Unpacked>;
  readonly links: ReadonlyMap<string, string>;
}

/** Entries of an archive; an image has a few for each layer. */
const maxEntries = 10_000;
/** Bytes of what is read as a whole: the list of images, and a config. */
const documentBytes = 8 * 1024 * 1024;

const manifestSchema = z
  .array(
    z.object({
      Config: z.string().check(z.maxLength(4096)),
      Layers: z.nullish(z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(2000))),
    }),
  )
  .check(z.maxLength(1000));
const configSchema = z.object({
  architecture: z.string().check(z.minLength(1), z.maxLength(100)),
  os: z.string().check(z.minLength(1), z.maxLength(100)),
  variant: z.optional(z.string().check(z.maxLength(100))),
  rootfs: z.object({
    diff_ids: z.nullish(z.array(digestSchema).check(z.maxLength(2000))),
  }),
});

/**
 * Takes what `docker save` writes apart, in the layouts from before and after Docker 25. Names in it are only looked up:
 * no file is written where it says.
 * @param folder Made here; for the files, as they are in the archive.
 */
export async function unpackArchive(stream: Readable, folder: string): Promise<DockerArchive> {
  await mkdir(folder);
  const files = new Map<string, Unpacked>();
  const links = new Map<string, string>();
  let count = 0;
  const entries = (Readable.toWeb(stream) as ReadableStream<Uint8Array>).pipeThrough(
    createTarDecoder({ strict: true }),
  );
  for await (const { header, body } of entries) {
    if (++count > maxEntries) throw strange("it has more than 10,000 files");
    const name = posix.normalize(header.name);
    if (header.type === "file" || header.type === undefined) {
      files.set(name, await unpackFile(body, join(folder, String(count))));
      continue;
    }
    const target = header.linkname ?? "";
    if (header.type === "symlink") links.set(name, posix.join(posix.dirname(name), target));
    if (header.type === "link") links.set(name, posix.normalize(target));
    await body.cancel();
  }
  return { files, links };
}

async function unpackFile(body: AsyncIterable<Uint8Array>, path: string): Promise<Unpacked> {
  const hash = createHash("sha256");
  let size = 0;
  const handle = await open(path, "wx");
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      size += chunk.length;
      await writeAll(handle, chunk);
    }
  } finally {
    await handle.close();
  }
  return { path, size, digest: `sha256:${hash.digest("hex")}` as Digest };
}

/**
 * Writes the one image of an archive into a layout: its config byte for byte, and its layers, compressed if they are not.
 * Every layer is held against what the config says of it.
 * @returns The image, with its platform. @throws {BuildError} `engine-failed` when the archive is not as it should be.
 */
export async function archiveIntoLayout(
  archive: DockerArchive,
  layout: LayoutWriter,
  signal: AbortSignal,
): Promise<Descriptor & { readonly platform: Platform }> {
  const list = parse(manifestSchema, await readWhole(find(archive, "manifest.json")), "its list of images");
  const [image, ...others] = list;
  if (image === undefined || others.length > 0) throw strange(`it has ${list.length} images`);
  const configFile = find(archive, image.Config);
  const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(image.Config)?.[1];
  if (named !== undefined && configFile.digest !== `sha256:${named}`)
    throw strange("its config is another than it says");
  const configBytes = await readWhole(configFile);
  const { rootfs, ...about } = parse(configSchema, configBytes, "the config of its image");
  const diffs = rootfs.diff_ids ?? [];
  const names = image.Layers ?? [];
  if (diffs.length !== names.length) throw strange("its image has other layers than its config says");

  const config = await layout.put(mediaTypes.ociConfig, configBytes);
  const layers: Descriptor[] = [];
  const done = new Map<string, { readonly diff: string | undefined; readonly layer: Descriptor }>();
  for (const [index, name] of names.entries()) {
    const file = find(archive, name);
    const diff = diffs[index];
    const known = done.get(file.digest);
    if (known !== undefined && known.diff !== diff) throw strange("a layer is another than the config says");
    const layer = known?.layer ?? (await layerIntoLayout(file, name, diff, layout, signal));
    done.set(file.digest, { diff, layer });
    layers.push(layer);
  }
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const platform = { os: about.os, architecture: about.architecture };
  const descriptor = await layout.putDocument(manifest);
  return { ...descriptor, platform: about.variant ? { ...platform, variant: about.variant } : platform };
}

async function layerIntoLayout(
  file: Unpacked,
  name: string,
  diff: string | undefined,
  layout: LayoutWriter,
  signal: AbortSignal,
): Promise<Descriptor> {
  const compression = await compressionOf(file);
  if (compression === undefined) {
    if (file.digest !== diff) throw strange("a layer is another than the config says");
    const layer = await layout.putStream(mediaTypes.ociLayer, createReadStream(file.path), true, signal);
    // Both would be on the disk otherwise, of every layer.
    await rm(file.path);
    return layer;
  }
  // Only stores that keep layers as registries have them do that, and they name them by their hashes.
  if (posix.basename(name) !== file.digest.slice("sha256:".length))
    throw strange("a layer is another than its name says");
  const mediaType = `application/vnd.oci.image.layer.v1.tar+${compression}`;
  return await layout.putStream(mediaType, createReadStream(file.path), false, signal);
}

/** By the magic numbers of RFC 1952 and RFC 8878. */
async function compressionOf({ path }: Unpacked): Promise<"gzip" | "zstd" | undefined> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    const magic = buffer.subarray(0, bytesRead).toString("hex");
    if (magic.startsWith("1f8b")) return "gzip";
    return magic === "28b52ffd" ? "zstd" : undefined;
  } finally {
    await handle.close();
  }
}

/** The file of a name, over links; each is followed within the archive alone. */
function find({ files, links }: DockerArchive, name: string): Unpacked {
  let at = posix.normalize(name);
  for (let hops = 0; hops < 8; hops++) {
    const file = files.get(at);
    if (file !== undefined) return file;
    const target = links.get(at);
    if (target === undefined) break;
    at = target;
  }
  throw strange(`it has no ${name.slice(0, 200)}`);
}

async function readWhole(file: Unpacked): Promise<Buffer> {
  if (file.size > documentBytes) throw strange("a description in it is larger than 8 MiB");
  return await readFile(file.path);
}

function parse<T>(schema: z.ZodMiniType<T>, bytes: Buffer, what: string): T {
  return readJson(schema, bytes, `${strangeness}${what} cannot be read`);
}

const strangeness = "the archive that docker saved is strange: ";

function strange(what: string): BuildError {
  return new BuildError("engine-failed", `${strangeness}${what}`);
}

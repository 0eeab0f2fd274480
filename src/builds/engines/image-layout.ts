import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import * as z from "zod/mini";
import { errorCodeOf, makeFolder, readRegular } from "../../disk/index.ts";
import {
  type Descriptor,
  type Digest,
  digestMatches,
  digestOf,
  digestSchema,
  hexOf,
  isManifestType,
  limits,
  mediaTypes,
} from "../../oci/index.ts";
import { BuildError } from "../errors.ts";
import { readJson } from "./command-line.ts";

/** An OCI image layout (image-layout.md) that is being written into a folder. Everything in it is hashed as it is written. */
export interface LayoutWriter {
  readonly folder: string;
  put(mediaType: string, bytes: Uint8Array): Promise<Descriptor>;
  putStream(
    mediaType: string,
    content: Readable,
    compress: boolean,
    signal: AbortSignal,
  ): Promise<Descriptor>;
  putDocument(
    document: { readonly mediaType: string } & Readonly<Record<string, unknown>>,
  ): Promise<Descriptor>;
  /** Makes the layout one that has this as its only root. */
  finish(root: Descriptor): Promise<void>;
}

/** Starts a layout in a folder, which is made if it is not there. */
export async function startLayout(folder: string): Promise<LayoutWriter> {
  const blobs = join(folder, "blobs", "sha256");
  await makeFolder(blobs);
  let drafts = 0;
  const put = async (mediaType: string, bytes: Uint8Array): Promise<Descriptor> => {
    const digest = digestOf(bytes);
    await writeFile(join(blobs, hexOf(digest)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  return {
    folder,
    put,
    async putStream(mediaType, content, compress, signal) {
      const draft = join(folder, `draft-${drafts++}`);
      const measure = measuring();
      try {
        const stages = [...(compress ? [createGzip(), withoutSystem()] : []), measure.stage];
        await pipeline([content, ...stages, createWriteStream(draft, { flags: "wx" })], { signal });
        await rename(draft, join(blobs, hexOf(measure.digest())));
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      return { mediaType, digest: measure.digest(), size: measure.size() };
    },
    putDocument: (document) => put(document.mediaType, Buffer.from(JSON.stringify(document))),
    async finish(root) {
      const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [root] };
      await writeFile(join(folder, "index.json"), JSON.stringify(index));
      await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    },
  };
}

function measuring() {
  const hash = createHash("sha256");
  let size = 0;
  let digest: Digest | undefined;
  const stage = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  return {
    stage,
    size: () => size,
    digest: () => {
      digest ??= `sha256:${hash.digest("hex")}` as Digest;
      return digest;
    },
  };
}

/**
 * The header of gzip (RFC 1952, 2.3) names the operating system that compressed; zlib writes no time into it. "Unknown"
 * instead makes the same layer the same blob, wherever it is compressed by the same version.
 */
function withoutSystem(): Transform {
  let at = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const offset = 9 - at;
      at += chunk.length;
      if (offset < 0 || offset >= chunk.length) return done(null, chunk);
      const copy = Buffer.from(chunk);
      copy[offset] = 0xff;
      done(null, copy);
    },
  });
}

const indexSchema = z.object({
  manifests: z
    .array(
      z.object({
        mediaType: z.string().check(z.maxLength(255)),
        digest: digestSchema,
        size: z.int().check(z.minimum(0)),
      }),
    )
    .check(z.length(1)),
});

/**
 * The one root of an OCI image layout that a program has written.
 * @throws {BuildError} `engine-failed` when there is none, or it is not what the layout says.
 */
export async function readLayoutRoot(folder: string): Promise<Descriptor> {
  const index = await readBounded(join(folder, "index.json"));
  const [root] = readJson(indexSchema, index, "the layout has no index with one root").manifests;
  if (root === undefined || !root.digest.startsWith("sha256:"))
    throw new BuildError("engine-failed", "the layout has no root");
  const bytes = await readBounded(join(folder, "blobs", "sha256", hexOf(root.digest)));
  if (bytes.length === root.size && digestMatches(bytes, root.digest)) return root;
  throw new BuildError("engine-failed", `the layout holds something else as ${root.digest}`);
}

/** A manifest of a folder that a program has written. @throws {BuildError} `engine-failed` when it is missing or too large. */
export async function readBounded(path: string): Promise<Buffer> {
  try {
    return await readRegular(path, limits.manifestBytes);
  } catch (cause) {
    const isLarge = errorCodeOf(cause) === "EFBIG";
    const message = isLarge
      ? "a manifest in the layout is larger than 4 MiB"
      : "the layout lacks a file that it should have";
    throw new BuildError("engine-failed", message, { cause });
  }
}

const manifestSchema = z.object({
  // In OCI's it may be left out.
  mediaType: z._default(z.string().check(z.refine(isManifestType)), mediaTypes.ociManifest),
  config: z.object({ digest: digestSchema }),
  layers: z.array(z.object({ digest: digestSchema })).check(z.maxLength(10_000)),
});

/**
 * Makes an image layout of a folder in the `dir` format of containers/image (containers-transports(5)), which holds one image
 * with `manifest.json` and blobs by their hashes. The image stays what it is, byte by byte: Docker's config has fields that
 * OCI's has not, and a layout may hold either (image-layout.md allows any media type). Blobs are moved, not copied.
 * @param directory What the folder loses its blobs from; on the file system of `folder`.
 * @throws {BuildError} `engine-failed` when there is no image in it.
 */
export async function directoryIntoLayout(directory: string, folder: string): Promise<Descriptor> {
  const bytes = await readBounded(join(directory, "manifest.json"));
  const fault = "the engine wrote an image that is none";
  const { mediaType, config, layers } = readJson(manifestSchema, bytes, fault);
  const layout = await startLayout(folder);
  const blobs = join(folder, "blobs", "sha256");
  const digests = new Set<Digest>([config, ...layers].map((blob) => blob.digest));
  for (const blob of digests) {
    if (!blob.startsWith("sha256:"))
      throw new BuildError("engine-failed", `the image holds ${blob}, which is not SHA-256`);
    await rename(join(directory, hexOf(blob)), join(blobs, hexOf(blob))).catch((cause: unknown) => {
      throw new BuildError("engine-failed", `the image lacks ${blob}`, { cause });
    });
  }
  const root = await layout.put(mediaType, bytes);
  await layout.finish(root);
  return root;
}

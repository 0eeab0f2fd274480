import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { makeFolder } from "../../disk/index.ts";
import { type Descriptor, type Digest, digestOf, hexOf, mediaTypes } from "../../oci/index.ts";

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

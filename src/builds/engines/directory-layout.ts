import { rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import {
  type Descriptor,
  type Digest,
  hexOf,
  isDigest,
  isManifestType,
  mediaTypes,
} from "../../oci/index.ts";
import { BuildError } from "../errors.ts";
import { readJson } from "./command-line.ts";
import { readBounded } from "./layout-root.ts";
import { startLayout } from "./layout-writer.ts";

const digest = z.string().max(200).refine(isDigest);

const manifestSchema = z.object({
  // In OCI's it may be left out.
  mediaType: z.string().refine(isManifestType).default(mediaTypes.ociManifest),
  config: z.object({ digest }),
  layers: z.array(z.object({ digest })).max(10_000),
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

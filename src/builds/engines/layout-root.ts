import { join } from "node:path";
import { z } from "zod";
import { errorCodeOf, readRegular } from "../../disk/index.ts";
import { type Descriptor, digestMatches, hexOf, isDigest, limits } from "../../oci/index.ts";
import { BuildError } from "../errors.ts";
import { readJson } from "./command-line.ts";

const indexSchema = z.object({
  manifests: z
    .array(
      z.object({
        mediaType: z.string().max(255),
        digest: z.string().refine(isDigest),
        size: z.number().int().min(0),
      }),
    )
    .length(1),
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

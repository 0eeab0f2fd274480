import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseDigest } from "../../oci/index.ts";
import type { ExportedImage } from "../engine.ts";
import { BuildError } from "../errors.ts";

const indexSchema = z.object({
  manifests: z
    .array(z.object({ mediaType: z.string(), digest: z.string(), size: z.number().int().nonnegative() }))
    .length(1),
});

/**
 * The image that a program wrote into a folder as an OCI image layout.
 * @throws {BuildError} `engine-failed` when it is none with one root.
 */
export async function readExported(folder: string): Promise<ExportedImage> {
  const parsed = indexSchema.safeParse(JSON.parse(await readFile(join(folder, "index.json"), "utf8")));
  const root = parsed.data?.manifests[0];
  if (root === undefined) {
    throw new BuildError("engine-failed", "what the engine wrote is no image layout with one image", {
      where: folder,
    });
  }
  return { folder, root: { ...root, digest: parseDigest(root.digest) } };
}

import { join } from "node:path";
import { z } from "zod";
import { harmless } from "../errors/index.ts";
import { isDigest } from "../oci/index.ts";
import { BuildError } from "./errors.ts";
import type { BuiltImages } from "./model.ts";
import { readBuildText } from "./read-text.ts";

/** Where the images of a run are recorded, in the folder of the run. */
const imagesFile = "artifacts/images.json";

const text = z.string().max(4096);
const digest = z.string().refine(isDigest, { error: "is no digest" });

const imagesSchema = z.object({
  format: z.literal("waybill-images/1"),
  run: z.object({ job: text, id: text }),
  source: z.object({
    repository: text.exactOptional(),
    commit: text.exactOptional(),
    describe: text.exactOptional(),
    isDirty: z.boolean(),
    path: text,
  }),
  tag: text,
  images: z
    .array(
      z.object({
        build: text,
        name: text,
        repository: text,
        digest,
        mediaType: text,
        size: z.number().int().nonnegative(),
        tags: z.array(text).max(1000),
        seenBy: z.array(z.enum(["waybill", "registry", "step"])),
        provenance: digest.exactOptional(),
      }),
    )
    .max(10_000),
});

/**
 * What a run built, by the record in its folder.
 * @throws {BuildError} `images-missing` when there is no such record, `images-unreadable` when it is not what a run writes.
 */
export async function readBuiltImages(runFolder: string): Promise<BuiltImages> {
  const file = join(runFolder, imagesFile);
  const content = await readBuildText(file);
  if (content === undefined) {
    throw new BuildError("images-missing", "the run recorded no images", {
      where: file,
      hint: "it may still be under way, or it was no build",
    });
  }
  const parsed = imagesSchema.safeParse(parseJson(content));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") || "document";
  throw new BuildError("images-unreadable", `not what a run records: ${harmless(place)}: ${issue?.message}`, {
    where: file,
  });
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

import { z } from "zod";
import { harmless } from "../errors/index.ts";
import { isDigest, jsonIn } from "../oci/index.ts";
import type { StoredRun } from "../store/index.ts";
import { BuildError } from "./errors.ts";
import type { BuiltImages } from "./model.ts";

/** The artifact that the images of a run are recorded in. */
const imagesArtifact = "images.json";

/** Bytes of the longest that is read: 10,000 images of 1,000 tags take less. */
const maxRecordBytes = 64 * 1024 * 1024;

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
 * What a run built, by its record.
 * @throws {BuildError} `images-missing` when there is no such record, `images-unreadable` when it is not what a run writes.
 */
export async function readBuiltImages(run: StoredRun): Promise<BuiltImages> {
  const where = `${run.record.where}/artifacts/${imagesArtifact}`;
  const bytes = await run.artifact(imagesArtifact);
  if (bytes === undefined) {
    throw new BuildError("images-missing", "the run recorded no images", {
      where,
      hint: "it may still be under way, or it was no build",
    });
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    length += piece.length;
    if (length > maxRecordBytes) {
      throw new BuildError("images-unreadable", `the record has more than ${maxRecordBytes} bytes`, {
        where,
      });
    }
    pieces.push(piece);
  }
  const parsed = imagesSchema.safeParse(jsonIn(Buffer.concat(pieces).toString()));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") || "document";
  throw new BuildError("images-unreadable", `not what a run records: ${harmless(place)}: ${issue?.message}`, {
    where,
  });
}

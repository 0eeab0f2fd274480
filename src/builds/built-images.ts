import * as z from "zod/mini";
import { harmless } from "../errors/index.ts";
import { digestSchema, english, jsonIn } from "../oci/index.ts";
import type { StoredRun } from "../store/index.ts";
import { BuildError } from "./errors.ts";
import type { BuiltImages } from "./model.ts";

/** The artifact that the images of a run are recorded in. */
const imagesArtifact = "images.json";

/** Bytes of the longest that is read: 10,000 images of 1,000 tags take less. */
const maxRecordBytes = 64 * 1024 * 1024;

const text = z.string().check(z.maxLength(4096));

const imagesSchema = z.object({
  format: z.literal("waybill-images/1"),
  run: z.object({ job: text, id: text }),
  source: z.object({
    repository: z.exactOptional(text),
    commit: z.exactOptional(text),
    describe: z.exactOptional(text),
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
        digest: digestSchema,
        mediaType: text,
        size: z.int().check(z.nonnegative()),
        tags: z.array(text).check(z.maxLength(1000)),
        seenBy: z.array(z.enum(["waybill", "registry", "step"])),
        provenance: z.exactOptional(digestSchema),
      }),
    )
    .check(z.maxLength(10_000)),
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
  const parsed = imagesSchema.safeParse(jsonIn(Buffer.concat(pieces).toString()), english);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") || "document";
  throw new BuildError("images-unreadable", `not what a run records: ${harmless(place)}: ${issue?.message}`, {
    where,
  });
}

import { z } from "zod";
import { parseDigest } from "../oci/index.ts";
import type { BuiltImages } from "./model.ts";

const text = z.string().max(4096);
const digest = text.transform((given, context) => {
  try {
    return parseDigest(given);
  } catch {
    context.addIssue({ code: "custom", message: "no digest" });
    return z.NEVER;
  }
});
const schema = z.object({
  format: z.literal("waybill-images/1"),
  run: z.object({ job: text, id: text }),
  source: z.object({
    repository: text.optional(),
    commit: text.optional(),
    describe: text.optional(),
    isDirty: z.boolean(),
    path: text,
  }),
  tag: text,
  images: z.array(
    z.object({
      build: text,
      name: text,
      repository: text,
      digest,
      mediaType: text,
      tags: z.array(text),
      seenBy: z.array(z.enum(["waybill", "registry", "step"])),
      provenance: digest.optional(),
    }),
  ),
});

/** What a run built, from the text of its `images.json`; `undefined` when it says something else. */
export function parseBuiltImages(json: string): BuiltImages | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const { data } = schema.safeParse(value);
  if (data === undefined) return undefined;
  const { source, images, ...rest } = data;
  const { repository, commit, describe, ...tree } = source;
  return {
    ...rest,
    source: {
      ...tree,
      ...(repository === undefined ? {} : { repository }),
      ...(commit === undefined ? {} : { commit }),
      ...(describe === undefined ? {} : { describe }),
    },
    images: images.map(({ provenance, ...image }) => ({
      ...image,
      ...(provenance === undefined ? {} : { provenance }),
    })),
  };
}

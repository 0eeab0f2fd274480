import pLimit from "p-limit";
import { messageOf } from "../errors/index.ts";
import type { ListedEdge } from "../manifest/index.ts";
import { type Digest, isDigest, parseRepository } from "../oci/index.ts";
import { findProvenance, type Provenance } from "../provenance/index.ts";
import type { StagingAccess } from "./candidates.ts";

/** What built an image. Its texts are from outside. */
export interface ImageOrigin extends Pick<Provenance, "builder" | "source" | "commit" | "isDirty" | "run"> {
  readonly image: string;
  readonly digest: Digest;
  /** Who says so: the record of a run, or provenance that hangs on the image in staging: read, not verified. */
  readonly from: "run" | "provenance";
}

/** Images whose origin is read at the same time. */
const imagesAtOnce = 8;

/** What provenance in staging says of added images. Whatever cannot be read is a note: it changes nothing. */
export async function attachedOrigins(
  staging: string,
  added: readonly ListedEdge[],
  access: Pick<StagingAccess, "open">,
): Promise<{ readonly origins: readonly ImageOrigin[]; readonly notes: readonly string[] }> {
  const images = new Map(added.map(({ image, digest }) => [`${image}@${digest}`, { image, digest }]));
  const notes: string[] = [];
  const found = await pLimit(imagesAtOnce).map([...images.values()], async ({ image, digest }) => {
    if (!isDigest(digest)) return undefined;
    try {
      const repository = access.open(parseRepository(`${staging}/${image}`));
      const provenance = await findProvenance(repository, digest);
      if (provenance === undefined || provenance.about === "other") return undefined;
      const { builder, source, commit, isDirty, run } = provenance.provenance;
      return { image, digest, from: "provenance" as const, builder, source, commit, isDirty, run };
    } catch (error) {
      notes.push(`what built ${image}@${digest} could not be read: ${messageOf(error)}`);
      return undefined;
    }
  });
  return { origins: found.filter((origin) => origin !== undefined), notes };
}

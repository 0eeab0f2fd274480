import pLimit from "p-limit";
import { messageOf } from "../errors/index.ts";
import type { ListedEdge } from "../manifest/index.ts";
import { type Digest, isDigest, parseRepository, type RepositoryName } from "../oci/index.ts";
import { findProvenance, type Provenance } from "../provenance/index.ts";
import { type ImageTrust, signerInWords, type VouchedProvenance, vouchedProvenance } from "../trust/index.ts";
import type { StagingAccess } from "./candidates.ts";

/** What built an image. Its texts are from outside. */
export interface ImageOrigin extends Pick<Provenance, "builder" | "source" | "commit" | "isDirty" | "run"> {
  readonly image: string;
  readonly digest: Digest;
  /** Who says so: the record of a run, or provenance that hangs on the image in staging. */
  readonly from: "run" | "provenance";
  /** Who signed the provenance, in words, where the signature was verified. Otherwise it was read, and no more. */
  readonly verifiedBy?: string | undefined;
}

/** Images whose origin is read at the same time. */
const imagesAtOnce = 8;

/** What provenance in staging says of added images. Whatever cannot be read is a note: it changes nothing. */
export async function attachedOrigins(
  staging: string,
  added: readonly ListedEdge[],
  access: Pick<StagingAccess, "open" | "trust">,
): Promise<{ readonly origins: readonly ImageOrigin[]; readonly notes: readonly string[] }> {
  const images = new Map(added.map(({ image, digest }) => [`${image}@${digest}`, { image, digest }]));
  const notes: string[] = [];
  const found = await pLimit(imagesAtOnce).map([...images.values()], async ({ image, digest }) => {
    if (!isDigest(digest)) return undefined;
    try {
      const name = parseRepository(`${staging}/${image}`);
      const vouched = await vouchedOrigin(name, digest, access.trust);
      const found = vouched === undefined ? await findProvenance(access.open(name), digest) : undefined;
      const provenance = vouched?.provenance ?? (found?.about === "other" ? undefined : found?.provenance);
      if (provenance === undefined) return undefined;
      const { builder, source, commit, isDirty, run } = provenance;
      const verifiedBy = vouched && signerInWords(vouched.by);
      const told = { builder, source, commit, isDirty, run, ...(verifiedBy && { verifiedBy }) };
      return { image, digest, from: "provenance" as const, ...told };
    } catch (error) {
      notes.push(`what built ${image}@${digest} could not be read: ${messageOf(error)}`);
      return undefined;
    }
  });
  return { origins: found.filter((origin) => origin !== undefined), notes };
}

/** What somebody has signed whom the settings believe; it is asked for only where they believe anybody. */
async function vouchedOrigin(
  name: RepositoryName,
  digest: Digest,
  trust: ImageTrust | undefined,
): Promise<VouchedProvenance | undefined> {
  if (!trust?.believesAnybody) return undefined;
  const [vouched] = vouchedProvenance(await trust.attachments(name, digest));
  return vouched;
}

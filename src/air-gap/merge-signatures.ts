import { failureRecord, phrase } from "../errors/index.ts";
import { cosignTagKindOf, type Digest, type Tag } from "../oci/index.ts";
import { type Repository, readSmallBlob } from "../registry/index.ts";
import type { TransferOutcome, WantedImage } from "../transfer/index.ts";
import { type CosignTags, layersOf, maxLayerBytes } from "../trust/index.ts";
import { AirGapError } from "./errors.ts";

/** A tag under which cosign keeps signatures or attestations: several writers share it. */
export function isSharedTag(tag: Tag | undefined): tag is Tag {
  const kind = tag === undefined ? undefined : cosignTagKindOf(tag);
  return kind !== undefined && kind !== "sbom";
}

/** What a destination has under such a tag, when that is neither nothing nor what is wanted. Never throws: whoever writes says why. */
export async function standingElsewhere(
  to: Repository,
  tag: Tag,
  digest: Digest,
): Promise<Digest | undefined> {
  const found = await to.resolve(tag).catch(() => undefined);
  return found === undefined || found.digest === digest ? undefined : found.digest;
}

/** Adds what a bundle has under such a tag to what stands there. */
export async function mergeSignatures(
  tags: CosignTags,
  { from, to, dryRun }: { readonly from: Repository; readonly to: Repository; readonly dryRun: boolean },
  { tag, digest }: WantedImage & { readonly tag: Tag },
  before: Digest,
): Promise<TransferOutcome> {
  const told = { tag, digest, before };
  if (dryRun) return { ...told, result: "put" };
  try {
    const document = await from.fetch(digest);
    if (document === undefined)
      throw new AirGapError("bundle-damaged", phrase`what ${tag} stands for is not in it`, {
        where: from.name,
      });
    const layers = layersOf(document, tag).map((descriptor) => ({
      descriptor,
      content: () => readSmallBlob(from, descriptor, maxLayerBytes),
    }));
    await tags.merge({ repository: to, tag, layers });
    const after = (await to.resolve(tag))?.digest;
    return { ...told, result: after === before ? "present" : "put" };
  } catch (error) {
    return { ...told, result: "failed", failure: failureRecord(error) };
  }
}

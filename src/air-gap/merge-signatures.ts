import { failureRecord } from "../errors/index.ts";
import type { Digest, Tag } from "../oci/index.ts";
import { type Repository, readSmallBlob } from "../registry/index.ts";
import type { TransferOutcome, WantedImage } from "../transfer/index.ts";
import { type CosignTags, layersOf } from "../trust/index.ts";

/** Bytes of a signature, or of an attestation, under a tag of cosign's. */
const maxLayerBytes = 64 * 1024 * 1024;

/** A tag under which cosign keeps signatures or attestations: several writers share it. */
export function isSharedTag(tag: Tag | undefined): tag is Tag {
  return tag !== undefined && /^sha(?:256|512)-[0-9a-f]{64,128}\.(?:sig|att)$/.test(tag);
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
    if (document === undefined) return { ...told, result: "failed" };
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

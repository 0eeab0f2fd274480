import pLimit from "p-limit";
import type { FetchDocument } from "../copy/index.ts";
import { type FailureRecord, failureRecord, phrase } from "../errors/index.ts";
import {
  cosignTag,
  cosignTagKinds,
  type Descriptor,
  type Digest,
  formatReference,
  type ImageDocument,
  isIndexType,
  limits as ociLimits,
  type RepositoryName,
  readImageContent,
  type Tag,
} from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { mostTellingFirst } from "./formats.ts";
import { tooMuch } from "./look-faults.ts";
import { attachmentLimits } from "./look-limits.ts";

/**
 * What hangs on an image as lists and tags say it, from the outside: what is in the image's index, or in the image, goes
 * wherever that goes. Nobody has read what these manifests say themselves.
 */
export interface Hanging {
  /** Each once; those about the image before those about what hangs on it. */
  readonly manifests: readonly { readonly manifest: Descriptor; readonly subject: Digest }[];
  /** What stands under cosign's tags. */
  readonly tags: readonly { readonly tag: Tag; readonly subject: Digest; readonly document: ImageDocument }[];
  /** What could not be read, or was too much. */
  readonly unread: readonly FailureRecord[];
}

/** Requests under way for one image. */
const atOnce = 8;

/**
 * Reads what hangs on an image: on its index, on the images of that, and on what hangs there in turn, within the same limits
 * as {@link attachmentLimits}. One request for each of these manifests and for each index; for each tag of cosign's where `tags` does not
 * answer it. Never throws.
 * @param fetch Reads manifests of the repository.
 * @param tags All tags of the repository, where they are known.
 * @returns `undefined` when the image is not there.
 */
export async function readHanging(
  repository: Repository,
  fetch: FetchDocument,
  digest: Digest,
  tags?: ReadonlySet<string>,
): Promise<Hanging | undefined> {
  const unread: FailureRecord[] = [];
  const queue = pLimit(atOnce);
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await queue(work);
    } catch (error) {
      unread.push(failureRecord(error));
      return undefined;
    }
  };
  const manifests: { manifest: Descriptor; subject: Digest }[] = [];
  const tagged: { tag: Tag; subject: Digest; document: ImageDocument }[] = [];

  const referring = async (subject: Digest, depth: number): Promise<readonly Digest[]> => {
    const listed = (await attempt(() => repository.referrers(subject))) ?? [];
    const fresh = mostTellingFirst(listed).filter(({ digest }) => {
      const isNew = !seen.has(digest);
      seen.add(digest);
      return isNew;
    });
    const isTooDeep = depth > attachmentLimits.depth;
    const room = Math.min(attachmentLimits.each, attachmentLimits.manifests - manifests.length);
    const taken = isTooDeep ? [] : fresh.slice(0, Math.max(0, room));
    if (taken.length < fresh.length) {
      const message = phrase`of ${fresh.length} manifests that are attached to it, ${fresh.length - taken.length} are not looked at`;
      unread.push(tooMuch(repository, subject, message));
    }
    for (const manifest of taken) manifests.push({ manifest, subject });
    return taken.map((manifest) => manifest.digest);
  };

  /** What is under cosign's tags can be attached to in turn, where it is not made of signatures: then it changes. */
  const underTags = async (subject: Digest, isOwn: boolean): Promise<readonly Digest[]> => {
    const names = cosignTagKinds.map((kind) => ({ kind, tag: cosignTag(subject, kind) }));
    const asked = names.filter(({ tag }) => tags?.has(tag) ?? isOwn);
    const found = await Promise.all(
      asked.map(async ({ kind, tag }) => {
        const document = await attempt(() => repository.fetch(tag));
        if (document === undefined) return [];
        tagged.push({ tag, subject, document });
        return kind === "sbom" ? [document.descriptor.digest] : [];
      }),
    );
    return found.flat();
  };

  const own = await attempt(() => ownManifests(fetch, digest, repository.name));
  if (own === undefined) return unread.length === 0 ? undefined : { manifests, tags: tagged, unread };
  const seen = new Set<Digest>(own);
  let level: readonly Digest[] = own;
  for (let depth = 1; level.length > 0 && depth <= attachmentLimits.depth + 1; depth += 1) {
    const found = await Promise.all(
      level.map(async (subject) => [
        ...(await referring(subject, depth)),
        ...(await underTags(subject, depth === 1)),
      ]),
    );
    level = found.flat();
  }
  return { manifests, tags: tagged, unread };
}

/** The manifests that an image is of, itself first. Only indexes are read. */
async function ownManifests(
  fetch: FetchDocument,
  root: Digest,
  where: RepositoryName,
): Promise<readonly Digest[] | undefined> {
  const own = new Set<Digest>([root]);
  let level: readonly Digest[] = [root];
  for (let depth = 0; level.length > 0 && depth <= ociLimits.indexDepth; depth += 1) {
    const below: Digest[] = [];
    for (const digest of level) {
      const document = await fetch(digest);
      if (document === undefined) {
        if (digest === root) return undefined;
        continue;
      }
      const { children } = readImageContent(document, formatReference(where, digest));
      for (const child of children) {
        if (own.has(child.digest)) continue;
        own.add(child.digest);
        if (isIndexType(child.mediaType)) below.push(child.digest);
      }
    }
    level = below;
  }
  return [...own];
}

import pLimit from "p-limit";
import { type FailureRecord, failureRecord, phrase } from "../errors/index.ts";
import {
  type CosignTagKind,
  cosignTag,
  cosignTagKinds,
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type ImageContent,
  type ImageDocument,
  isAttestation,
  isDigest,
  isIndexType,
  limits as ociLimits,
  readImageContent,
  referrerEntry,
  type Target,
} from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { openVerifier, type SignatureVerifier } from "../sigstore/index.ts";
import { type ContentBudget, readContents, signedInLayers } from "./contents.ts";
import { layerIdentity } from "./cosign-tags.ts";
import { formatOf, isSignature, mostTellingFirst } from "./formats.ts";
import { notThere, tooMuch } from "./look-faults.ts";
import { type AttachmentLimits, attachmentLimits } from "./look-limits.ts";
import type { Attachment, AttachmentTree } from "./model.ts";
import { openReadingRoom, type ReadingRoom } from "./reading-room.ts";

/** How it is looked at what hangs on an image. */
export interface AttachmentsOptions {
  /** Without one, what is signed is read, and is `unverifiable`. */
  readonly verifier?: SignatureVerifier | undefined;
  /** In place of {@link attachmentLimits}. */
  readonly limits?: Partial<AttachmentLimits> | undefined;
  /** All tags of the repository, when they are known: tags that are not among them are not asked for. */
  readonly tags?: ReadonlySet<string> | undefined;
  /** The room in memory for what is read, where other images are looked at as well. */
  readonly room?: ReadingRoom | undefined;
}

/** What was read, and how many bytes of memory that takes, about. */
export interface MeasuredTree {
  readonly tree: AttachmentTree;
  readonly bytes: number;
}

/**
 * What hangs on an image in a repository: on itself, on the images of an index, and on what hangs there; by lists of referrers,
 * by cosign's tags, in the index itself, and as a layer of the image. Each manifest is told once. What names another subject
 * than that in whose list it is, is nobody's. Takes one request for the image, one for each list of referrers, one for each of
 * cosign's tags where `tags` does not answer it, and two for each attachment. Never throws: what could not be read, or was too
 * much, is in `unread`.
 */
export async function readAttachments(
  repository: Repository,
  digest: Digest,
  options: AttachmentsOptions = {},
): Promise<AttachmentTree> {
  return (await measureAttachments(repository, digest, options)).tree;
}

/** Requests under way for one image. */
const atOnce = 8;

/** The same as {@link readAttachments}, and how large it is. */
export async function measureAttachments(
  repository: Repository,
  digest: Digest,
  { verifier = openVerifier({}), limits: given, tags, room = openReadingRoom() }: AttachmentsOptions,
): Promise<MeasuredTree> {
  const limits = { ...attachmentLimits, ...given };
  const budget: ContentBudget = {
    ...{ one: limits.contentBytes, layers: limits.layers, left: limits.allBytes },
    ...{ verified: limits.verifiedMemory, others: limits.otherMemory, room },
  };
  let manifestsLeft = limits.manifests;
  let platformsLeft = limits.platforms;
  /** What is told already, or is the image itself. */
  const told = new Set<Digest>([digest]);
  const queue = pLimit(atOnce);
  const { name, host } = repository;
  const fetch = (target: Target) => queue(() => repository.fetch(target));
  const source = { name, host, open: (blob: Descriptor) => queue(() => repository.open(blob)) };
  const contentOf = (document: ImageDocument, target: Target) =>
    readImageContent(document, formatReference(name, target));

  /** As many as may be looked at, of what hangs on one manifest. */
  const admitted = <Entry>(entries: readonly Entry[], of: Digest, unread: FailureRecord[]) => {
    const count = Math.min(entries.length, limits.each, manifestsLeft);
    manifestsLeft -= count;
    const passedOver = entries.length - count;
    if (passedOver > 0) {
      const message = phrase`of ${entries.length} manifests that are attached to it, ${passedOver} are not looked at`;
      unread.push(tooMuch(repository, of, message));
    }
    return entries.slice(0, count);
  };

  const attached = async (
    document: ImageDocument,
    content: ImageContent,
    place: Pick<Attachment, "subject" | "way" | "tag" | "format">,
    depth: number,
    unread: FailureRecord[],
  ): Promise<Attachment> => {
    const manifest = referrerEntry(document.descriptor, content);
    const [{ readings, failure }, attachments] = await Promise.all([
      readContents(source, manifest, content, place, verifier, budget),
      isChanging(place) ? [] : hangingOn(manifest.digest, depth + 1, unread, !isSignature(place.format)),
    ]);
    const layers = content.blobs.slice(1).map(layerIdentity);
    return { ...place, manifest, layers, readings, attachments, failure };
  };

  /** By the list of its referrers. */
  const referring = async (subject: Digest, depth: number, unread: FailureRecord[]) => {
    const listed = await attempt(unread, () => queue(() => repository.referrers(subject)));
    const entries = [...new Map((listed ?? []).map((entry) => [entry.digest, entry])).values()];
    const fresh = mostTellingFirst(entries.filter((entry) => !told.has(entry.digest)));
    if (fresh.length > 0 && depth > limits.depth) {
      const message = phrase`what is attached to it is not looked at: it is itself attached over ${limits.depth} levels`;
      unread.push(tooMuch(repository, subject, message));
      return [];
    }
    const first = admitted(fresh, subject, unread);
    for (const entry of first) told.add(entry.digest);
    const read = async (entry: Descriptor) => {
      const document = await fetch(entry.digest);
      if (document === undefined) {
        const message = phrase`it is listed as a referrer of ${subject}, and is not there`;
        unread.push(notThere(repository, entry.digest, message));
        return undefined;
      }
      const content = contentOf(document, entry.digest);
      // What a list says of a manifest counts only if the manifest says so, too.
      if (content.subject?.digest !== subject) return undefined;
      const place = { subject, way: "referrer", format: formatOf(content) } as const;
      return attached(document, content, place, depth, unread);
    };
    return present(await Promise.all(first.map((entry) => attempt(unread, () => read(entry)))));
  };

  /** Under one of cosign's tags. */
  const tagged = async (subject: Digest, kind: CosignTagKind, depth: number, unread: FailureRecord[]) => {
    const tag = cosignTag(subject, kind);
    if (tags !== undefined && !tags.has(tag)) return undefined;
    return attempt(unread, async () => {
      const document = await fetch(tag);
      if (document === undefined || told.has(document.descriptor.digest)) return undefined;
      told.add(document.descriptor.digest);
      const content = contentOf(document, tag);
      const place = { subject, way: "tag", tag, format: formatOf(content, undefined, kind) } as const;
      return attached(document, content, place, depth, unread);
    });
  };

  /** All that hangs on one manifest from outside. */
  const hangingOn = async (
    subject: Digest,
    depth: number,
    unread: FailureRecord[],
    withTags = true,
  ): Promise<readonly Attachment[]> => {
    const kinds = withTags && depth <= limits.depth ? cosignTagKinds : [];
    const [referrers, byTag] = await Promise.all([
      referring(subject, depth, unread),
      Promise.all(kinds.map((kind) => tagged(subject, kind, depth, unread))),
    ]);
    return [...referrers, ...present(byTag)];
  };

  /** What is in an index and says something about an image in it, as BuildKit puts it there. */
  const listedIn = (entry: Descriptor, subject: Digest, unread: FailureRecord[]) =>
    attempt(unread, async () => {
      const document = await fetchListed(entry, unread);
      if (document === undefined) return undefined;
      const content = contentOf(document, entry.digest);
      const place = { subject, way: "index", format: formatOf(content, entry) } as const;
      return attached(document, content, place, 1, unread);
    });

  /** A manifest that an index of the image lists. @throws {RegistryError} */
  const fetchListed = async (entry: Descriptor, unread: FailureRecord[]) => {
    const document = await fetch(entry.digest);
    const message = phrase`the index of the image lists it, and it is not there`;
    if (document === undefined) unread.push(notThere(repository, entry.digest, message));
    return document;
  };

  /**
   * What hangs on an image.
   * @param document Its manifest, where that says more of what hangs there than its descriptor does.
   * @param inside What the index around it says of it.
   */
  const lookAt = async (
    root: Descriptor,
    document: ImageDocument | undefined,
    inside: readonly Descriptor[],
    level: number,
    unread: FailureRecord[],
  ): Promise<AttachmentTree> => {
    const content = document && (await attempt(unread, async () => contentOf(document, root.digest)));
    const children = content?.kind === "index" ? content.children : [];
    const statements = admitted(children.filter(isAttestation), root.digest, unread);
    for (const entry of statements) told.add(entry.digest);
    const images = children.filter((child) => !isAttestation(child)).slice(0, platformsLeft);
    platformsLeft -= images.length;
    const passedOver = children.filter((child) => !isAttestation(child)).length - images.length;
    if (passedOver > 0) {
      const message = phrase`of the images in its index, ${passedOver} are not looked at`;
      unread.push(tooMuch(repository, root.digest, message));
    }
    const about = (image: Descriptor) => statements.filter((entry) => aboutOf(entry) === image.digest);
    const ofNoImage = statements.filter((entry) => !images.some((image) => image.digest === aboutOf(entry)));
    const [hanging, listed, platforms] = await Promise.all([
      hangingOn(root.digest, 1, unread),
      Promise.all([...inside, ...ofNoImage].map((entry) => listedIn(entry, root.digest, unread))),
      Promise.all(
        images.map(async (image) => ({
          platform: image.platform === undefined ? "unknown" : formatPlatform(image.platform),
          tree: await lookInto(image, about(image), level + 1),
        })),
      ),
    ]);
    const attachments = [...hanging, ...present(listed), ...(content ? signedInLayers(root, content) : [])];
    const { annotations } = content ?? {};
    return { root, attachments, ...(annotations && { annotations }), platforms, unread };
  };

  const seen = new Map<Digest, Promise<AttachmentTree>>();
  /** Into an image of an index. One that is in it twice is looked at once. */
  const lookInto = (image: Descriptor, inside: readonly Descriptor[], level: number) => {
    const look = async (): Promise<AttachmentTree> => {
      const unread: FailureRecord[] = [];
      if (!isIndexType(image.mediaType)) return lookAt(image, undefined, inside, level, unread);
      if (level > ociLimits.indexDepth) {
        const message = phrase`it is an index within ${level} others, and is not looked into`;
        unread.push(tooMuch(repository, image.digest, message));
        return lookAt(image, undefined, inside, level, unread);
      }
      const document = await attempt(unread, () => fetchListed(image, unread));
      return lookAt(image, document, inside, level, unread);
    };
    const found = seen.get(image.digest) ?? look();
    seen.set(image.digest, found);
    return found;
  };

  const unread: FailureRecord[] = [];
  const document = await attempt(unread, () => fetch(digest));
  if (document === undefined) {
    if (unread.length === 0) unread.push(notThere(repository, digest, phrase`the image is not there`));
    return { tree: { root: { digest }, attachments: [], platforms: [], unread }, bytes: 0 };
  }
  const tree = await lookAt(document.descriptor, document, [], 0, unread);
  return { tree, bytes: limits.verifiedMemory - budget.verified + limits.otherMemory - budget.others };
}

/** Work whose failure is told, and keeps nothing else from being read. */
async function attempt<Result>(
  unread: FailureRecord[],
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    unread.push(failureRecord(error));
    return undefined;
  }
}

function present<Thing>(things: readonly (Thing | undefined)[]): readonly Thing[] {
  return things.filter((thing) => thing !== undefined);
}

/** What an entry of an index is about, as BuildKit says it. */
function aboutOf({ annotations }: Descriptor): Digest | undefined {
  const about = annotations?.["vnd.docker.reference.digest"];
  return about !== undefined && isDigest(about) ? about : undefined;
}

/** Manifests under cosign's tags for signatures and attestations change with each one that is added: nothing refers to them. */
function isChanging({ way, format }: Pick<Attachment, "way" | "format">): boolean {
  return way === "tag" && isSignature(format);
}

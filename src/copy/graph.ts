import pLimit from "p-limit";
import { phrase, phraseOf } from "../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  type ImageContent,
  type ImageDocument,
  isImageType,
  limits,
  OciError,
  readImageContent,
} from "../oci/index.ts";
import { RegistryError } from "../registry/index.ts";
import type { Seat } from "./budget.ts";

/** A manifest or index with what it refers to. */
export interface GraphNode {
  readonly document: ImageDocument;
  readonly content: ImageContent;
}

/** An image as it will be written: everything that must be there before its root can be put, and what is put after it. */
export interface ImageGraph {
  readonly root: GraphNode;
  /** Every manifest and index that must be there before the root, each once, children before the indexes that list them. */
  readonly children: readonly GraphNode[];
  /** What hangs on the image, with what that lists: each after its own children and what it is about. */
  readonly hanging: readonly GraphNode[];
  /** Configs and layers of all manifests, each once; of one size wherever the image refers to it. */
  readonly blobs: readonly Descriptor[];
}

/** Fetches a manifest of a repository by its digest, `undefined` when it is not there. */
export type FetchDocument = (digest: Digest) => Promise<ImageDocument | undefined>;

/**
 * What a manifest leads to: the manifests and blobs that must be at a destination before it is put there. Leaving some out
 * copies a part of an image, where the registry takes that.
 * @param where Names the manifest in errors.
 */
export type Successors = (document: ImageDocument, where?: string) => ImageContent;

/** What hangs on a manifest, such as its referrers: manifests of the same repository that lead to it. */
export type Predecessors = (manifest: Descriptor) => Promise<readonly Descriptor[]>;

/** How far an image goes, and what it takes to read it. */
export interface GraphOptions {
  /** Where the image sits for as long as its graph is in memory; before many bytes are read, there is to be room. */
  readonly seat?: Seat;
  /** What the specification says without it: {@link readImageContent}. */
  readonly successors?: Successors;
  /** Asked of every manifest of the image, and of what hangs on it in turn. Nothing without it. */
  readonly predecessors?: Predecessors;
}

/** Manifests of one image that are read at the same time. */
const documentsAtOnce = 16;

/**
 * Reads all manifests of an image: an index with everything it lists, to any depth within the limits of `oci/`.
 * No blob is read. What a document says of a child (media type, size) must be true of that child, and all documents
 * must say the same of it; what is too large by what they say is not asked for.
 * @throws {RegistryError} `manifest-missing` when the repository lacks one of them.
 * @throws {OciError} for documents that break the specification, lie about a child, or go beyond the limits.
 */
export async function readGraph(
  fetch: FetchDocument,
  root: Digest,
  where: string,
  { seat, successors = readImageContent, predecessors }: GraphOptions = {},
): Promise<ImageGraph> {
  const hanging = new Set<Digest>();
  const nodes = new Map<Digest, GraphNode>();
  const claims = new Map<Digest, Descriptor>();
  const blobs = new Map<Digest, Descriptor>();
  let descriptors = 0;
  let bytes = 0;

  const tooLarge = (message: string): OciError => new OciError("too-large", message, { where });
  const tooDeep = () => tooLarge(`indexes are nested more than ${limits.indexDepth} deep`);

  const count = (more: number): void => {
    descriptors += more;
    if (descriptors > limits.closureDescriptors)
      throw tooLarge(`the image refers to more than ${limits.closureDescriptors} objects`);
  };
  const countBytes = (more: number): void => {
    bytes += more;
    if (bytes > limits.closureBytes)
      throw tooLarge(`the manifests of the image have more than ${limits.closureBytes} bytes together`);
  };
  const makeRoom = async (wanted: number): Promise<void> => {
    if (wanted > limits.wideClosureBytes) await seat?.widen();
  };
  const claim = (manifest: Descriptor): void => {
    const claimed = claims.get(manifest.digest);
    if (claimed !== undefined) checkClaim(claimed, manifest, where);
    else {
      claims.set(manifest.digest, manifest);
      countBytes(manifest.size);
    }
  };
  const documentsIn = ({ content }: GraphNode): readonly Descriptor[] =>
    content.children.filter((child) => isDocument(child) && child.digest !== root);

  const missing = (digest: Digest): RegistryError => {
    const [what, hint] = hanging.has(digest)
      ? ["what hangs on the image", "attach it again"]
      : claims.has(digest)
        ? ["an image that its index lists", "push the index again with all its platforms"]
        : ["the image"];
    const message = phrase`${phraseOf(what)} is not there: ${digest}`;
    return new RegistryError("manifest-missing", message, { where, hint });
  };

  const readOne = async (digest: Digest): Promise<GraphNode> => {
    const claimed = claims.get(digest);
    const document = await fetch(digest);
    if (document === undefined) throw missing(digest);
    await makeRoom(document.descriptor.size);
    if (claimed === undefined) countBytes(document.descriptor.size);
    else checkClaim(claimed, document.descriptor, where);
    return { document, content: successors(document, `${where}@${digest}`) };
  };

  /** Takes in what a document says, and gives the manifests that it lists. */
  const take = (node: GraphNode): readonly Digest[] => {
    const { blobs: referred, children } = node.content;
    count(referred.length + children.length);
    const documents = documentsIn(node);
    for (const child of documents) claim(child);
    for (const blob of [...referred, ...children.filter((child) => !isDocument(child))]) {
      const known = blobs.get(blob.digest);
      if (known !== undefined && known.size !== blob.size) throw twoSizes(known, blob.size, where);
      blobs.set(blob.digest, blob);
    }
    return documents.map(({ digest }) => digest);
  };

  /** Reads level by level: what all indexes of a level say is known before anything they list is asked for. */
  const readBelow = async (roots: readonly Digest[]): Promise<void> => {
    let level = roots;
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > limits.indexDepth) throw tooDeep();
      await makeRoom(bytes);
      const read = await forAll(level, readOne);
      for (const node of read) nodes.set(node.document.descriptor.digest, node);
      level = [...new Set(read.flatMap(take))].filter((digest) => !nodes.has(digest));
    }
  };

  await readBelow([root]);
  const asked = new Set<Digest>();
  while (predecessors !== undefined) {
    const fresh = [...nodes.values()].filter(({ document }) => !asked.has(document.descriptor.digest));
    if (fresh.length === 0) break;
    for (const { document } of fresh) asked.add(document.descriptor.digest);
    const found = (await forAll(fresh, ({ document }) => predecessors(document.descriptor))).flat();
    count(found.length);
    for (const manifest of found) claim(manifest);
    const more = new Set(found.map(({ digest }) => digest).filter((digest) => !nodes.has(digest)));
    for (const digest of more) hanging.add(digest);
    await readBelow([...more]);
  }

  /** All that were visited, each after what it lists, with how deep that goes. */
  const placed = new Map<Digest, { readonly node: GraphNode; readonly height: number }>();
  const visit = (digest: Digest, depth: number): number => {
    const known = placed.get(digest);
    if (depth + (known?.height ?? 0) > limits.indexDepth) throw tooDeep();
    if (known !== undefined) return known.height;
    const node = nodes.get(digest);
    if (node === undefined) throw new TypeError(`${digest} was not read`);
    const below = documentsIn(node).map((child) => visit(child.digest, depth + 1) + 1);
    const height = Math.max(0, ...below);
    placed.set(digest, { node, height });
    return height;
  };
  visit(root, 0);
  const children = [...placed.values()].map(({ node }) => node);
  for (const digest of hanging) visit(digest, 0);
  const after = [...placed.values()].slice(children.length).map(({ node }) => node);
  const [top] = children.splice(-1);
  if (top === undefined) throw new TypeError(`${root} was not read`);
  return { root: top, children, hanging: after, blobs: [...blobs.values()] };
}

/** Build caches are indexes that list layers; those are blobs to every registry. */
function isDocument({ mediaType }: Descriptor): boolean {
  return isImageType(mediaType);
}

async function forAll<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const limit = pLimit(documentsAtOnce);
  try {
    return await limit.map(items, work);
  } finally {
    limit.clearQueue();
  }
}

function checkClaim(claimed: Descriptor, found: Descriptor, where: string): void {
  const { digest, mediaType, size } = claimed;
  if (mediaType !== found.mediaType) {
    const message = phrase`the index says ${digest} is ${mediaType}, but it is ${found.mediaType}`;
    throw new OciError("media-type-mismatch", message, { where });
  }
  if (size !== found.size) {
    const message = phrase`the index says ${digest} has ${size} bytes, but it has ${found.size}`;
    throw new OciError("size-mismatch", message, { where });
  }
}

function twoSizes({ digest, size }: Descriptor, other: number, where: string): OciError {
  const message = phrase`the image says that ${digest} has ${size} bytes, and elsewhere that it has ${other}`;
  return new OciError("size-mismatch", message, { where });
}

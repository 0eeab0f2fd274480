import {
  type Descriptor,
  type Digest,
  type ImageContent,
  type ImageDocument,
  isIndexType,
  isManifestType,
  limits,
  OciError,
  readImageContent,
} from "../oci/index.ts";
import { RegistryError } from "../registry/index.ts";

/** A manifest or index with what it refers to. */
export interface GraphNode {
  readonly document: ImageDocument;
  readonly content: ImageContent;
}

/** An image as it will be written: everything that must be there before its root can be put. */
export interface ImageGraph {
  readonly root: GraphNode;
  /** Every manifest and index but the root, each once, children before the indexes that list them. */
  readonly children: readonly GraphNode[];
  /** Configs and layers of all manifests, each once. */
  readonly blobs: readonly Descriptor[];
}

/** Fetches a manifest of a repository by its digest, `undefined` when it is not there. */
export type FetchDocument = (digest: Digest) => Promise<ImageDocument | undefined>;

/**
 * Reads all manifests of an image: an index with everything it lists, to any depth within the limits of `oci/`.
 * No blob is read. What a document says of a child (media type, size) must be true of that child.
 * @throws {RegistryError} `manifest-missing` when the repository lacks one of them.
 * @throws {OciError} for documents that break the specification, lie about a child, or go beyond the limits.
 */
export async function readGraph(fetch: FetchDocument, root: Digest, where: string): Promise<ImageGraph> {
  const children = new Map<Digest, GraphNode>();
  const blobs = new Map<Digest, Descriptor>();
  let descriptors = 0;

  const count = (added: number): void => {
    descriptors += added;
    if (descriptors <= limits.closureDescriptors) return;
    throw new OciError("too-large", `the image refers to more than ${limits.closureDescriptors} objects`, {
      where,
    });
  };

  const visit = async (digest: Digest, depth: number, claimed?: Descriptor): Promise<GraphNode> => {
    if (depth > limits.indexDepth) {
      throw new OciError("too-large", `indexes are nested more than ${limits.indexDepth} deep`, { where });
    }
    const document = await fetch(digest);
    if (document === undefined) throw missing(digest, claimed, where);
    if (claimed !== undefined) checkClaim(claimed, document.descriptor, where);
    const content = readImageContent(document, `${where}@${digest}`);
    count(content.blobs.length + content.children.length);
    for (const blob of content.blobs) blobs.set(blob.digest, blob);
    const documents: Descriptor[] = [];
    for (const child of content.children) {
      // Build caches are indexes that list layers; those are blobs to every registry.
      if (isManifestType(child.mediaType) || isIndexType(child.mediaType)) documents.push(child);
      else blobs.set(child.digest, child);
    }
    const unseen = documents.filter((child) => !children.has(child.digest) && child.digest !== root);
    const nodes = await Promise.all(unseen.map((child) => visit(child.digest, depth + 1, child)));
    for (const node of nodes) children.set(node.document.descriptor.digest, node);
    return { document, content };
  };

  const node = await visit(root, 0);
  return { root: node, children: [...children.values()], blobs: [...blobs.values()] };
}

function missing(digest: Digest, claimed: Descriptor | undefined, where: string): RegistryError {
  const what = claimed === undefined ? "the image" : "an image that its index lists";
  return new RegistryError("manifest-missing", `${what} is not there: ${digest}`, {
    where,
    hint: claimed === undefined ? undefined : "push the index again with all its platforms",
  });
}

function checkClaim(claimed: Descriptor, found: Descriptor, where: string): void {
  if (claimed.mediaType !== found.mediaType) {
    throw new OciError(
      "media-type-mismatch",
      `the index says ${claimed.digest} is ${claimed.mediaType}, but it is ${found.mediaType}`,
      { where },
    );
  }
  if (claimed.size !== found.size) {
    throw new OciError(
      "size-mismatch",
      `the index says ${claimed.digest} has ${claimed.size} bytes, but it has ${found.size}`,
      { where },
    );
  }
}

import pLimit from "p-limit";
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
import type { Seat } from "./wide-images.ts";

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
  /** Configs and layers of all manifests, each once; of one size wherever the image refers to it. */
  readonly blobs: readonly Descriptor[];
}

/** Fetches a manifest of a repository by its digest, `undefined` when it is not there. */
export type FetchDocument = (digest: Digest) => Promise<ImageDocument | undefined>;

/** Manifests of one image that are read at the same time. */
const documentsAtOnce = 16;

/**
 * Reads all manifests of an image: an index with everything it lists, to any depth within the limits of `oci/`.
 * No blob is read. What a document says of a child (media type, size) must be true of that child, and all documents
 * must say the same of it; what is too large by what they say is not asked for.
 * @param seat Where the image sits for as long as its graph is in memory; before many bytes are read, there is to be room.
 * @throws {RegistryError} `manifest-missing` when the repository lacks one of them.
 * @throws {OciError} for documents that break the specification, lie about a child, or go beyond the limits.
 */
export async function readGraph(
  fetch: FetchDocument,
  root: Digest,
  where: string,
  seat?: Seat,
): Promise<ImageGraph> {
  const reader = new GraphReader(fetch, root, where, seat);
  await reader.read();
  return reader.graph();
}

class GraphReader {
  readonly #fetch: FetchDocument;
  readonly #root: Digest;
  readonly #where: string;
  readonly #seat: Seat | undefined;
  readonly #nodes = new Map<Digest, GraphNode>();
  /** What documents say of manifests. */
  readonly #claims = new Map<Digest, Descriptor>();
  readonly #blobs = new Map<Digest, Descriptor>();
  #descriptors = 0;
  #bytes = 0;

  constructor(fetch: FetchDocument, root: Digest, where: string, seat: Seat | undefined) {
    this.#fetch = fetch;
    this.#root = root;
    this.#where = where;
    this.#seat = seat;
  }

  /** Reads level by level: what all indexes of a level say is known before anything they list is asked for. */
  async read(): Promise<void> {
    let level: readonly Digest[] = [this.#root];
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > limits.indexDepth) throw this.#tooDeep();
      await this.#makeRoom(this.#bytes);
      const nodes = await this.#readAll(level);
      for (const node of nodes) this.#nodes.set(node.document.descriptor.digest, node);
      const listed = nodes.flatMap((node) => this.#take(node));
      level = [...new Set(listed)].filter((digest) => !this.#nodes.has(digest));
    }
  }

  graph(): ImageGraph {
    const children = new Map<Digest, { readonly node: GraphNode; readonly height: number }>();
    const heightOf = (digest: Digest, depth: number): number => {
      const known = children.get(digest);
      if (depth + (known?.height ?? 0) > limits.indexDepth) throw this.#tooDeep();
      if (known !== undefined) return known.height;
      const node = this.#node(digest);
      const below = this.#documentsIn(node).map((child) => heightOf(child.digest, depth + 1) + 1);
      const height = Math.max(0, ...below);
      if (digest !== this.#root) children.set(digest, { node, height });
      return height;
    };
    heightOf(this.#root, 0);
    return {
      root: this.#node(this.#root),
      children: [...children.values()].map(({ node }) => node),
      blobs: [...this.#blobs.values()],
    };
  }

  async #readAll(digests: readonly Digest[]): Promise<readonly GraphNode[]> {
    const limit = pLimit(documentsAtOnce);
    try {
      return await limit.map(digests, (digest) => this.#readOne(digest));
    } finally {
      limit.clearQueue();
    }
  }

  async #readOne(digest: Digest): Promise<GraphNode> {
    const claimed = this.#claims.get(digest);
    const document = await this.#fetch(digest);
    if (document === undefined) throw missing(digest, claimed, this.#where);
    await this.#makeRoom(document.descriptor.size);
    if (claimed === undefined) this.#countBytes(document.descriptor.size);
    else checkClaim(claimed, document.descriptor, this.#where);
    return { document, content: readImageContent(document, `${this.#where}@${digest}`) };
  }

  async #makeRoom(bytes: number): Promise<void> {
    if (bytes > limits.wideClosureBytes) await this.#seat?.widen();
  }

  /** Takes in what a document says, and gives the manifests that it lists. */
  #take(node: GraphNode): readonly Digest[] {
    const { blobs, children } = node.content;
    this.#descriptors += blobs.length + children.length;
    if (this.#descriptors > limits.closureDescriptors) {
      const message = `the image refers to more than ${limits.closureDescriptors} objects`;
      throw new OciError("too-large", message, { where: this.#where });
    }
    const documents = this.#documentsIn(node);
    for (const child of documents) {
      const claimed = this.#claims.get(child.digest);
      if (claimed === undefined) {
        this.#claims.set(child.digest, child);
        this.#countBytes(child.size);
      } else checkClaim(claimed, child, this.#where);
    }
    for (const blob of [...blobs, ...children.filter((child) => !isDocument(child))]) {
      const known = this.#blobs.get(blob.digest);
      if (known !== undefined && known.size !== blob.size) throw twoSizes(known, blob.size, this.#where);
      this.#blobs.set(blob.digest, blob);
    }
    return documents.map(({ digest }) => digest);
  }

  #documentsIn({ content }: GraphNode): readonly Descriptor[] {
    return content.children.filter((child) => isDocument(child) && child.digest !== this.#root);
  }

  #countBytes(added: number): void {
    this.#bytes += added;
    if (this.#bytes <= limits.closureBytes) return;
    const message = `the manifests of the image have more than ${limits.closureBytes} bytes together`;
    throw new OciError("too-large", message, { where: this.#where });
  }

  #node(digest: Digest): GraphNode {
    const node = this.#nodes.get(digest);
    if (node === undefined) throw new TypeError(`${digest} was not read`);
    return node;
  }

  #tooDeep(): OciError {
    const message = `indexes are nested more than ${limits.indexDepth} deep`;
    return new OciError("too-large", message, { where: this.#where });
  }
}

/** Build caches are indexes that list layers; those are blobs to every registry. */
function isDocument({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
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

function twoSizes({ digest, size }: Descriptor, other: number, where: string): OciError {
  const message = `the image says that ${digest} has ${size} bytes, and elsewhere that it has ${other}`;
  return new OciError("size-mismatch", message, { where });
}

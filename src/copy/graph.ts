import pLimit from "p-limit";
import { phrase, phraseOf } from "../errors/index.ts";
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
  options: GraphOptions = {},
): Promise<ImageGraph> {
  const reader = new GraphReader(fetch, root, where, options);
  await reader.read();
  return reader.graph();
}

class GraphReader {
  readonly #fetch: FetchDocument;
  readonly #root: Digest;
  readonly #where: string;
  readonly #options: GraphOptions;
  /** What hangs on the image, in the order in which it was found. */
  readonly #hanging = new Set<Digest>();
  readonly #nodes = new Map<Digest, GraphNode>();
  /** What documents say of manifests. */
  readonly #claims = new Map<Digest, Descriptor>();
  readonly #blobs = new Map<Digest, Descriptor>();
  #descriptors = 0;
  #bytes = 0;

  constructor(fetch: FetchDocument, root: Digest, where: string, options: GraphOptions) {
    this.#fetch = fetch;
    this.#root = root;
    this.#where = where;
    this.#options = options;
  }

  async read(): Promise<void> {
    await this.#readBelow([this.#root]);
    const asked = new Set<Digest>();
    for (;;) {
      const fresh = [...this.#nodes.values()].filter(
        ({ document }) => !asked.has(document.descriptor.digest),
      );
      const { predecessors } = this.#options;
      if (predecessors === undefined || fresh.length === 0) return;
      for (const { document } of fresh) asked.add(document.descriptor.digest);
      const found = (await forAll(fresh, ({ document }) => predecessors(document.descriptor))).flat();
      this.#count(found.length);
      for (const manifest of found) this.#claim(manifest);
      const hanging = new Set(found.map(({ digest }) => digest).filter((digest) => !this.#nodes.has(digest)));
      for (const digest of hanging) this.#hanging.add(digest);
      await this.#readBelow([...hanging]);
    }
  }

  /** Reads level by level: what all indexes of a level say is known before anything they list is asked for. */
  async #readBelow(roots: readonly Digest[]): Promise<void> {
    let level = roots;
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > limits.indexDepth) throw this.#tooDeep();
      await this.#makeRoom(this.#bytes);
      const nodes = await forAll(level, (digest) => this.#readOne(digest));
      for (const node of nodes) this.#nodes.set(node.document.descriptor.digest, node);
      const listed = nodes.flatMap((node) => this.#take(node));
      level = [...new Set(listed)].filter((digest) => !this.#nodes.has(digest));
    }
  }

  graph(): ImageGraph {
    const placed = new Map<Digest, { readonly node: GraphNode; readonly height: number }>();
    const heightOf = (digest: Digest, depth: number): number => {
      const known = placed.get(digest);
      if (depth + (known?.height ?? 0) > limits.indexDepth) throw this.#tooDeep();
      if (known !== undefined) return known.height;
      const node = this.#node(digest);
      const below = this.#documentsIn(node).map((child) => heightOf(child.digest, depth + 1) + 1);
      const height = Math.max(0, ...below);
      placed.set(digest, { node, height });
      return height;
    };
    heightOf(this.#root, 0);
    const children = [...placed.values()].slice(0, -1);
    for (const digest of this.#hanging) heightOf(digest, 0);
    const hanging = [...placed.values()].slice(children.length + 1);
    return {
      root: this.#node(this.#root),
      children: children.map(({ node }) => node),
      hanging: hanging.map(({ node }) => node),
      blobs: [...this.#blobs.values()],
    };
  }

  async #readOne(digest: Digest): Promise<GraphNode> {
    const claimed = this.#claims.get(digest);
    const document = await this.#fetch(digest);
    if (document === undefined) throw this.#missing(digest, claimed);
    await this.#makeRoom(document.descriptor.size);
    if (claimed === undefined) this.#countBytes(document.descriptor.size);
    else checkClaim(claimed, document.descriptor, this.#where);
    const { successors = readImageContent } = this.#options;
    return { document, content: successors(document, `${this.#where}@${digest}`) };
  }

  async #makeRoom(bytes: number): Promise<void> {
    if (bytes > limits.wideClosureBytes) await this.#options.seat?.widen();
  }

  /** Takes in what a document says, and gives the manifests that it lists. */
  #take(node: GraphNode): readonly Digest[] {
    const { blobs, children } = node.content;
    this.#count(blobs.length + children.length);
    const documents = this.#documentsIn(node);
    for (const child of documents) this.#claim(child);
    for (const blob of [...blobs, ...children.filter((child) => !isDocument(child))]) {
      const known = this.#blobs.get(blob.digest);
      if (known !== undefined && known.size !== blob.size) throw twoSizes(known, blob.size, this.#where);
      this.#blobs.set(blob.digest, blob);
    }
    return documents.map(({ digest }) => digest);
  }

  #count(descriptors: number): void {
    this.#descriptors += descriptors;
    if (this.#descriptors <= limits.closureDescriptors) return;
    const message = `the image refers to more than ${limits.closureDescriptors} objects`;
    throw new OciError("too-large", message, { where: this.#where });
  }

  #claim(manifest: Descriptor): void {
    const claimed = this.#claims.get(manifest.digest);
    if (claimed === undefined) {
      this.#claims.set(manifest.digest, manifest);
      this.#countBytes(manifest.size);
    } else checkClaim(claimed, manifest, this.#where);
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

  #missing(digest: Digest, claimed: Descriptor | undefined): RegistryError {
    const { what, hint } = this.#hanging.has(digest)
      ? { what: "what hangs on the image", hint: "attach it again" }
      : claimed === undefined
        ? { what: "the image", hint: undefined }
        : { what: "an image that its index lists", hint: "push the index again with all its platforms" };
    const where = this.#where;
    return new RegistryError("manifest-missing", phrase`${phraseOf(what)} is not there: ${digest}`, {
      where,
      hint,
    });
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

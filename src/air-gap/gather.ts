import pLimit from "p-limit";
import { type ImageGraph, readGraph } from "../copy/index.ts";
import { type FailureRecord, failureRecord } from "../errors/index.ts";
import type { Listener, ProgressEvent } from "../events/index.ts";
import {
  cosignTag,
  cosignTagKinds,
  type Descriptor,
  type Digest,
  type ImageDocument,
  isForeignLayerType,
  type Tag,
} from "../oci/index.ts";
import { type Repository, refusesToList } from "../registry/index.ts";
import type { BundledImage, BundleSource, ListedImage } from "./model.ts";

/** An image that a bundle can hold, as far as its manifests say. */
export interface GatheredImage {
  readonly image: BundledImage;
  readonly listed: readonly ListedImage[];
  readonly documents: readonly ImageDocument[];
  readonly blobs: readonly { readonly blob: Descriptor; readonly from: Repository }[];
}

/** How images are gathered. */
export interface GatherOptions {
  readonly listener?: Listener<ProgressEvent> | undefined;
  /** Once it is aborted no further image is read. */
  readonly signal?: AbortSignal | undefined;
}

/** Images whose manifests are read at the same time; the policy of each host bounds what really is in flight. */
const imagesAtOnce = 24;

/**
 * Reads the manifests of all images, and of all that hangs on them: referrers, transitively and of platforms too, and cosign's tags. No
 * blob is read. What hangs on an image and cannot be read is a failure of the image, for nobody knows what it would have been.
 */
export async function gather(
  sources: readonly BundleSource[],
  { listener, signal }: GatherOptions = {},
): Promise<readonly GatheredImage[]> {
  const wanted = sources.flatMap((source) => source.images.map((image) => ({ source, ...image })));
  const tagsOf = digestTags();
  let done = 0;
  return pLimit(imagesAtOnce).map(wanted, async ({ source, digest, tags }) => {
    signal?.throwIfAborted();
    const gathered = await gatherImage(source, { digest, tags }, tagsOf);
    done += 1;
    listener?.({ type: "progress", done, total: wanted.length });
    return gathered;
  });
}

async function gatherImage(
  { names, from }: BundleSource,
  { digest, tags }: BundleSource["images"][number],
  tagsOf: DigestTags,
): Promise<GatheredImage> {
  const [name] = names;
  if (name === undefined) throw new TypeError("an image without a name");
  const nothing = { listed: [], documents: [], blobs: [] };
  const told = { repository: name, digest, tags, attached: 0 };
  let failure: FailureRecord | undefined;
  for (const repository of from) {
    try {
      if ((await repository.resolve(digest)) === undefined) continue;
      return { ...(await readImage(repository, { names, digest, tags }, tagsOf)) };
    } catch (error) {
      failure ??= failureRecord(error);
    }
  }
  if (failure !== undefined) return { ...nothing, image: { ...told, result: "failed", failure } };
  return { ...nothing, image: { ...told, result: "missing" } };
}

async function readImage(
  repository: Repository,
  wanted: Pick<BundleSource, "names"> & BundleSource["images"][number],
  tagsOf: DigestTags,
): Promise<GatheredImage> {
  const { names, digest, tags } = wanted;
  const graph = await readGraph(repository.fetch, digest, repository.name, {
    predecessors: (manifest) => repository.referrers(manifest.digest),
  });
  const image = nodesOf(graph);
  const attached: { tag: Tag; graph: ImageGraph }[] = [];
  for (const { document } of image) {
    for (const { tag, digest: root } of await tagsOf(repository, document.descriptor.digest)) {
      attached.push({ tag, graph: await readGraph(repository.fetch, root, repository.name) });
    }
  }
  const root = graph.root.document.descriptor;
  const listed = names.flatMap((name): readonly ListedImage[] => [
    ...(tags.length === 0 ? [undefined] : tags).map((tag) => ({ repository: name, tag, manifest: root })),
    ...graph.hanging
      .filter(({ content }) => content.subject !== undefined)
      .map(({ document: { descriptor } }) => ({ repository: name, tag: undefined, manifest: descriptor })),
    ...attached.map(({ tag, graph: { root: top } }) => ({
      repository: name,
      tag,
      manifest: top.document.descriptor,
    })),
  ]);
  const graphs = [graph, ...attached.map((each) => each.graph)];
  const blobs = graphs.flatMap((each) => each.blobs);
  const there = await pLimit(8).map(blobs, async (blob) => {
    // Layers that images only point at, at their maker's, are often nowhere else.
    return !isForeignLayerType(blob.mediaType) || (await repository.has(blob));
  });
  const [repositoryName = repository.name] = names;
  return {
    image: {
      repository: repositoryName,
      digest,
      tags,
      result: "bundled",
      attached: graph.hanging.length + attached.length,
    },
    listed,
    documents: graphs.flatMap(nodesOf).map(({ document }) => document),
    blobs: blobs.filter((_, at) => there[at]).map((blob) => ({ blob, from: repository })),
  };
}

function nodesOf({ root, children, hanging }: ImageGraph) {
  return [root, ...children, ...hanging];
}

/** The tags of cosign's that stand in a repository for a digest, and what for. */
type DigestTags = (
  repository: Repository,
  digest: Digest,
) => Promise<readonly { readonly tag: Tag; readonly digest: Digest }[]>;

/** One list of a repository's tags answers for all its images; where there is none to be had, each tag is asked for. */
function digestTags(): DigestTags {
  const lists = new Map<string, Promise<ReadonlySet<string> | undefined>>();
  const listOf = (repository: Repository) => {
    const known = lists.get(repository.address);
    if (known !== undefined) return known;
    const listing = repository.list().then(
      (list) => new Set<string>(list?.tags),
      (error: unknown) => {
        if (refusesToList(error)) return undefined;
        throw error;
      },
    );
    lists.set(repository.address, listing);
    return listing;
  };
  return async (repository, digest) => {
    const list = await listOf(repository);
    const candidates = cosignTagKinds
      .map((kind) => cosignTag(digest, kind))
      .filter((tag) => list === undefined || list.has(tag));
    const found = await Promise.all(
      candidates.map(async (tag) => ({ tag, digest: (await repository.resolve(tag))?.digest })),
    );
    return found.flatMap(({ tag, digest: root }) => (root === undefined ? [] : [{ tag, digest: root }]));
  };
}

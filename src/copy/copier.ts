import { pipeline, type Readable, Transform } from "node:stream";
import {
  type Descriptor,
  type Digest,
  type ImageDocument,
  isForeignLayerType,
  type Tag,
} from "../oci/index.ts";
import { RegistryError, type Repository } from "../registry/index.ts";
import type { BlobOutcome, CopyListener } from "./events.ts";
import type { GraphNode, ImageGraph } from "./graph.ts";

/** Where one image goes. */
export interface CopyTask {
  readonly graph: ImageGraph;
  readonly from: Repository;
  readonly to: Repository;
  /** The destination lists nothing, so small blobs need not be probed for. */
  readonly empty: boolean;
}

/**
 * Copies images during one run and remembers what it did, so that nothing is sent twice: a blob or manifest that
 * several images share goes to a repository once, and travels between repositories of one host by mount.
 */
export interface Copier {
  /**
   * Brings everything an image refers to into the destination, children before the indexes that list them. When it
   * resolves, the root may be put; the root itself is not.
   * @throws the first failure, after all transfers that had begun have ended.
   */
  copyClosure(task: CopyTask): Promise<void>;
  /** Puts the root of an image under a tag, or under its digest alone. Everything it refers to must be there. */
  putRoot(document: ImageDocument, to: Repository, tag?: Tag): Promise<void>;
}

/**
 * Bytes from which a blob is probed for even in a repository without tags: an interrupted run may have left it
 * there, and one request costs less than sending it again.
 */
const worthAProbe = 1024 * 1024;

/** A copier for one run. */
export function createCopier(listener: CopyListener = () => {}): Copier {
  /** Transfers of this run by kind, destination and digest: the second to ask waits for the first. */
  const transfers = new Map<string, Promise<void>>();
  /** By host and digest, the repository that holds the blob, or will when its transfer ends. */
  const holders = new Map<string, Promise<Repository | undefined>>();
  /** Hosts that wanted the bytes of a blob they could have mounted: there it pays to ask for a blob first. */
  const mountless = new Set<string>();

  const once = (key: string, transfer: () => Promise<void>): Promise<void> => {
    const begun = transfers.get(key);
    if (begun !== undefined) return begun;
    const promise = transfer().catch((error: unknown) => {
      transfers.delete(key);
      throw error;
    });
    transfers.set(key, promise);
    return promise;
  };

  /** A repository on the destination's host to mount from; the caller becomes the holder when there is none. */
  const findHolder = async (
    blob: Descriptor,
    from: Repository,
    to: Repository,
  ): Promise<Repository | undefined> => {
    if (sameHost(from, to)) return from;
    const begun = holders.get(holderKey(to, blob.digest));
    return begun?.catch(() => undefined);
  };

  const copyBlob = async (blob: Descriptor, task: CopyTask): Promise<BlobOutcome> => {
    const { from, to } = task;
    const holder = await findHolder(blob, from, to);
    // A mount is as cheap as a probe, and does the work where the blob is not there.
    const mounting = holder !== undefined && !mountless.has(hostKey(to));
    const probing = !task.empty || blob.size > worthAProbe;
    if (!mounting && probing && (await to.has(blob))) return "present";
    const content = async (): Promise<Readable> => counted(await from.open(blob), to.address, listener);
    try {
      const outcome = await to.push(blob, content, holder === undefined ? {} : { mountFrom: holder });
      if (holder !== undefined && outcome === "pushed") mountless.add(hostKey(to));
      return outcome;
    } catch (error) {
      const absent = error instanceof RegistryError && error.code === "blob-missing";
      if (absent && isForeignLayerType(blob.mediaType)) return "foreign";
      throw error;
    }
  };

  const transferBlob = (blob: Descriptor, task: CopyTask): Promise<void> => {
    const { to } = task;
    return once(`blob ${to.address} ${blob.digest}`, async () => {
      listener({ type: "blob-started", destination: to.address, digest: blob.digest, size: blob.size });
      const key = holderKey(to, blob.digest);
      const transfer = copyBlob(blob, task);
      if (!holders.has(key)) {
        const holding = transfer.then((outcome) => (outcome === "foreign" ? undefined : to));
        holding.catch(() => holders.delete(key));
        holders.set(key, holding);
      }
      const outcome = await transfer;
      listener({
        type: "blob-finished",
        destination: to.address,
        digest: blob.digest,
        size: blob.size,
        outcome,
      });
    });
  };

  const put = async (document: ImageDocument, to: Repository, tag?: Tag): Promise<void> => {
    await to.put(document, tag);
    const { digest } = document.descriptor;
    listener({
      type: "manifest-put",
      destination: to.address,
      digest,
      ...(tag === undefined ? {} : { tag }),
    });
  };

  const putChild = ({ document }: GraphNode, to: Repository): Promise<void> =>
    once(`manifest ${to.address} ${document.descriptor.digest}`, () => put(document, to));

  return {
    async copyClosure(task) {
      await allEnded(task.graph.blobs.map((blob) => transferBlob(blob, task)));
      for (const level of levels(task.graph.children)) {
        await allEnded(level.map((child) => putChild(child, task.to)));
      }
    },
    putRoot: put,
  };
}

/** Children in groups that can be put at the same time: each group refers only to earlier ones. */
function levels(children: readonly GraphNode[]): GraphNode[][] {
  const heights = new Map<Digest, number>();
  const groups: GraphNode[][] = [];
  for (const child of children) {
    const below = child.content.children.map(({ digest }) => heights.get(digest) ?? -1);
    const height = Math.max(-1, ...below) + 1;
    heights.set(child.document.descriptor.digest, height);
    const group = groups[height] ?? [];
    group.push(child);
    groups[height] = group;
  }
  return groups;
}

/** Waits for all, then throws the first failure: no transfer goes on behind the back of a failed copy. */
async function allEnded(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function holderKey(repository: Repository, digest: Digest): string {
  return `${hostKey(repository)} ${digest}`;
}

/** What repositories that can mount from each other have in common; all folders do. */
function hostKey({ host }: Repository): string {
  return host ?? "oci:";
}

function sameHost(one: Repository, other: Repository): boolean {
  return one.host === other.host;
}

/** The stream, with its bytes reported as they pass. */
function counted(stream: Readable, destination: string, listener: CopyListener): Readable {
  const counter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      listener({ type: "bytes", destination, bytes: chunk.length });
      done(null, chunk);
    },
  });
  // The failure of either stream reaches whoever reads the counter; there is nothing to add to it here.
  return pipeline(stream, counter, () => {});
}

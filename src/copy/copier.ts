import type { Listener } from "../events/index.ts";
import {
  type Descriptor,
  type Digest,
  type ImageContent,
  type ImageDocument,
  isForeignLayerType,
  readImageContent,
  type Tag,
} from "../oci/index.ts";
import { RegistryError, type Repository, UnknownContentError } from "../registry/index.ts";
import { BlobSupply, type SupplyRun } from "./blob-supply.ts";
import { Budget } from "./budget.ts";
import type { BlobOutcome, CopyEvent } from "./events.ts";
import type { GraphNode, ImageGraph, Successors } from "./graph.ts";
import { type Arrival, hostKey, Stragglers } from "./stragglers.ts";

export interface CopyTask {
  readonly graph: ImageGraph;
  readonly from: Repository;
  readonly to: readonly CopyTarget[];
}

export interface CopyTarget {
  readonly repository: Repository;
  /** It lists nothing, so small blobs need not be probed for. */
  readonly empty: boolean;
}

/**
 * Bytes from which a blob is probed for even in a repository without tags: an interrupted run may have left it
 * there, and one request costs less than sending it again.
 */
const worthAProbe = 1024 * 1024;
/**
 * Bytes of blobs on their way, in memory: seven blobs at a time for up to four registries. What each connection holds
 * comes on top, so that more of them cost memory without being faster.
 */
const memory = 28 * 1024 * 1024;

/**
 * Copies images during one run and remembers what it did, so that nothing is read or sent twice: a blob is read once
 * for all its destinations, goes to a host once, and travels between repositories of one host by mount.
 */
export class Copier {
  readonly #listener: Listener<CopyEvent>;
  readonly #successors: Successors;
  readonly #run: SupplyRun;
  /** Transfers of this run by kind, destination, digest and size: the second to ask waits for the first. */
  readonly #transfers = new Map<string, Promise<void>>();
  /** By host, digest and size, the repository that holds the blob, or will when its transfer ends. */
  readonly #holders = new Map<string, Promise<Repository | undefined>>();
  readonly #supplies = new Map<string, BlobSupply>();
  /** What images of this run say of the size of each blob; nobody's word counts where they differ. */
  readonly #sizes = new Map<Digest, number | "disputed">();
  /** Hosts that wanted the bytes of a blob they could have mounted: there it pays to ask for a blob first. */
  readonly #mountless = new Set<string>();
  /** Hosts that have mounted a blob: there a mount of a repository from itself tells whether it has a blob. */
  readonly #mounting = new Set<string>();

  /** By root, what to remember of an image that is put: its blobs are committed then. */
  readonly #closures = new Map<Digest, readonly Descriptor[]>();
  /** By host, digest and size, blobs that an image of this run refers to there. */
  readonly #committed = new Set<string>();
  /** By destination, digest and size, blobs whose bytes went there. */
  readonly #sent = new Set<string>();

  /** @param successors What the graphs that it copies were read with. */
  constructor(listener: Listener<CopyEvent> = () => {}, successors: Successors = readImageContent) {
    this.#listener = listener;
    this.#successors = successors;
    this.#run = {
      budget: new Budget(memory),
      stragglers: new Stragglers(listener),
      listener,
      flowing: new Map(),
    };
  }

  /** Resolves when all destinations have their image whose hosts keep up with the others. */
  abreast(arrivals: readonly Arrival[]): Promise<void> {
    return this.#run.stragglers.abreast(arrivals);
  }

  /**
   * Brings everything an image refers to into all destinations at the same time, children before the indexes that list
   * them. When the promise of a destination resolves, the root may be put there; the root itself is not, unless something hangs
   * on it: then it is put under its digest alone, and what hangs on it after it, so that both are there before any tag.
   * @returns For each destination, in order, a promise that rejects with its first failure, after all its transfers
   * that had begun have ended. One destination's failure is not another's.
   */
  copyClosure({ graph, from, to }: CopyTask): readonly Promise<void>[] {
    if (to.some(({ repository }) => repository.mountsOnlyCommitted)) {
      this.#closures.set(graph.root.document.descriptor.digest, graph.blobs);
    }
    for (const { digest, size } of graph.blobs) {
      this.#sizes.set(digest, (this.#sizes.get(digest) ?? size) === size ? size : "disputed");
    }
    const image = graph.root.document.descriptor.digest;
    this.#listener({ type: "image-started", digest: image });
    for (const blob of graph.blobs) this.#supply(image, blob, from, to);
    return to.map(async ({ repository }) => {
      const key = transferOf(repository);
      await allEnded(graph.blobs.map((blob) => this.#transfers.get(key(blob)) ?? Promise.resolve()));
      for (const level of levels(graph.children, ({ children }) => children)) {
        await allEnded(level.map((child) => this.#putUntagged(child, repository)));
      }
      if (graph.hanging.length === 0) return;
      await this.#putUntagged(graph.root, repository);
      const isAbout = ({ children, subject }: ImageContent) => (subject ? [...children, subject] : children);
      for (const level of levels(graph.hanging, isAbout)) {
        await allEnded(level.map((node) => this.#putUntagged(node, repository)));
      }
    });
  }

  /** Puts the root of an image under tags, or under its digest alone. Everything it refers to must be there. */
  async putRoot(document: ImageDocument, to: Repository, tags: readonly Tag[]): Promise<void> {
    await this.#put(document, to, tags);
    const { digest } = document.descriptor;
    for (const blob of this.#closures.get(digest) ?? [])
      this.#committed.add(`${hostKey(to)} ${identity(blob)}`);
    this.#listener({ type: "manifest-put", destination: to.address, digest, tags });
  }

  /**
   * A registry may say that it has a blob, or mount it, and then refuse the manifest because it lacks it. It is sent what
   * it names, each blob once: some name all that they lack, some the first.
   */
  async #put(document: ImageDocument, to: Repository, tags: readonly Tag[]): Promise<void> {
    const again = new Set<BlobSupply>();
    for (;;) {
      try {
        return await to.put(document, tags);
      } catch (error) {
        if (!(error instanceof UnknownContentError)) throw error;
        const lacking = this.#lackingIn(document, to, error.digests).filter((supply) => !again.has(supply));
        if (lacking.length === 0) throw error;
        for (const supply of lacking) again.add(supply);
        await allEnded(lacking.map((supply) => this.#sendAnew(supply, to)));
      }
    }
  }

  /** Of what a document refers to, the blobs that a registry names or, where it names none, has not been sent. */
  #lackingIn(document: ImageDocument, to: Repository, named: readonly Digest[]): readonly BlobSupply[] {
    const { blobs, children } = this.#successors(document);
    const referred = [...blobs, ...children].filter(({ mediaType }) => !isForeignLayerType(mediaType));
    const lacking = referred.filter(({ digest }) => named.includes(digest));
    const key = transferOf(to);
    const suspected = lacking.length > 0 ? lacking : referred.filter((blob) => !this.#sent.has(key(blob)));
    return [...new Set(suspected.flatMap((blob) => this.#supplies.get(identity(blob)) ?? []))];
  }

  #sendAnew(supply: BlobSupply, to: Repository): Promise<void> {
    const { blob, isSmall } = supply;
    return this.#once(`again ${transferOf(to)(blob)}`, async () => {
      const how = { inMemory: isSmall, anew: true };
      await to.push(blob, supply.content(to), how).finally(() => supply.excuse(to));
    });
  }

  #putUntagged({ document }: GraphNode, to: Repository): Promise<void> {
    return this.#once(`manifest ${to.address} ${document.descriptor.digest}`, () =>
      this.putRoot(document, to, []),
    );
  }

  #once(key: string, transfer: () => Promise<void>): Promise<void> {
    const begun = this.#transfers.get(key);
    if (begun !== undefined) return begun;
    const promise = transfer().catch((error: unknown) => {
      this.#transfers.delete(key);
      throw error;
    });
    // Whoever needs it learns of its failure; one that nobody has come to yet must not end the process.
    promise.catch(() => {});
    this.#transfers.set(key, promise);
    return promise;
  }

  /** Begins to bring a blob to all destinations that no other image has brought it to. */
  #supply(image: Digest, blob: Descriptor, from: Repository, to: readonly CopyTarget[]): void {
    const key = (repository: Repository) => transferOf(repository)(blob);
    const missing = to.filter(({ repository }) => !this.#transfers.has(key(repository)));
    if (missing.length === 0) return;
    const known = this.#supplies.get(identity(blob));
    const supply = known ?? new BlobSupply(blob, from, this.#run);
    this.#supplies.set(identity(blob), supply);
    supply.expect(this.#leaders(blob, from, missing));
    for (const target of missing) {
      const { repository } = target;
      void this.#once(key(repository), () => {
        const { digest, size } = blob;
        this.#listener({ type: "blob-started", image, destination: repository.address, digest, size });
        return this.#transfer(blob, from, target, supply);
      });
    }
  }

  /** The first repository of each host is sent the bytes, the others mount the blob from it where that can be. */
  #leaders(blob: Descriptor, from: Repository, to: readonly CopyTarget[]): readonly Repository[] {
    const led = new Set<string>();
    return to.flatMap(({ repository }) => {
      const host = hostKey(repository);
      const isProvided =
        host === hostKey(from) || this.#holders.has(`${host} ${identity(blob)}`) || led.has(host);
      led.add(host);
      return isProvided && !this.#mountless.has(host) ? [] : [repository];
    });
  }

  async #transfer(blob: Descriptor, from: Repository, target: CopyTarget, supply: BlobSupply): Promise<void> {
    const { repository: to } = target;
    const { digest, size } = blob;
    const key = `${hostKey(to)} ${identity(blob)}`;
    const bringing = this.#bring(blob, from, target, supply).finally(() => supply.excuse(to));
    if (!this.#holders.has(key)) {
      const holding = bringing.then((outcome) => (outcome === "foreign" ? undefined : to));
      holding.catch(() => this.#holders.delete(key));
      this.#holders.set(key, holding);
    }
    const outcome = await bringing.catch((error: unknown) => {
      this.#listener({ type: "blob-failed", destination: to.address, digest, size });
      throw error;
    });
    if (outcome === "pushed") {
      supply.heldBy(to);
      this.#sent.add(transferOf(to)(blob));
    }
    this.#listener({ type: "blob-finished", destination: to.address, digest, size, outcome });
  }

  async #bring(
    blob: Descriptor,
    from: Repository,
    { repository: to, empty }: CopyTarget,
    supply: BlobSupply,
  ): Promise<BlobOutcome> {
    const host = hostKey(to);
    const holder = this.#canMount(blob, from, to) ? await this.#findHolder(blob, from, to) : undefined;
    // By now the host may have shown that it mounts nothing.
    const mounting = holder !== undefined && this.#canMount(blob, from, to);
    const probing = !mounting && (!empty || blob.size > worthAProbe);
    // A mount is as cheap as a probe, and begins the upload where the blob is not there.
    const probingByMount = probing && this.#mounting.has(host) && !this.#isDisputed(blob);
    if (probing && !probingByMount && (await to.has(blob))) return "present";
    if (!mounting) await supply.ready(to);
    const mountFrom = probingByMount ? to : mounting ? holder : undefined;
    try {
      const outcome = await to.push(blob, supply.content(to), { inMemory: supply.isSmall, mountFrom });
      if (mountFrom === to) return outcome === "mounted" ? "present" : outcome;
      if (mountFrom !== undefined) (outcome === "mounted" ? this.#mounting : this.#mountless).add(host);
      return outcome;
    } catch (error) {
      const absent = error instanceof RegistryError && error.code === "blob-missing";
      if (absent && isForeignLayerType(blob.mediaType)) return "foreign";
      throw error;
    }
  }

  #canMount(blob: Descriptor, from: Repository, to: Repository): boolean {
    const host = hostKey(to);
    if (this.#mountless.has(host) || this.#isDisputed(blob)) return false;
    if (!to.mountsOnlyCommitted || host === hostKey(from)) return true;
    return this.#committed.has(`${host} ${identity(blob)}`);
  }

  /** Whether its size has to be seen: a mount says nothing of it. */
  #isDisputed({ digest }: Descriptor): boolean {
    return this.#sizes.get(digest) === "disputed";
  }

  /** A repository on the destination's host to mount from, once it has the blob. */
  async #findHolder(blob: Descriptor, from: Repository, to: Repository): Promise<Repository | undefined> {
    if (hostKey(from) === hostKey(to)) return from;
    return this.#holders.get(`${hostKey(to)} ${identity(blob)}`)?.catch(() => undefined);
  }
}

/**
 * What a blob is known by. An image that says another size of it means something that does not exist, and must not pass
 * because another image has brought what does.
 */
function identity({ digest, size }: Descriptor): string {
  return `${digest} ${size}`;
}

/** What the transfer of a blob to a repository is known by. */
function transferOf({ address }: Repository): (blob: Descriptor) => string {
  return (blob) => `blob ${address} ${identity(blob)}`;
}

/** Manifests in groups that can be put at the same time: each group refers only to earlier ones. */
function levels(
  nodes: readonly GraphNode[],
  refersTo: (content: ImageContent) => readonly Descriptor[],
): GraphNode[][] {
  const heights = new Map<Digest, number>();
  const groups: GraphNode[][] = [];
  for (const node of nodes) {
    const below = refersTo(node.content).map(({ digest }) => heights.get(digest) ?? -1);
    const height = Math.max(-1, ...below) + 1;
    heights.set(node.document.descriptor.digest, height);
    const group = groups[height] ?? [];
    group.push(node);
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

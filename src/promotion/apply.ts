import pLimit from "p-limit";
import { type Arrival, type Copier, type DocumentCache, readGraph } from "../copy/index.ts";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import {
  type Digest,
  formatReference,
  type ImageDocument,
  type RepositoryName,
  readImageContent,
  type Tag,
} from "../oci/index.ts";
import { RegistryError, type Repository } from "../registry/index.ts";
import { isWork, type Plan, type PlannedEdge, type PlannedImage, type PlannedRepository } from "./plan.ts";
import type { OpenRepository } from "./planning.ts";

/** What became of one edge that the plan asked to be done. */
export interface Outcome {
  readonly destination: RepositoryName;
  readonly image: PlannedImage;
  readonly edge: PlannedEdge;
  /** Absent when it was done. */
  readonly failure?: FailureRecord;
}

export interface ApplyOptions {
  readonly open: OpenRepository;
  readonly documents: DocumentCache;
  readonly copier: Copier;
  /** Told of every edge as it ends. */
  readonly onOutcome?: (outcome: Outcome) => void;
  /** No image is begun once it is aborted; those under way are finished, so nothing is left half done. */
  readonly signal?: AbortSignal;
}

/** One digest from one source to all destinations that lack it: read once, written to each. */
interface Work {
  readonly digest: Digest;
  readonly source: RepositoryName;
  readonly targets: Target[];
}

interface Target {
  readonly repository: PlannedRepository;
  readonly image: PlannedImage;
}

/** An image of which everything but the tags is at its destination. */
interface Brought {
  readonly root: ImageDocument;
  readonly to: Repository;
}

/** The digest that this run puts under a tag, by address and tag: locations may make one place of two names. */
type TagClaims = Map<string, Digest>;

/** Images under way at the same time; the policy of each host bounds what really is in flight. */
const imagesAtOnce = 24;
/** Images that others have stopped waiting for, on their way to hosts that do not keep up. */
const mostStragglers = 512;

/**
 * Does the work of a plan: edges with the verdicts `copy` and `tag`, and nothing else. A failure stays with its
 * edge. Never deletes, and never moves a tag: each is asked for once more before it is put, and one that has appeared
 * since the plan was made is a failure.
 */
export async function applyPlan(plan: Plan, options: ApplyOptions): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const report = (outcome: Outcome): void => {
    outcomes.push(outcome);
    options.onOutcome?.(outcome);
  };
  const claims: TagClaims = new Map();
  const limit = pLimit(imagesAtOnce);
  const stragglers = new Set<Promise<unknown>>();
  await limit.map(worksOf(plan), async (work) => {
    while (stragglers.size >= mostStragglers) await Promise.race(stragglers);
    if (options.signal?.aborted) return;
    const arrivals = await applyWork(work, claims, options, report);
    const all = Promise.all(arrivals.map(({ done }) => done));
    stragglers.add(all);
    void all.then(() => stragglers.delete(all));
    await options.copier.abreast(arrivals);
  });
  await Promise.all(stragglers);
  return outcomes;
}

function worksOf(plan: Plan): Work[] {
  const works = new Map<string, Work>();
  for (const repository of plan.repositories) {
    for (const image of repository.images) {
      if (!image.edges.some(({ verdict }) => isWork(verdict))) continue;
      const key = `${image.source}@${image.digest}`;
      const work = works.get(key) ?? { digest: image.digest, source: image.source, targets: [] };
      work.targets.push({ repository, image });
      works.set(key, work);
    }
  }
  return [...works.values()];
}

/** Begins to bring an image to all its destinations. */
async function applyWork(
  { digest, source, targets }: Work,
  claims: TagClaims,
  { open, documents, copier }: ApplyOptions,
  report: (outcome: Outcome) => void,
): Promise<readonly Arrival[]> {
  const fail = ({ image, repository }: Target, failure: FailureRecord): void => {
    for (const edge of workEdges(image))
      report({ destination: repository.destination, image, edge, failure });
  };

  /** Puts the tags once the image is there; `bringing` gives the root. */
  const arrive = async (target: Target, to: Repository, bringing: Promise<ImageDocument>): Promise<void> => {
    let root: ImageDocument;
    try {
      root = await bringing;
    } catch (error) {
      return fail(target, failureRecord(error));
    }
    await putEdges(copier, claims, { root, to }, target, report);
  };

  const opened = targets.flatMap((target) => {
    try {
      return [{ target, to: open(target.repository.destination) }];
    } catch (error) {
      fail(target, failureRecord(error));
      return [];
    }
  });
  const [copied, held] = parted(opened, ({ target }) => target.image.edges.some(isCopy));
  const tagged = held.map(({ target, to }) => ({ to, done: arrive(target, to, heldRoot(to, digest)) }));
  if (copied.length === 0) return tagged;
  try {
    const from = open(source);
    const graph = await readGraph(documents.of(from), digest, source);
    const closures = copier.copyClosure({
      graph,
      from,
      to: copied.map(({ target, to }) => ({ repository: to, empty: target.repository.empty })),
    });
    const brought = copied.map(({ target, to }, index) => {
      const bringing = (closures[index] ?? Promise.resolve()).then(() => graph.root.document);
      return { to, done: arrive(target, to, bringing) };
    });
    return [...tagged, ...brought];
  } catch (error) {
    for (const { target } of copied) fail(target, failureRecord(error));
    return tagged;
  }
}

function isCopy({ verdict }: PlannedEdge): boolean {
  return verdict === "copy";
}

function workEdges({ edges }: PlannedImage): readonly PlannedEdge[] {
  return edges.filter(({ verdict }) => isWork(verdict));
}

function parted<Item>(items: readonly Item[], belongs: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

/**
 * Puts the root under the tags that are asked for, but for those that have got there by themselves, or elsewhere,
 * since the plan was made. All that may be put go together; when that fails, each has its own failure.
 */
async function putEdges(
  copier: Copier,
  claims: TagClaims,
  { root, to }: Brought,
  { image, repository: { destination } }: Target,
  report: (outcome: Outcome) => void,
): Promise<void> {
  const tell = (edge: PlannedEdge, failure?: FailureRecord): void =>
    report({ destination, image, edge, ...(failure === undefined ? {} : { failure }) });
  const put = async (tags: readonly Tag[]): Promise<FailureRecord | undefined> => {
    try {
      await copier.putRoot(root, to, tags);
      return undefined;
    } catch (error) {
      return failureRecord(error);
    }
  };
  const free: { readonly edge: PlannedEdge; readonly tag: Tag }[] = [];
  const check = async (edge: PlannedEdge): Promise<void> => {
    const { tag } = edge;
    if (tag === null) return tell(edge, await put([]));
    try {
      if (await isFree(claims, { root, to }, tag)) free.push({ edge, tag });
      else tell(edge);
    } catch (error) {
      tell(edge, failureRecord(error));
    }
  };
  await Promise.all(workEdges(image).map(check));
  if (free.length > 1 && (await put(free.map(({ tag }) => tag))) === undefined) {
    for (const { edge } of free) tell(edge);
    return;
  }
  for (const { edge, tag } of free) tell(edge, await put([tag]));
}

/** Whether a tag is still to be put; false when it stands where it should. */
async function isFree(claims: TagClaims, { root, to }: Brought, tag: Tag): Promise<boolean> {
  const { digest } = root.descriptor;
  const place = `${to.address}:${tag}`;
  const claimed = claims.get(place) ?? digest;
  claims.set(place, claimed);
  // Planning has found it absent; the second answer is asked for by what alone can say so.
  const current = (await to.resolve(tag, { mode: "likely-absent" }))?.digest;
  if (current === digest) return false;
  if (current === undefined && claimed === digest) return true;
  throw new WaybillError(
    "tag-taken",
    `the tag ${tag} was free when the plan was made and is now that of ${current ?? claimed}, not of ${digest}`,
    { where: `${to.name}:${tag}`, hint: "find out who pushed it; Waybill never moves a tag" },
  );
}

async function heldRoot(repository: Repository, digest: Digest): Promise<ImageDocument> {
  const document = await repository.fetch(digest);
  if (document !== undefined) {
    // What not all read alike, or is no image, gets no tag, whoever has brought it there.
    readImageContent(document, formatReference(repository.name, digest));
    return document;
  }
  throw new RegistryError("manifest-missing", `${digest} was there when the plan was made and is not now`, {
    where: repository.name,
    hint: "run the promotion again: the next plan will copy it",
  });
}

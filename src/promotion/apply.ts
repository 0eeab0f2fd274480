import pLimit from "p-limit";
import {
  type Arrival,
  type DocumentCache,
  type GraphNode,
  readGraph,
  type Seat,
  WideImages,
} from "../copy/index.ts";
import { type FailureRecord, failureRecord, phrase, WaybillError } from "../errors/index.ts";
import {
  type Digest,
  formatReference,
  type ImageDocument,
  type RepositoryName,
  readImageContent,
  subjectOf,
  type Tag,
} from "../oci/index.ts";
import { notKeptInList, placeOf, placing, RegistryError, type Repository } from "../registry/index.ts";
import {
  type ImageEdge,
  imageKind,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepositories,
  type PlannedRepository,
  repositoriesOf,
} from "./planned-images.ts";
import type { ApplyOptions, Outcome } from "./section.ts";
import { isWork } from "./verdicts.ts";

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

/** What waits until the lists of referrers of a repository have been looked at for the last time. */
interface Unconfirmed {
  readonly target: Target;
  readonly to: Repository;
  /** Manifests of it that have to be in a list. */
  readonly referrers: readonly Digest[];
  /** What is done when they are; a failure is reported when they are not. */
  readonly confirmed: () => Promise<void>;
}

/** The digest that this run puts under a tag, by address and tag: locations may make one place of two names. */
type TagClaims = Map<string, Digest>;

/** Images under way at the same time; the policy of each host bounds what really is in flight. */
const imagesAtOnce = 24;
/** Images that others have stopped waiting for, on their way to hosts that do not keep up. */
const maxStragglers = 512;

type ImageOutcome = Outcome<ImageEdge>;

type Report = (edge: ImageEdge, failure?: FailureRecord) => void;

/**
 * Does the work of a plan of images: edges with the verdicts `copy` and `tag`, and nothing else. A failure stays with its
 * edge. Never deletes, and never moves a tag: each is asked for once more before it is put, and one that has appeared
 * since the plan was made is a failure.
 */
export async function applyImages(
  items: readonly PlannedRepositories[],
  options: ApplyOptions,
): Promise<readonly ImageOutcome[]> {
  const outcomes: ImageOutcome[] = [];
  const report: Report = (edge, failure) => {
    const outcome = { kind: imageKind, of: edge, ...(failure === undefined ? {} : { failure }) };
    outcomes.push(outcome);
    options.tell(outcome);
  };
  const claims: TagClaims = new Map();
  const unconfirmed: Unconfirmed[] = [];
  const wideImages = new WideImages();
  const limit = pLimit(imagesAtOnce);
  const stragglers = new Set<Promise<unknown>>();
  await limit.map(worksOf(items), async (work) => {
    while (stragglers.size >= maxStragglers) await Promise.race(stragglers);
    if (options.signal?.aborted) return;
    const seat = wideImages.seat();
    const arrivals = await applyWork(work, { ...options, claims, unconfirmed, report, seat });
    const all = Promise.all(arrivals.map(({ done }) => done));
    void all.then(seat.leave);
    stragglers.add(all);
    void all.then(() => stragglers.delete(all));
    await options.copier.abreast(arrivals);
  });
  await Promise.all(stragglers);
  await confirmReferrers(unconfirmed, report);
  return outcomes;
}

/**
 * Looks at the end, in each repository, at the lists of referrers that were written, for a slower writer may have
 * overwritten them since. What is not there has not been done: its tag is not put, so that the next plan sees it.
 */
async function confirmReferrers(unconfirmed: readonly Unconfirmed[], report: Report): Promise<void> {
  const repositories = new Map(unconfirmed.map(({ to }) => [to.address, to]));
  const looks = [...repositories].map(async ([address, to]) => {
    const waiting = unconfirmed.filter((each) => each.to.address === address);
    try {
      const lost = new Set(await to.confirmReferrers?.());
      await Promise.all(
        waiting.map(({ target, referrers, confirmed }) => {
          const missing = referrers.find((digest) => lost.has(digest));
          return missing === undefined ? confirmed() : fail(target, notKeptInList(to, missing), report);
        }),
      );
    } catch (error) {
      for (const { target } of waiting) fail(target, error, report);
    }
  });
  await Promise.all(looks);
}

function fail({ image, repository }: Target, error: unknown, report: Report): void {
  const failure = failureRecord(error);
  for (const edge of workEdges(image)) report({ destination: repository.destination, image, edge }, failure);
}

function worksOf(items: readonly PlannedRepositories[]): Work[] {
  const works = new Map<string, Work>();
  for (const repository of repositoriesOf(items)) {
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

interface Run extends ApplyOptions {
  readonly claims: TagClaims;
  readonly unconfirmed: Unconfirmed[];
  readonly report: Report;
  readonly seat: Seat;
}

async function applyWork({ digest, source, targets }: Work, run: Run): Promise<readonly Arrival[]> {
  const { open, documents, copier, report, seat, heldBack } = run;
  /** Puts the tags once the image is there; `bringing` gives the root. */
  const arrive = async (
    target: Target,
    to: Repository,
    bringing: Promise<ImageDocument>,
    children: readonly GraphNode[] = [],
  ): Promise<void> => {
    try {
      const root = await bringing;
      const referrers = children.filter(({ content }) => content.subject !== undefined);
      await putListed(run, { root, to }, target, referrers);
    } catch (error) {
      fail(target, error, report);
    }
  };

  const opened = targets.flatMap((target) => {
    const waiting = heldBack?.(target.repository.destination, digest);
    if (waiting !== undefined) {
      for (const edge of workEdges(target.image))
        report({ destination: target.repository.destination, image: target.image, edge }, waiting);
      return [];
    }
    try {
      return [{ target, to: open(target.repository.destination) }];
    } catch (error) {
      fail(target, error, report);
      return [];
    }
  });
  const [copied, held] = parted(opened, ({ target }) => target.image.edges.some(isCopy));
  const tagged = held.map(({ target, to }) => ({
    to,
    done: arrive(target, to, placing(to, heldRoot(documents, to, digest))),
  }));
  if (copied.length === 0) return tagged;
  try {
    const from = open(source);
    const graph = await placing(from, readGraph(documents.of(from), digest, source, { seat }));
    const closures = copier.copyClosure({
      graph,
      from,
      to: copied.map(({ target, to }) => ({ repository: to, empty: target.repository.empty })),
    });
    const brought = copied.map(({ target, to }, index) => {
      const bringing = (closures[index] ?? Promise.resolve()).then(() => graph.root.document);
      return { to, done: arrive(target, to, bringing, graph.children) };
    });
    return [...tagged, ...brought];
  } catch (error) {
    for (const { target } of copied) fail(target, error, report);
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
 * Puts the root under its tags; one that is about another image first under its digest, which enters it into the list of
 * that image's referrers. Its tags wait for the end of the run: they say that the list has kept it.
 */
async function putListed(
  run: Run,
  brought: Brought,
  target: Target,
  children: readonly GraphNode[],
): Promise<void> {
  const { root, to } = brought;
  const { digest } = root.descriptor;
  const referrers = children.map(({ document }) => document.descriptor.digest);
  if (subjectOf(root, to.name) === undefined || to.confirmReferrers === undefined) {
    await putEdges(run, brought, target, false);
    if (referrers.length > 0) run.unconfirmed.push({ target, to, referrers, confirmed: async () => {} });
    return;
  }
  await run.copier.putRoot(root, to, []);
  const confirmed = () => putEdges(run, brought, target, true);
  run.unconfirmed.push({ target, to, referrers: [digest, ...referrers], confirmed });
}

/**
 * Puts the root under the tags that are asked for, but for those that have got there by themselves, or elsewhere,
 * since the plan was made. All that may be put go together; when that fails, each has its own failure.
 * @param isThere It has been put under its digest.
 */
async function putEdges(
  { copier, claims, report }: Run,
  { root, to }: Brought,
  { image, repository: { destination } }: Target,
  isThere: boolean,
): Promise<void> {
  const tell = (edge: PlannedEdge, failure?: FailureRecord): void =>
    report({ destination, image, edge }, failure);
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
    if (tag === null) return tell(edge, isThere ? undefined : await put([]));
    try {
      if (await isFree(claims, { root, to }, tag)) free.push({ edge, tag });
      else tell(edge);
    } catch (error) {
      tell(edge, failureRecord(error));
    }
  };
  await Promise.all(workEdges(image).map(check));
  const tags = free.splice(0);
  const failure = tags.length === 0 ? undefined : await put(tags.map(({ tag }) => tag));
  if (failure === undefined || tags.length === 1) {
    for (const { edge } of tags) tell(edge, failure);
    return;
  }
  // Attempts take time: each tag is looked at again before it is put by itself.
  for (const { edge } of tags) {
    await check(edge);
    for (const { tag } of free.splice(0)) tell(edge, await put([tag]));
  }
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
    phrase`the tag ${tag} was free when the plan was made and is now that of ${current ?? claimed}, not of ${digest}`,
    { ...placeOf(to), where: `${to.name}:${tag}`, hint: "find out who pushed it; Waybill never moves a tag" },
  );
}

async function heldRoot(
  documents: DocumentCache,
  repository: Repository,
  digest: Digest,
): Promise<ImageDocument> {
  const document = await documents.of(repository)(digest);
  if (document !== undefined) {
    // What not all read alike, or is no image, gets no tag, whoever has brought it there.
    readImageContent(document, formatReference(repository.name, digest));
    return document;
  }
  throw new RegistryError(
    "manifest-missing",
    phrase`${digest} was there when the plan was made and is not now`,
    { where: repository.name, hint: "run the promotion again: the next plan will copy it" },
  );
}

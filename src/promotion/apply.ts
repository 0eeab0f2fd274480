import pLimit from "p-limit";
import { type Copier, type DocumentCache, type ImageGraph, readGraph } from "../copy/index.ts";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import type { Digest, ImageDocument, RepositoryName, Tag } from "../oci/index.ts";
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
  await limit.map(worksOf(plan), async (work) => {
    if (options.signal?.aborted) return;
    await applyWork(work, claims, options, report);
  });
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

async function applyWork(
  { digest, source, targets }: Work,
  claims: TagClaims,
  { open, documents, copier }: ApplyOptions,
  report: (outcome: Outcome) => void,
): Promise<void> {
  let reading: Promise<ImageGraph> | undefined;
  const graph = (): Promise<ImageGraph> => {
    reading ??= readGraph(documents.of(open(source)), digest, source);
    return reading;
  };

  /** The root to put, after everything it refers to is there, and where to put it. */
  const bring = async ({ repository, image }: Target): Promise<Brought> => {
    const to = open(repository.destination);
    if (image.edges.every(({ verdict }) => verdict !== "copy")) return { root: await held(to, digest), to };
    const whole = await graph();
    await copier.copyClosure({ graph: whole, from: open(source), to, empty: repository.empty });
    return { root: whole.root.document, to };
  };

  const applyTo = async (target: Target): Promise<void> => {
    const { image } = target;
    const { destination } = target.repository;
    const edges = image.edges.filter(({ verdict }) => isWork(verdict));
    let brought: Brought;
    try {
      brought = await bring(target);
    } catch (error) {
      for (const edge of edges) report({ destination, image, edge, failure: failureRecord(error) });
      return;
    }
    for (const edge of edges) {
      const failure = await putEdge(copier, claims, brought, edge.tag).catch(failureRecord);
      report({ destination, image, edge, ...(failure === undefined ? {} : { failure }) });
    }
  };
  await Promise.all(targets.map(applyTo));
}

/** Puts the root under its tag, unless the tag has got there by itself, or elsewhere, since the plan was made. */
async function putEdge(
  copier: Copier,
  claims: TagClaims,
  { root, to }: Brought,
  tag: Tag | null,
): Promise<void> {
  if (tag === null) return copier.putRoot(root, to);
  const { digest } = root.descriptor;
  const place = `${to.address}:${tag}`;
  const claimed = claims.get(place) ?? digest;
  claims.set(place, claimed);
  const current = (await to.resolve(tag))?.digest;
  if (current === digest) return;
  if (current === undefined && claimed === digest) return copier.putRoot(root, to, tag);
  throw new WaybillError(
    "tag-taken",
    `the tag ${tag} was free when the plan was made and is now that of ${current ?? claimed}, not of ${digest}`,
    { where: `${to.name}:${tag}`, hint: "find out who pushed it; Waybill never moves a tag" },
  );
}

async function held(repository: Repository, digest: Digest): Promise<ImageDocument> {
  const document = await repository.fetch(digest);
  if (document !== undefined) return document;
  throw new RegistryError("manifest-missing", `${digest} was there when the plan was made and is not now`, {
    where: repository.name,
    hint: "run the promotion again: the next plan will copy it",
  });
}

import pLimit from "p-limit";
import { type Copier, type DocumentCache, type ImageGraph, readGraph } from "../copy/index.ts";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import type { Digest, ImageDocument, RepositoryName } from "../oci/index.ts";
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
  readonly targets: { readonly repository: PlannedRepository; readonly image: PlannedImage }[];
}

/** Images under way at the same time; the policy of each host bounds what really is in flight. */
const imagesAtOnce = 24;

/** A tag was free when the plan was made; a plan older than this asks again before it puts the tag. */
const freshForMilliseconds = 20_000;

/**
 * Does the work of a plan: edges with the verdicts `copy` and `tag`, and nothing else. A failure stays with its
 * edge. Never deletes, and never moves a tag: one that has appeared since the plan was made is a failure.
 */
export async function applyPlan(plan: Plan, options: ApplyOptions): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const report = (outcome: Outcome): void => {
    outcomes.push(outcome);
    options.onOutcome?.(outcome);
  };
  const limit = pLimit(imagesAtOnce);
  const readAt = Date.parse(plan.createdAt);
  await limit.map(worksOf(plan), async (work) => {
    if (options.signal?.aborted) return;
    await applyWork(work, readAt, options, report);
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
  readAt: number,
  { open, documents, copier }: ApplyOptions,
  report: (outcome: Outcome) => void,
): Promise<void> {
  const from = open(source);
  let reading: Promise<ImageGraph> | undefined;
  const graph = (): Promise<ImageGraph> => {
    reading ??= readGraph(documents.of(from), digest, `${source}@${digest}`);
    return reading;
  };

  /** The root to put, after everything it refers to is there. */
  const bring = async (
    repository: PlannedRepository,
    image: PlannedImage,
    to: Repository,
  ): Promise<ImageDocument> => {
    if (image.edges.every(({ verdict }) => verdict !== "copy")) return held(to, digest);
    const whole = await graph();
    await copier.copyClosure({ graph: whole, from, to, empty: repository.empty });
    return whole.root.document;
  };

  await Promise.all(
    targets.map(async ({ repository, image }) => {
      const { destination } = repository;
      const to = open(destination);
      const edges = image.edges.filter(({ verdict }) => isWork(verdict));
      let root: ImageDocument;
      try {
        root = await bring(repository, image, to);
      } catch (error) {
        for (const edge of edges) report({ destination, image, edge, failure: failureRecord(error) });
        return;
      }
      for (const edge of edges) {
        try {
          if (edge.tag !== null && Date.now() - readAt > freshForMilliseconds)
            await refuseTaken(to, edge, digest);
          await copier.putRoot(root, to, edge.tag ?? undefined);
          report({ destination, image, edge });
        } catch (error) {
          report({ destination, image, edge, failure: failureRecord(error) });
        }
      }
    }),
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

async function refuseTaken(repository: Repository, { tag }: PlannedEdge, digest: Digest): Promise<void> {
  if (tag === null) return;
  const current = await repository.resolve(tag);
  if (current === undefined || current.digest === digest) return;
  throw new WaybillError(
    "tag-taken",
    `the tag ${tag} was free when the plan was made and now stands at ${current.digest}, not at ${digest}`,
    { where: `${repository.name}:${tag}`, hint: "find out who pushed it; Waybill never moves a tag" },
  );
}

import { createHash } from "node:crypto";
import type { DocumentCache } from "../copy/index.ts";
import {
  type DesiredImage,
  type DesiredRepository,
  desiredRepositories,
  type EdgeSet,
  edgesHash,
} from "../edges/index.ts";
import { failureRecord } from "../errors/index.ts";
import type { Listener, ProgressEvent } from "../events/index.ts";
import { type Digest, type ImageDocument, type RepositoryName, splitRepository } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { onEachHost } from "./by-host.ts";
import {
  type DecisionState,
  decideImage,
  isPresent,
  needsSource,
  planPresent,
  type SourceReading,
} from "./decide.ts";
import { interruption } from "./interruption.ts";
import { type Reading, type RepositoryState, readRepositoryState, unreadable } from "./inventory.ts";
import type { Plan, PlannedImage, PlannedRepository, PlanSummary, Since, Verdict } from "./plan.ts";

/** How promotion reaches a repository: usually `openRegistries(…).repository`. */
export type OpenRepository = (name: RepositoryName) => Repository;

export interface PlanningOptions {
  /** What is asked for: all of it, or that which is to be looked at. */
  readonly edges: EdgeSet;
  readonly open: OpenRepository;
  /** Manifests read from staging are kept here for applying the plan. */
  readonly documents: DocumentCache;
  /** What the edges are limited to; left out when they are all that the manifests ask for. */
  readonly since?: Since;
  /** Told after each repository that was read. */
  readonly listener?: Listener<ProgressEvent> | undefined;
  /** No repository is begun once it is aborted: those that are left are `unread`, as `interrupted`. */
  readonly signal?: AbortSignal;
}

/** Tags that are wanted of a host from which on it is worth a request to find out whether it lists manifests. */
const worthAListing = 1_000;
/** Repositories of a host that are read at the same time; the policy of each host bounds what really is in flight. */
const repositoriesAtOnce = 64;

/**
 * Compares what the manifests ask for with what the registries hold. Reads only what the edges touch: production
 * repositories first, staging only for images that production lacks. Failures to read become `unread` edges. Never throws.
 */
export async function planPromotion(options: PlanningOptions): Promise<Plan> {
  const { edges, since } = options;
  const desired = desiredRepositories(edges);
  const planning = {
    open: options.open,
    source: sourceReader(options),
    present: presentPlans(),
    scout: scoutOf(desired),
    documents: options.documents,
  };
  let done = 0;
  const planned = await onEachHost(desired, repositoriesAtOnce, async (repository) => {
    const given = options.signal?.aborted ? { ...planning, scout: notLookedAt(repository) } : planning;
    const result = await planRepository(repository, given);
    done += 1;
    options.listener?.({ type: "progress", done, total: desired.length });
    return result;
  });
  const repositories = planned.sort((one, other) => (one.destination < other.destination ? -1 : 1));
  return sealPlan(repositories, edgesHash(edges), since);
}

/** A plan of these repositories, with its summary and hash. */
export function sealPlan(repositories: readonly PlannedRepository[], edges: string, since?: Since): Plan {
  return {
    format: "waybill-plan/1",
    hash: planHash(repositories, edges),
    edgesHash: edges,
    ...(since === undefined ? {} : { since }),
    createdAt: new Date().toISOString(),
    summary: summarize(repositories),
    repositories,
  };
}

/**
 * The identity of a plan: what would be done where, and why, but not on which line of which file it is asked for, nor
 * since which commit, so that an approval outlives a comment added to a manifest, and a merge.
 */
export function planHash(repositories: readonly PlannedRepository[], edges: string): string {
  const hash = createHash("sha256").update(`waybill-plan/1\n${edges}\n`);
  const shared = new Map<readonly PlannedImage[], string | undefined>();
  for (const { images } of repositories) shared.set(images, shared.has(images) ? "" : undefined);
  for (const { destination, images } of repositories) {
    const verdicts = shared.get(images) || verdictsText(images);
    // Only what is used again is kept: together, the texts of a large plan are too large.
    if (shared.get(images) !== undefined) shared.set(images, verdicts);
    hash.update(`${destination}\n${verdicts}`);
  }
  return `sha256:${hash.digest("hex")}`;
}

function verdictsText(images: readonly PlannedImage[]): string {
  const lines = images.flatMap(({ digest, source, edges }) =>
    edges.map(
      ({ tag, verdict, reason, current }) =>
        `${digest} ${source} ${tag ?? "-"} ${verdict} ${reason} ${current ?? "-"}\n`,
    ),
  );
  return lines.join("");
}

/** Plans of images for which nothing is to be done: where images are shared, so are their plans. */
interface PresentPlans {
  image(image: DesiredImage): PlannedImage;
  images(images: readonly DesiredImage[]): readonly PlannedImage[];
}

function presentPlans(): PresentPlans {
  const plans = new Map<DesiredImage, PlannedImage>();
  const lists = new Map<readonly DesiredImage[], readonly PlannedImage[]>();
  const planOf = (image: DesiredImage): PlannedImage => {
    const plan = plans.get(image) ?? planPresent(image);
    plans.set(image, plan);
    return plan;
  };
  return {
    image: planOf,
    images(images) {
      const list = lists.get(images) ?? images.map(planOf);
      lists.set(images, list);
      return list;
    },
  };
}

/** Reads a repository, by its listing first when that is asked for. */
type ReadState = (listFirst: boolean) => Promise<RepositoryState>;

/**
 * Of a host that many tags are wanted of, the first repository is listed, and the others wait for that: where it lists
 * manifests, each of them takes one request instead of one for each tag.
 */
function scoutOf(
  desired: readonly DesiredRepository[],
): (destination: RepositoryName, read: ReadState) => Promise<RepositoryState> {
  const wanted = new Map<string, number>();
  for (const { destination, images } of desired) {
    const { host } = splitRepository(destination);
    const tags = images.reduce((sum, image) => sum + image.tags.length, 0);
    wanted.set(host, (wanted.get(host) ?? 0) + tags);
  }
  const first = new Map<string, Promise<RepositoryState>>();
  return async (destination, read) => {
    const { host } = splitRepository(destination);
    if ((wanted.get(host) ?? 0) < worthAListing) return read(false);
    const scout = first.get(host);
    if (scout !== undefined) {
      await scout;
      return read(false);
    }
    const reading = read(true);
    first.set(host, reading);
    return reading;
  };
}

/** Stands in for reading a repository that the run was stopped before. */
function notLookedAt({ images }: DesiredRepository): ReturnType<typeof scoutOf> {
  return async () => unreadable(images, interruption);
}

interface Planning {
  readonly open: OpenRepository;
  readonly source: (image: DesiredImage) => Promise<SourceReading>;
  readonly present: PresentPlans;
  readonly scout: ReturnType<typeof scoutOf>;
  readonly documents: DocumentCache;
}

async function planRepository(
  { destination, images, contested }: DesiredRepository,
  { open, source, present, scout, documents }: Planning,
): Promise<PlannedRepository> {
  const read = await scout(destination, (listFirst) =>
    readRepositoryState(() => open(destination), images, listFirst),
  );
  const state = await withReferrers(read, images, () => open(destination), documents);
  const { empty, missing } = state;
  if (images.every((image) => isPresent(image, state, contested))) {
    return { destination, empty, images: present.images(images) };
  }
  const planned = images.map((image) => {
    if (isPresent(image, state, contested)) return present.image(image);
    if (!needsSource(image, state, contested)) return decideImage(image, state, contested);
    return source(image).then((reading) => decideImage(image, state, contested, reading));
  });
  return {
    destination,
    empty,
    ...(missing === undefined ? {} : { missing }),
    images: await Promise.all(planned),
  };
}

/**
 * Finds out which referrers their subjects' lists lack: of manifests that are there without a tag, or without one that is
 * to be put, for tags are put last. Nothing is asked about what is about no other image.
 */
async function withReferrers(
  state: RepositoryState,
  images: readonly DesiredImage[],
  open: () => Repository,
  documents: DocumentCache,
): Promise<DecisionState> {
  const halfDone = images.filter(({ digest, tags }) => {
    const isAbsent = (reading: Reading | undefined) =>
      reading !== undefined && "digest" in reading && reading.digest === undefined;
    const reading = state.digests.get(digest);
    const isHere = reading !== undefined && "digest" in reading && reading.digest !== undefined;
    return isHere && tags.some(({ tag }) => isAbsent(state.tags.get(tag)));
  });
  if (halfDone.length === 0 && !state.referrers?.length) return state;
  const repository = open();
  if (repository.isListedReferrer === undefined) return state;
  const digests = new Map(state.digests);
  const unlisted = new Set<Digest>();
  const ask = async (digest: Digest, read: () => Promise<ImageDocument | undefined>): Promise<void> => {
    try {
      const document = await read();
      if (document === undefined) return;
      if ((await repository.isListedReferrer?.(document)) === false) unlisted.add(digest);
    } catch (error) {
      digests.set(digest, { failure: failureRecord(error) });
    }
  };
  const fetch = documents.of(repository);
  await Promise.all([
    ...halfDone.map(({ digest }) => ask(digest, () => fetch(digest))),
    ...(state.referrers ?? []).map((found) => ask(found.descriptor.digest, async () => found)),
  ]);
  const { tags, empty, missing } = state;
  return { tags, empty, missing, digests, unlisted };
}

/** Asks staging about each digest once, whoever asks; sources are tried in the order of the manifests. */
function sourceReader({ open, documents }: PlanningOptions): (image: DesiredImage) => Promise<SourceReading> {
  const readings = new Map<string, Promise<SourceReading>>();

  const readOne = async (repository: RepositoryName, digest: Digest): Promise<SourceReading> => {
    try {
      const document = await documents.of(open(repository))(digest);
      return document === undefined ? { state: "missing" } : { state: "found", repository };
    } catch (error) {
      return { state: "unread", failure: failureRecord(error) };
    }
  };

  const readAll = async ({ digest, sources }: DesiredImage): Promise<SourceReading> => {
    let answer: SourceReading = { state: "missing" };
    for (const { repository } of sources) {
      const key = `${repository}@${digest}`;
      const reading = readings.get(key) ?? readOne(repository, digest);
      readings.set(key, reading);
      const found = await reading;
      if (found.state === "found") return found;
      if (found.state === "unread") answer = found;
    }
    return answer;
  };
  return readAll;
}

function summarize(repositories: readonly PlannedRepository[]): PlanSummary {
  const summary: Record<Verdict, number> = {
    present: 0,
    copy: 0,
    tag: 0,
    conflict: 0,
    lost: 0,
    overlap: 0,
    unread: 0,
    refused: 0,
    withheld: 0,
  };
  for (const { images } of repositories) {
    for (const { edges } of images) for (const { verdict } of edges) summary[verdict] += 1;
  }
  return summary;
}

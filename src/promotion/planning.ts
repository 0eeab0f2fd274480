import pLimit from "p-limit";
import type { Budget, DocumentCache } from "../copy/index.ts";
import {
  countEdges,
  type DesiredImage,
  type DesiredRepository,
  desiredRepositories,
} from "../edges/index.ts";
import { type FailureRecord, failureRecord } from "../errors/index.ts";
import { type Digest, type ImageDocument, type RepositoryName, splitRepository } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { onEachHost } from "./by-host.ts";
import { type DecisionState, decideImage, isPresent, needsSource, type SourceReading } from "./decide.ts";
import { interruption } from "./interruption.ts";
import { isAbsent, type RepositoryState, readRepositoryState, unreadable } from "./inventory.ts";
import { judgedImage } from "./judged-image.ts";
import type { Section } from "./plan.ts";
import {
  gatherAlike,
  imageKind,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepositories,
  type PlannedRepository,
} from "./planned-images.ts";
import { notEvaluated, underPolicies } from "./policies.ts";
import type { OpenRepository, SectionQuestion } from "./section.ts";
import { isWork } from "./verdicts.ts";

/** Tags that are wanted of a host from which on it is worth a request to find out whether it lists manifests. */
const worthAListing = 1_000;
/** Repositories of a host that are read at the same time; the policy of each host bounds what really is in flight. */
const repositoriesAtOnce = 64;
/** Images whose evidence is in memory at the same time. */
const judgedAtOnce = 32;

/**
 * Compares the edges with what the registries hold. Reads only what the edges touch: production repositories first,
 * staging only for images that production lacks. Failures to read become `unread` edges. Never throws.
 */
export async function planImages(question: SectionQuestion): Promise<Section<PlannedRepositories>> {
  const { edges, open, documents, listener, signal } = question;
  const desired = desiredRepositories(edges);
  const source = question.judging.sourceOf;
  const planning = { open, source, judge: judgeOf(question), scout: scoutOf(desired), documents };
  const gathering = gatherAlike();
  let present = 0;
  let done = 0;
  await onEachHost(desired, repositoriesAtOnce, async (repository, questions) => {
    const given = signal?.aborted ? { ...planning, scout: notLookedAt(repository) } : planning;
    const planned = await planRepository(repository, questions, given);
    gathering.add(planned.repository);
    present += planned.present;
    done += 1;
    listener?.({ type: "progress", done, total: desired.length });
  });
  return { kind: imageKind, present, items: gathering.items() };
}

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
  readonly judge: Judge;
  readonly scout: ReturnType<typeof scoutOf>;
  readonly documents: DocumentCache;
}

/** What is to be said of a repository, and how many of its edges are as asked. */
async function planRepository(
  { destination, images, contested }: DesiredRepository,
  questions: Budget,
  { open, source, judge, scout, documents }: Planning,
): Promise<{ readonly repository: PlannedRepository; readonly present: number }> {
  const read = await scout(destination, (listFirst) =>
    readRepositoryState(() => open(destination), images, questions, listFirst),
  );
  const state = await withReferrers(read, images, () => open(destination), documents);
  const { empty, missing } = state;
  const wanting = images.filter((image) => !isPresent(image, state, contested));
  const planned = await Promise.all(
    wanting.map(async (image) => {
      const reading = needsSource(image, state, contested) ? await source(image) : undefined;
      return judge(image, decideImage(image, state, contested, reading), destination);
    }),
  );
  const listed = planned.map(withoutPresent);
  const present = countEdges(images) - listed.reduce((sum, { edges }) => sum + edges.length, 0);
  return {
    repository: { destination, empty, ...(missing === undefined ? {} : { missing }), images: listed },
    present,
  };
}

type Judge = (image: DesiredImage, planned: PlannedImage, to: RepositoryName) => Promise<PlannedImage>;

/** Asks what policies say of images that there is something to do about, and of no others. */
function judgeOf({ judging, trust, signal }: SectionQuestion): Judge {
  const limit = pLimit(judgedAtOnce);
  return async (image, planned, destination) => {
    if (!planned.edges.some(({ verdict }) => isWork(verdict))) return planned;
    if (trust === undefined) {
      const policy = image.sources.find((each) => each.policy !== undefined)?.policy;
      return policy === undefined ? planned : underPolicies(planned, [notEvaluated(policy)]);
    }
    const judged = judgedImage(image, planned, destination);
    if (!trust.applies(judged)) return planned;
    return limit(async () => {
      if (signal?.aborted) return unread(planned, interruption);
      const isPresent = planned.edges.every(({ verdict }) => verdict !== "copy");
      const { verdicts } = await judging.verdictsOn(judged, { destination, isPresent });
      return underPolicies(planned, verdicts);
    });
  };
}

function unread(planned: PlannedImage, failure: FailureRecord): PlannedImage {
  const edges = planned.edges.map(
    (edge): PlannedEdge =>
      isWork(edge.verdict) ? { ...edge, verdict: "unread", reason: "policy-unreadable", failure } : edge,
  );
  return { ...planned, edges };
}

function withoutPresent(image: PlannedImage): PlannedImage {
  if (image.edges.every(({ verdict }) => verdict !== "present")) return image;
  return { ...image, edges: image.edges.filter(({ verdict }) => verdict !== "present") };
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

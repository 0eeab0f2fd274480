import { createHash } from "node:crypto";
import pLimit from "p-limit";
import type { DocumentCache } from "../copy/index.ts";
import { failureRecord } from "../errors/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { type Claims, contestedTags, decideImage, needsSource, type SourceReading } from "./decide.ts";
import { type DesiredImage, type DesiredRepository, desiredRepositories, edgesHash } from "./desired.ts";
import { readRepositoryState } from "./inventory.ts";
import { describeLimit, type Limit, limitToChanges } from "./limit.ts";
import type { Plan, PlannedRepository, PlanSummary, Since } from "./plan.ts";

/** How promotion reaches a repository: usually `openRegistries(…).repository`. */
export type OpenRepository = (name: RepositoryName) => Repository;

export interface PlanningOptions {
  readonly manifests: readonly PromoterManifest[];
  readonly open: OpenRepository;
  /** Manifests read from staging are kept here for applying the plan. */
  readonly documents: DocumentCache;
  /** Plan only what changed; everything is planned when it is left out. */
  readonly limit?: Limit;
  /** Told after each repository that was read. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops reading; the promise then rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Repositories that are read at the same time; the policy of each host bounds what really is in flight. */
const repositoriesAtOnce = 64;

/**
 * Compares what the manifests ask for with what the registries hold. Reads only what the edges touch: production
 * repositories first, staging only for images that production lacks. Failures to read become `unread` edges; the
 * only thing thrown is an abort.
 */
export async function planPromotion(options: PlanningOptions): Promise<Plan> {
  const all = desiredRepositories(options.manifests);
  const desired = options.limit === undefined ? all : limitToChanges(all, options.limit);
  const contested = contestedTags(options.manifests);
  const source = sourceReader(options);
  const limit = pLimit(repositoriesAtOnce);
  let done = 0;
  const repositories = await limit.map(desired, async (repository) => {
    options.signal?.throwIfAborted();
    const planned = await planRepository(
      repository,
      options.open,
      contested.get(repository.destination) ?? new Map(),
      source,
    );
    done += 1;
    options.onProgress?.(done, desired.length);
    return planned;
  });
  const since = options.limit === undefined ? undefined : describeLimit(options.limit);
  return sealPlan(repositories, edgesHash(desired), since);
}

/** A plan of these repositories, with its summary and hash. */
export function sealPlan(repositories: readonly PlannedRepository[], edges: string, since?: Since): Plan {
  return {
    format: "waybill-plan/1",
    hash: planHash(repositories, edges),
    edgesHash: edges,
    ...(since === undefined ? {} : { since }),
    createdAt: new Date().toISOString(),
    summary: summarise(repositories),
    repositories,
  };
}

/**
 * The identity of a plan: what would be done where, and why, but not on which line of which file it is asked for, nor
 * since which commit, so that an approval outlives a comment added to a manifest, and a merge.
 */
export function planHash(repositories: readonly PlannedRepository[], edges: string): string {
  const hash = createHash("sha256").update(`waybill-plan/1\n${edges}\n`);
  for (const { destination, images } of repositories) {
    hash.update(`${destination}\n`);
    for (const { digest, source, edges } of images) {
      for (const { tag, verdict, reason, current } of edges) {
        hash.update(`${digest} ${source} ${tag ?? "-"} ${verdict} ${reason} ${current ?? "-"}\n`);
      }
    }
  }
  return `sha256:${hash.digest("hex")}`;
}

async function planRepository(
  desired: DesiredRepository,
  open: OpenRepository,
  contested: ReadonlyMap<Tag, Claims>,
  source: (image: DesiredImage) => Promise<SourceReading>,
): Promise<PlannedRepository> {
  const state = await readRepositoryState(() => open(desired.destination), desired.images);
  const images = await Promise.all(
    desired.images.map(async (image) => {
      const reading = needsSource(image, state, contested) ? await source(image) : undefined;
      return decideImage(image, state, contested, reading);
    }),
  );
  return { destination: desired.destination, empty: state.empty, images };
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

function summarise(repositories: readonly PlannedRepository[]): PlanSummary {
  const summary = {
    present: 0,
    copy: 0,
    tag: 0,
    conflict: 0,
    lost: 0,
    overlap: 0,
    unread: 0,
    withheld: 0,
  };
  for (const { images } of repositories) {
    for (const { edges } of images) for (const { verdict } of edges) summary[verdict] += 1;
  }
  return summary;
}

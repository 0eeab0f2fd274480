import pLimit from "p-limit";
import { readGraph } from "../../copy/index.ts";
import { type FailureRecord, failureRecord, phrase } from "../../errors/index.ts";
import {
  type Descriptor,
  type Digest,
  formatReference,
  type RepositoryName,
  readImageContent,
  type Tag,
} from "../../oci/index.ts";
import {
  notKeptInList,
  placeOf,
  placing,
  RegistryError,
  type Repository,
  readSmallBlob,
} from "../../registry/index.ts";
import {
  type CosignTags,
  layerIdentity,
  layersOf,
  maxLayerBytes,
  openCosignTags,
  tagPlace,
} from "../../trust/index.ts";
import type { ApplyOptions, Outcome } from "../section.ts";
import { isWork } from "../verdicts.ts";
import { type CompanionEdge, type PlannedCompanion, type PlannedTravel, referrersKind } from "./planned.ts";

/** Images whose companions are under way at the same time. */
const imagesAtOnce = 24;

interface Destination {
  readonly name: RepositoryName;
  readonly to: Repository;
}

interface Run extends ApplyOptions {
  readonly tags: CosignTags;
  /** What was put, until it is known to have stayed. */
  readonly put: { readonly edge: CompanionEdge; readonly to: Repository }[];
  readonly fail: (travel: PlannedTravel, at: RepositoryName, edge: PlannedCompanion, error: unknown) => void;
}

/**
 * Brings what is to travel: each manifest under its digest, as it is; layers beside those that stand under the same tag. What was
 * written is looked at again at the end, for others may write the same lists and tags. A failure stays with its edge; never
 * throws.
 */
export async function applyTravel(
  items: readonly PlannedTravel[],
  options: ApplyOptions,
): Promise<readonly Outcome<CompanionEdge>[]> {
  const outcomes: Outcome<CompanionEdge>[] = [];
  const report = (of: CompanionEdge, failure?: FailureRecord): void => {
    const outcome = { kind: referrersKind, of, ...(failure === undefined ? {} : { failure }) };
    outcomes.push(outcome);
    options.tell(outcome);
  };
  const put: Run["put"] = [];
  const run: Run = {
    ...options,
    put,
    tags: openCosignTags(),
    fail: (travel, destination, edge, error) => report({ destination, travel, edge }, failureRecord(error)),
  };
  await pLimit(imagesAtOnce).map(items, async (travel) => {
    if (!options.signal?.aborted) await bring(travel, run);
  });
  const lost = await lostOf(run);
  for (const { edge, to } of put) report(edge, lost(edge.edge, to));
  return outcomes;
}

async function bring(travel: PlannedTravel, run: Run): Promise<void> {
  const work = travel.companions.filter(({ verdict }) => isWork(verdict));
  if (work.length === 0) return;
  const opened = travel.destinations.flatMap((name): Destination[] => {
    try {
      return [{ name, to: run.open(name) }];
    } catch (error) {
      for (const edge of work) run.fail(travel, name, edge, error);
      return [];
    }
  });
  const tags = new Map<Tag, PlannedCompanion[]>();
  const manifests: PlannedCompanion[] = [];
  for (const companion of work) {
    if (companion.tag === undefined) manifests.push(companion);
    else tags.set(companion.tag, [...(tags.get(companion.tag) ?? []), companion]);
  }
  await Promise.all([
    ...manifests.map((companion) => bringManifest(travel, companion, opened, run)),
    ...Array.from(tags, ([tag, layers]) => bringLayers(travel, tag, layers, opened, run)),
  ]);
}

/** A manifest with all that it refers to, byte for byte. */
async function bringManifest(
  travel: PlannedTravel,
  companion: PlannedCompanion,
  destinations: readonly Destination[],
  run: Run,
): Promise<void> {
  const { open, documents, copier, put, fail } = run;
  try {
    const from = open(travel.source);
    const graph = await placing(from, readGraph(documents.of(from), companion.digest, travel.source));
    const to = destinations.map((destination) => ({ repository: destination.to, empty: false }));
    const closures = copier.copyClosure({ graph, from, to });
    await Promise.all(
      destinations.map(async ({ name, to: repository }, index) => {
        try {
          await closures[index];
          await copier.putRoot(graph.root.document, repository, []);
          put.push({ edge: { destination: name, travel, edge: companion }, to: repository });
        } catch (error) {
          fail(travel, name, companion, error);
        }
      }),
    );
  } catch (error) {
    for (const { name } of destinations) fail(travel, name, companion, error);
  }
}

/** Layers of a tag, beside those that the destination has under it. */
async function bringLayers(
  travel: PlannedTravel,
  tag: Tag,
  companions: readonly PlannedCompanion[],
  destinations: readonly Destination[],
  run: Run,
): Promise<void> {
  const { open, tags, put, fail } = run;
  try {
    const from = open(travel.source);
    const whole = await placing(from, from.fetch(tag));
    const standing = new Map(
      whole === undefined ? [] : layersOf(whole, from.name).map((layer) => [layerIdentity(layer), layer]),
    );
    const content = onceEach((blob) => placing(from, readSmallBlob(from, blob, maxLayerBytes)));
    const layers = companions.map(({ layer }) => {
      const descriptor = layer === undefined ? undefined : standing.get(layer);
      if (descriptor === undefined) throw goneSince(from, tag);
      return { descriptor, content: () => content(descriptor) };
    });
    const [config] = whole === undefined ? [] : readImageContent(whole, from.name).blobs;
    await Promise.all(
      destinations.map(async ({ name, to: repository }) => {
        try {
          const merge = { repository, tag, layers, whole };
          await placing(
            repository,
            tags.merge({ ...merge, config: config === undefined ? undefined : () => content(config) }),
          );
          for (const edge of companions)
            put.push({ edge: { destination: name, travel, edge }, to: repository });
        } catch (error) {
          for (const companion of companions) fail(travel, name, companion, error);
        }
      }),
    );
  } catch (error) {
    for (const { name } of destinations)
      for (const companion of companions) fail(travel, name, companion, error);
  }
}

function onceEach(
  read: (blob: Descriptor) => Promise<Uint8Array>,
): (blob: Descriptor) => Promise<Uint8Array> {
  const begun = new Map<Digest, Promise<Uint8Array>>();
  return (blob) => {
    const reading = begun.get(blob.digest) ?? read(blob);
    begun.set(blob.digest, reading);
    return reading;
  };
}

function goneSince(from: Repository, tag: Tag): RegistryError {
  return new RegistryError(
    "manifest-missing",
    phrase`a layer was under the tag ${tag} when the plan was made, and is not now`,
    {
      ...placeOf(from),
      where: formatReference(from.name, tag),
      hint: "run the promotion again: the next plan says what hangs there now",
    },
  );
}

/** Looks at the end at what was written: why a companion did not stay at a destination, where it did not. */
async function lostOf({
  put,
  tags,
}: Run): Promise<(edge: PlannedCompanion, to: Repository) => FailureRecord | undefined> {
  const repositories = new Map(
    put.flatMap(({ edge, to }) => (edge.edge.tag === undefined ? [[to.address, to] as const] : [])),
  );
  const lists = new Map<string, ReadonlySet<Digest> | FailureRecord>();
  const [lostTags] = await Promise.all([
    tags.confirm(),
    ...Array.from(repositories, async ([address, to]) => {
      try {
        lists.set(address, new Set(await to.confirmReferrers?.()));
      } catch (error) {
        lists.set(address, failureRecord(error));
      }
    }),
  ]);
  return ({ digest, tag }, to) => {
    if (tag !== undefined) {
      const error = lostTags.get(tagPlace(to, tag));
      return error === undefined ? undefined : failureRecord(error);
    }
    const list = lists.get(to.address);
    if (list === undefined) return undefined;
    if ("code" in list) return list;
    return list.has(digest) ? failureRecord(notKeptInList(to, digest)) : undefined;
  };
}

import { formatPlace } from "../diagnostics/index.ts";
import {
  countEdges,
  type DesiredImage,
  type DesiredRepository,
  desiredRepositories,
  type EdgeSet,
  onlyTags,
  tagsOrDigest,
} from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import { onEachHost } from "./by-host.ts";
import { standing } from "./decide.ts";
import { type RepositoryState, readRepositoryState, type TargetReading } from "./inventory.ts";
import type { OpenRepository } from "./section.ts";

/** What production is to hold, as far as it is not known to be there. */
export interface Expectation {
  /** By name, each with at least one image. */
  readonly repositories: readonly DesiredRepository[];
}

/**
 * - `missing`: the tag, or the digest that is asked for without one, is not there.
 * - `conflict`: the tag stands at another digest. Tags never move.
 * - `overlap`: the manifests ask for the tag at two digests, so that nobody promotes it.
 * - `unread`: it could not be found out.
 */
export type AbsentState = "missing" | "conflict" | "overlap" | "unread";

/** An edge that production is not known to hold. */
export interface AbsentEdge {
  readonly destination: RepositoryName;
  /** `null` for a digest that is asked for without a tag. */
  readonly tag: Tag | null;
  readonly digest: Digest;
  /** `file:line:column` of the line that asks for it. */
  readonly at: string;
  readonly state: AbsentState;
  /** Where the tag stands instead. */
  readonly current?: Digest;
  /** The media type of what it stands for there, when that is no image. */
  readonly currentType?: string;
  /** Why it is unread. */
  readonly failure?: FailureRecord;
}

/** All that these edges ask for. */
export function expectationOf(edges: EdgeSet): Expectation {
  return { repositories: desiredRepositories(edges).filter(({ images }) => images.length > 0) };
}

/** How many edges are expected, by production repository. */
export function countExpected({ repositories }: Expectation): ReadonlyMap<RepositoryName, number> {
  return new Map(repositories.map(({ destination, images }) => [destination, countEdges(images)]));
}

const repositoriesAtOnce = 64;

/**
 * Looks in production, and nowhere else, for what is expected there. Never throws for what a registry does.
 * @returns What is not there, in the order of its repositories, and the expectation of just that.
 */
export async function lookForArrivals(
  { repositories }: Expectation,
  open: OpenRepository,
): Promise<{ readonly absent: readonly AbsentEdge[]; readonly rest: Expectation }> {
  const looks = await onEachHost(repositories, repositoriesAtOnce, async (repository, questions) => {
    const { destination, images, contested } = repository;
    const state = await readRepositoryState(() => open(destination), images, questions);
    const absent = images.flatMap((image) =>
      absentEdges(image, state, (tag) => contested.has(tag)).map((edge) => ({ ...edge, destination })),
    );
    return { ...repository, absent };
  });
  looks.sort((one, other) => (one.destination < other.destination ? -1 : 1));
  const rest = looks
    .filter(({ absent }) => absent.length > 0)
    .map(({ absent, images, ...repository }) => ({ ...repository, images: onlyTags(images, absent) }));
  return { absent: looks.flatMap(({ absent }) => absent), rest: { repositories: rest } };
}

/** Everything that is expected, as edges that could not be read. */
export function unreadEdges({ repositories }: Expectation, failure: FailureRecord): readonly AbsentEdge[] {
  return repositories.flatMap(({ destination, images }) =>
    images.flatMap((image) =>
      tagsOrDigest(image).map(({ tag, at }): AbsentEdge => {
        const edge = { destination, tag, digest: image.digest, at: formatPlace(at) };
        return { ...edge, state: "unread", failure };
      }),
    ),
  );
}

type Absence = Omit<AbsentEdge, "destination">;

function absentEdges(
  image: DesiredImage,
  state: RepositoryState,
  isContested: (tag: Tag) => boolean,
): readonly Absence[] {
  const { digest } = image;
  return tagsOrDigest(image).flatMap(({ tag, at }): readonly Absence[] => {
    const edge = { tag, digest, at: formatPlace(at) };
    if (tag === null) return absence(edge, state.digests.get(digest));
    return isContested(tag) ? [{ ...edge, state: "overlap" }] : absence(edge, state.tags.get(tag));
  });
}

function absence(
  edge: Pick<AbsentEdge, "tag" | "digest" | "at">,
  reading: TargetReading | undefined,
): readonly Absence[] {
  if (reading === undefined) throw new TypeError(`${edge.tag ?? edge.digest} was not read`);
  if ("failure" in reading) return [{ ...edge, state: "unread", failure: reading.failure }];
  if (reading.digest === edge.digest) return [];
  if (reading.digest === undefined) return [{ ...edge, state: "missing" }];
  return [{ ...edge, state: "conflict", ...standing(reading) }];
}

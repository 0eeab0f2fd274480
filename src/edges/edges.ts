import { type Place, placeIn } from "../diagnostics/index.ts";
import { blocksByName, type DigestEntry, type ImageEntry, type PromoterManifest } from "../manifest/index.ts";
import { type Digest, parseRepository, type RepositoryName, type Tag } from "../oci/index.ts";
import { contestedTags, type OverlapClaim } from "./contested.ts";

/**
 * What promoter manifests ask for, grouped once: whatever is said of edges is said of this. The 720,000 edges of a large
 * tree are never made into objects one by one: repositories that the same blocks of manifests feed are one group, and
 * share one list of images.
 */
export interface EdgeSet {
  /** One for each image name of each manifest, in the order of the manifests. */
  readonly feeds: readonly Feed[];
  /** In the order in which the manifests come to them. Each production repository is in one of them. */
  readonly groups: readonly EdgeGroup[];
}

/** All blocks of one image name of one manifest: what it asks for of one staging repository. */
export interface Feed {
  readonly manifest: PromoterManifest;
  readonly name: string;
  readonly blocks: readonly ImageEntry[];
  readonly source: RepositoryName;
  readonly images: readonly DesiredImage[];
}

/** Production repositories that the same feeds write: usually the mirrors of one image. */
export interface EdgeGroup {
  /** In the order of their names. */
  readonly destinations: readonly RepositoryName[];
  /** In the order of the manifests. */
  readonly feeds: readonly Feed[];
  /** What is wanted in each of the destinations: all of what the feeds ask for, unless the set is limited. */
  readonly images: readonly DesiredImage[];
  /** Tags that the feeds ask for at two digests or more, with every line that does. */
  readonly contested: ReadonlyMap<Tag, readonly OverlapClaim[]>;
}

/** One digest wanted in a repository. */
export interface DesiredImage {
  readonly digest: Digest;
  /** Staging repositories that the manifests name for it: at least one, usually no more. Each once for each project. */
  readonly sources: readonly [DesiredSource, ...DesiredSource[]];
  /** Empty for a digest that is promoted without a tag. */
  readonly tags: readonly DesiredTag[];
}

/** A staging repository that manifests name for a digest. */
export interface DesiredSource {
  readonly repository: RepositoryName;
  readonly project: string;
  /** Of the digest. */
  readonly at: Place;
  /** Of the policy that demands provenance of what comes from there. */
  readonly policy: Place | undefined;
}

/** A tag that is wanted of a digest. */
export interface DesiredTag {
  readonly tag: Tag;
  readonly at: Place;
}

/** What is wanted in one production repository. */
export interface DesiredRepository extends Pick<EdgeGroup, "images" | "contested"> {
  readonly destination: RepositoryName;
}

/** All edges of the manifests. */
export function edgesOf(manifests: readonly PromoterManifest[]): EdgeSet {
  const policies = demandedProvenance(manifests);
  const feeds: Feed[] = [];
  const none: Meeting = { feeds: [], next: new Map(), destinations: [] };
  const meetings = new Map<RepositoryName, Meeting>();
  for (const manifest of manifests) {
    for (const [name, blocks] of blocksByName(manifest.images)) {
      const feed = feedOf(manifest, name, blocks, policies);
      feeds.push(feed);
      for (const { name: registry } of manifest.destinations) {
        const destination = parseRepository(`${registry}/${name}`);
        meetings.set(destination, joinedBy(feed, meetings.get(destination) ?? none));
      }
    }
  }
  const groups = new Set<Meeting>();
  for (const [destination, meeting] of meetings) {
    meeting.destinations.push(destination);
    groups.add(meeting);
  }
  return { feeds, groups: Array.from(groups, groupOf) };
}

/** Feeds that meet in a repository: one object for all repositories that the same feeds write. */
interface Meeting {
  readonly feeds: readonly Feed[];
  /** What becomes of it where another one joins. */
  readonly next: Map<Feed, Meeting>;
  readonly destinations: RepositoryName[];
}

function joinedBy(feed: Feed, meeting: Meeting): Meeting {
  if (meeting.feeds.at(-1) === feed) return meeting;
  const known = meeting.next.get(feed);
  if (known !== undefined) return known;
  const joined: Meeting = { feeds: [...meeting.feeds, feed], next: new Map(), destinations: [] };
  meeting.next.set(feed, joined);
  return joined;
}

function groupOf({ feeds, destinations }: Meeting): EdgeGroup {
  let images: readonly DesiredImage[] | undefined;
  return {
    destinations: destinations.sort(),
    feeds,
    get images() {
      images ??= unionOf(feeds.map((feed) => feed.images));
      return images;
    },
    contested: contestedTags(feeds),
  };
}

/** What is wanted in each production repository, in the order of their names; those of a group share their list. */
export function desiredRepositories({ groups }: EdgeSet): DesiredRepository[] {
  return groups
    .flatMap(({ destinations, images, contested }) =>
      destinations.map((destination) => ({ destination, images, contested })),
    )
    .sort((one, other) => (one.destination < other.destination ? -1 : 1));
}

/** How many edges go to each repository that these are wanted in: a digest without tags counts as one. */
export function countEdges(images: readonly { readonly tags: readonly unknown[] }[]): number {
  return images.reduce((sum, { tags }) => sum + Math.max(1, tags.length), 0);
}

/** What is wanted of an image: its tags, or the digest alone. */
export function tagsOrDigest({
  tags,
  sources,
}: DesiredImage): readonly { readonly tag: Tag | null; readonly at: Place }[] {
  return tags.length === 0 ? [{ tag: null, at: sources[0].at }] : tags;
}

/** Where provenance is demanded of a staging registry and of all below it, by its name with a slash at its end. */
function demandedProvenance(manifests: readonly PromoterManifest[]): ReadonlyMap<string, Place> {
  return new Map(
    manifests.flatMap(({ file, source, provenance }): [string, Place][] =>
      provenance?.mode === "require" ? [[`${source.name}/`, placeIn(file, provenance.at)]] : [],
    ),
  );
}

function feedOf(
  manifest: PromoterManifest,
  name: string,
  blocks: readonly ImageEntry[],
  policies: ReadonlyMap<string, Place>,
): Feed {
  const { project, imagesFile } = manifest;
  const source = parseRepository(`${manifest.source.name}/${name}`);
  const policy = [...policies].find(([above]) => source.startsWith(above))?.[1];
  const imageOf = ({ digest, tags, at }: DigestEntry): DesiredImage => ({
    digest,
    sources: [{ repository: source, project, at: placeIn(imagesFile, at), policy }],
    tags: tags.map((entry) => ({ tag: entry.tag, at: placeIn(imagesFile, entry.at) })),
  });
  let images: readonly DesiredImage[] | undefined;
  return {
    manifest,
    name,
    blocks,
    source,
    get images() {
      images ??= unionOf(blocks.map(({ digests }) => digests.map(imageOf)));
      return images;
    },
  };
}

/** Images of several lists; the same digest from several sources is one image. */
function unionOf(lists: readonly (readonly DesiredImage[])[]): readonly DesiredImage[] {
  const [first, ...others] = lists;
  if (first === undefined || others.length === 0) return first ?? [];
  const images = new Map(first.map((image) => [image.digest, image]));
  for (const image of others.flat()) {
    const known = images.get(image.digest);
    images.set(image.digest, known === undefined ? image : bothOf(known, image));
  }
  return [...images.values()];
}

function bothOf(known: DesiredImage, image: DesiredImage): DesiredImage {
  const tags = new Set(known.tags.map(({ tag }) => tag));
  const keyOf = ({ repository, project }: DesiredSource): string => `${repository} ${project}`;
  const sources = new Set(known.sources.map(keyOf));
  return {
    digest: known.digest,
    sources: [...known.sources, ...image.sources.filter((source) => !sources.has(keyOf(source)))],
    tags: [...known.tags, ...image.tags.filter(({ tag }) => !tags.has(tag))],
  };
}

import { isDeepStrictEqual } from "node:util";
import * as z from "zod/mini";
import { type Digest, digestSchema, type RepositoryName } from "../oci/index.ts";
import type { Plan } from "./plan.ts";
import {
  failureSchema,
  type Immutable,
  placeSchema,
  policySchema,
  repositorySchema,
  tagSchema,
} from "./plan-schemas.ts";
import type { SectionEdge } from "./section.ts";
import { reasonTable, verdictTable } from "./verdicts.ts";

const plannedEdge = z.object({
  /** `null` for a digest that is promoted without a tag. */
  tag: z.nullable(tagSchema),
  verdict: z.enum(verdictTable.map(({ verdict }) => verdict)),
  reason: z.enum(reasonTable.map(({ reason }) => reason)),
  /** Of the tag, or of the digest when there is none. */
  at: placeSchema,
  /** The digest the tag stands at in production, when that is another one. */
  current: z.exactOptional(digestSchema),
  /** The media type of what it stands for there, when that is no image. */
  currentType: z.exactOptional(z.string()),
  /** All claims, when two digests claim the tag. */
  claims: z.exactOptional(z.array(z.object({ digest: digestSchema, at: placeSchema }))),
  /** The policy that stands against it, and what it says. */
  policy: z.exactOptional(policySchema),
  /** What made it unread. */
  failure: z.exactOptional(failureSchema),
});

const judgement = z.object({
  policy: z.string(),
  at: placeSchema,
  mode: z.enum(["off", "warn", "require"]),
  outcome: z.enum(["satisfied", "excepted", "missing", "unreadable", "failed"]),
  why: z.string(),
  hint: z.optional(z.string()),
  failure: z.optional(failureSchema),
});

const plannedImage = z.object({
  digest: digestSchema,
  project: z.string(),
  /** Where it would be copied from: the first source that has it, otherwise the first that is named. */
  source: repositorySchema,
  edges: z.array(plannedEdge),
  /** What the policies that apply say of it, where anything is to be done; absent when none applies. */
  policies: z.exactOptional(z.array(judgement)),
});

/** Reads an item of a saved plan: {@link PlannedRepositories}. */
export const plannedRepositories = z.object({
  /** In the order of their names. */
  destinations: z.array(repositorySchema).check(z.minLength(1)),
  /** The registry listed nothing in them when they were read. */
  empty: z.boolean(),
  /**
   * They are not there, and the registry says that somebody has to create them, and not a push; the hint says what does. Work
   * is tried all the same, for some create one after all.
   */
  missing: z.exactOptional(failureSchema),
  images: z.array(plannedImage),
});

/** Production repositories of which the same is to be said, such as mirrors, and what the manifests ask of each. */
export type PlannedRepositories = Immutable<z.infer<typeof plannedRepositories>>;

/** One digest in one production repository, with the edges that are not as asked: one for each tag, or one without a tag. */
export type PlannedImage = Immutable<z.infer<typeof plannedImage>>;

/** One tag of an image, or the image without a tag, and what is to become of it. */
export type PlannedEdge = Immutable<z.infer<typeof plannedEdge>>;

/** A production repository, and what the manifests ask of it. */
export interface PlannedRepository extends Pick<PlannedRepositories, "empty" | "missing" | "images"> {
  readonly destination: RepositoryName;
}

/** One edge of the section of images. */
export interface ImageEdge extends SectionEdge {
  readonly destination: RepositoryName;
  readonly image: PlannedImage;
  readonly edge: PlannedEdge;
}

/** The name of the section of images. */
export const imageKind = "images";

/** What a plan says of images, by production repository, in the order of their names. What is as asked is not in it. */
export function plannedImages({ sections }: Pick<Plan, "sections">): readonly PlannedRepository[] {
  return sections.flatMap((section) =>
    section.kind === imageKind ? repositoriesOf(section.items as readonly PlannedRepositories[]) : [],
  );
}

/** The repositories of items, each by itself, in the order of their names. */
export function repositoriesOf(items: readonly PlannedRepositories[]): readonly PlannedRepository[] {
  return items
    .flatMap(({ destinations, ...same }) => destinations.map((destination) => ({ destination, ...same })))
    .sort((one, other) => (one.destination < other.destination ? -1 : 1));
}

/** Puts repositories of which the same is to be said together, so that mirrors cost no objects of their own. */
export interface Gathering {
  /** One of which there is nothing to say is left out. */
  add(repository: PlannedRepository): void;
  /** In the order of their first destinations. */
  items(): PlannedRepositories[];
}

/** Begins with no repository. */
export function gatherAlike(): Gathering {
  const share = sharedLists();
  const gathered = new Map<readonly PlannedImage[], (PlannedRepositories & Growing)[]>();
  return {
    add({ destination, images, ...same }) {
      if (images.length === 0) return;
      const list = share(images);
      const items = gathered.get(list) ?? [];
      gathered.set(list, items);
      const item = items.find(({ empty, missing }) => empty === same.empty && missing === same.missing);
      if (item === undefined) items.push({ destinations: [destination], ...same, images: list });
      else item.destinations.push(destination);
    },
    items() {
      const items = [...gathered.values()].flat();
      for (const { destinations } of items) destinations.sort();
      return items.sort((one, other) => (first(one) < first(other) ? -1 : 1));
    },
  };
}

interface Growing {
  readonly destinations: RepositoryName[];
}

function first({ destinations: [name] }: PlannedRepositories): string {
  return name ?? "";
}

/** Makes one list of all lists of images that are alike. */
function sharedLists(): (images: readonly PlannedImage[]) => readonly PlannedImage[] {
  const images = new Map<Digest, PlannedImage[]>();
  const lists = new Map<PlannedImage | undefined, (readonly PlannedImage[])[]>();
  const sharedImage = (image: PlannedImage): PlannedImage =>
    oneOf(images, image.digest, image, (known) => isAlike(known, image));
  return (list) => {
    const shared = list.map(sharedImage);
    return oneOf(
      lists,
      shared[0],
      shared,
      (known) => known.length === shared.length && known.every((image, at) => image === shared[at]),
    );
  };
}

/** What is known under the key and is the same; what is new is known from then on. */
function oneOf<Key, Value>(
  known: Map<Key, Value[]>,
  key: Key,
  value: Value,
  isSame: (known: Value) => boolean,
): Value {
  const values = known.get(key) ?? [];
  known.set(key, values);
  const found = values.find(isSame);
  if (found === undefined) values.push(value);
  return found ?? value;
}

function isAlike(one: PlannedImage, other: PlannedImage): boolean {
  if (one === other) return true;
  return (
    one.source === other.source &&
    one.project === other.project &&
    one.edges.length === other.edges.length &&
    one.edges.every((edge, at) => isSameEdge(edge, other.edges[at])) &&
    (one.policies === other.policies || isDeepStrictEqual(one.policies, other.policies))
  );
}

const edgeFields = Object.keys(plannedEdge.shape) as (keyof PlannedEdge)[];

function isSameEdge(one: PlannedEdge, other: PlannedEdge | undefined): boolean {
  // Mirrors mostly share the very objects, which costs nothing to see.
  return edgeFields.every(
    (field) => one[field] === other?.[field] || isDeepStrictEqual(one[field], other?.[field]),
  );
}

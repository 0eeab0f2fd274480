import { type Digest, type RepositoryName, splitRepository, type Tag } from "../oci/index.ts";
import { applyImages } from "./apply.ts";
import { claimsInWords, conflictAt, overlapHint, referenceOf } from "./image-problems.ts";
import {
  gatherAlike,
  type ImageEdge,
  imageKind,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepositories,
  plannedRepositories,
  repositoriesOf,
} from "./planned-images.ts";
import { planImages } from "./planning.ts";
import { isHeldBack, refusalBy } from "./policies.ts";
import type { EdgeDetails, SectionKind } from "./section.ts";
import { isWork } from "./verdicts.ts";

/** What reports say of an image that they do not say of everything. */
export interface ImageDetails extends EdgeDetails {
  readonly destination: RepositoryName;
  readonly tag: Tag | null;
  readonly source: RepositoryName;
  /** The digest that the tag stands at in production, when that is another one. */
  readonly current?: Digest | undefined;
  /** The media type of what it stands for there, when that is no image. */
  readonly currentType?: string | undefined;
}

/** Images and their tags, from staging into production. */
export const imageSection: SectionKind<PlannedRepositories, ImageEdge, ImageDetails> = {
  kind: imageKind,
  schema: plannedRepositories,
  plan: planImages,
  apply: applyImages,

  *edges(items) {
    for (const { destination, missing, images } of repositoriesOf(items)) {
      for (const image of images) {
        for (const edge of image.edges) yield { destination, image, edge, missing };
      }
    }
  },

  identity({ destinations, images }) {
    const lines = images.flatMap(({ digest, source, edges }) =>
      edges.map(
        ({ tag, verdict, reason, current }) =>
          `${digest} ${source} ${tag ?? "-"} ${verdict} ${reason} ${current ?? "-"}\n`,
      ),
    );
    return { destinations, text: lines.join(""), decisions: images.flatMap(({ edges }) => edges) };
  },

  withhold(items, saved) {
    const held = new Map(
      saved.flatMap(({ destinations, images }) => {
        const sources = sourcesOfWork(images);
        return destinations.map((destination) => [destination, sources] as const);
      }),
    );
    const gathering = gatherAlike();
    for (const { destinations, images, ...same } of items) {
      const restricted = new Map<Sources | undefined, readonly PlannedImage[]>();
      for (const destination of destinations) {
        const sources = held.get(destination);
        const list = restricted.get(sources) ?? images.map((image) => restrict(image, sources));
        restricted.set(sources, list);
        gathering.add({ destination, ...same, images: list });
      }
    }
    return gathering.items();
  },

  details({ destination, image: { digest, source, project }, edge: { tag, current, currentType } }) {
    return { destination, tag, digest, source, project, current, currentType };
  },

  explain({ image, edge }) {
    switch (edge.verdict) {
      case "conflict":
        return `the tag stands at ${edge.current} in production; tags are never moved`;
      case "lost":
        return `the image is in neither production nor staging (${image.source})`;
      case "overlap":
        return `two digests claim the tag: ${claimsInWords(edge)}`;
      default:
        return undefined;
    }
  },

  refusals: ({ image }) =>
    (image.policies ?? []).filter((each) => isHeldBack(each) && each.outcome !== "unreadable").map(refusalBy),

  name: referenceOf,

  host: ({ destination }) => splitRepository(destination).host,

  cause(edge) {
    switch (edge.state) {
      case "conflict":
        return conflictAt(edge);
      case "lost":
        return {
          host: splitRepository(edge.source).host,
          message: "the image is in neither production nor staging",
          detail: edge.source,
          hint: "push it to staging again, or correct the digest",
        };
      case "overlap":
        return { message: "two digests claim the tag", detail: edge.why, hint: overlapHint };
      default:
        return undefined;
    }
  },
};

/** By digest and tag, where a saved plan would copy from: all that it holds for a repository. */
type Sources = ReadonlyMap<string, RepositoryName>;

function sourcesOfWork(images: readonly PlannedImage[]): Sources {
  return new Map(
    images.flatMap((image) =>
      image.edges.flatMap((edge) =>
        isWork(edge.verdict) ? [[keyOf(image, edge), image.source] as const] : [],
      ),
    ),
  );
}

function restrict(image: PlannedImage, sources: Sources | undefined): PlannedImage {
  /** A tag is put on what is in production already, so where that once came from does not matter. */
  const isHeld = (edge: PlannedEdge): boolean => {
    const source = sources?.get(keyOf(image, edge));
    return source !== undefined && (edge.verdict === "tag" || source === image.source);
  };
  const edges = image.edges.map(
    (edge): PlannedEdge =>
      isWork(edge.verdict) && !isHeld(edge)
        ? { ...edge, verdict: "withheld", reason: "not-in-saved-plan" }
        : edge,
  );
  return { ...image, edges };
}

function keyOf({ digest }: PlannedImage, { tag }: PlannedEdge): string {
  return `${digest} ${tag ?? "-"}`;
}

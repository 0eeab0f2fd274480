import type { DesiredImage, EdgeSet } from "../edges/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Section } from "./plan.ts";
import { type PlannedImage, plannedImages } from "./planned-images.ts";
import { isWork } from "./verdicts.ts";

/** An image that is in a production repository, or will be when the plan's work is done. */
export interface ImageThere {
  readonly destination: RepositoryName;
  /** What the manifest calls it, below the registry that it names. */
  readonly name: string;
  readonly image: DesiredImage;
  /** Where it would be copied from, or the first source that is named. */
  readonly source: RepositoryName;
  /** Whose line asks for it. */
  readonly project: string;
  /** It is there already; otherwise it is to be copied. */
  readonly isPresent: boolean;
  /** Something is to be done of it: it is to be copied, or a tag of it is to be put. */
  readonly hasWork: boolean;
  /** Tags that it has there or is to get, sorted. */
  readonly tags: readonly Tag[];
  /** Nobody's manifest is known to ask for it, and nobody knows where it came from. */
  readonly byName?: true;
  /** No line asks for it, so that nobody knows which policies are about it. */
  readonly isUnclaimed?: true;
}

/**
 * Of the images that are asked for, those that hold what hangs on an image: that are in production or are about to get
 * there. One that is lost, refused or unread, or of which nothing but a conflict is known, is not among them.
 * @param earlier What is planned of images.
 */
export function* imagesThere(edges: EdgeSet, earlier: readonly Section[]): Generator<ImageThere> {
  const planned = new Map<RepositoryName, ReadonlyMap<Digest, PlannedImage>>();
  for (const { destination, images } of plannedImages({ sections: earlier }))
    planned.set(destination, new Map(images.map((image) => [image.digest, image])));
  for (const { destinations, feeds, images } of edges.groups) {
    const name = feeds[0]?.name ?? "";
    for (const destination of destinations) {
      const listed = planned.get(destination);
      for (const image of images) {
        const found = thereOf(image, listed?.get(image.digest));
        if (found !== undefined) yield { destination, name, image, ...found };
      }
    }
  }
}

function thereOf(
  { tags, sources: [first] }: DesiredImage,
  planned: PlannedImage | undefined,
): Omit<ImageThere, "destination" | "name" | "image"> | undefined {
  const unsettled = new Map(planned?.edges.map((edge) => [edge.tag, edge]));
  const { source, project } = planned ?? { source: first.repository, project: first.project };
  const names = tags
    .map(({ tag }) => tag)
    .filter((tag) => {
      const edge = unsettled.get(tag);
      return edge === undefined || isWork(edge.verdict);
    })
    .sort();
  const edges = [...unsettled.values()];
  const isSettled = tags.length === 0 ? edges.length === 0 : tags.some(({ tag }) => !unsettled.has(tag));
  const isPresent = isSettled || edges.some(({ verdict }) => verdict === "tag");
  const isPromised = edges.some(({ verdict }) => verdict === "copy");
  const hasWork = edges.some(({ verdict }) => isWork(verdict));
  return isPresent || isPromised ? { source, project, isPresent, hasWork, tags: names } : undefined;
}

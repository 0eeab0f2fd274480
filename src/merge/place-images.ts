import type { BuiltImage } from "../builds/index.ts";
import { firstOf } from "../diagnostics/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import { restBelow } from "../oci/index.ts";
import type { Filter } from "./filters.ts";

/** An image of a run, and the staging registry of a manifest that it belongs to. */
export interface PlacedImage {
  readonly staging: string;
  /** Below the staging registry. */
  readonly image: string;
  readonly built: BuiltImage;
}

/** An image of a run that belongs to none of the manifests, or to several. */
export interface LeftOutImage {
  readonly name: string;
  readonly repository: string;
  readonly digest: string;
  readonly message: string;
  readonly hint: string;
}

/**
 * Finds the source of the manifests that is a prefix, by whole segments, of where an image went or else of how the build
 * named it: an image that was pushed to the embedded registry is still one of the registry that its build file names.
 * Images whose name does not pass the filter are in neither list; of one that has no place, any end of its name may.
 */
export function placeImages(
  manifests: readonly PromoterManifest[],
  images: readonly BuiltImage[],
  filter: Filter,
): { readonly placed: readonly PlacedImage[]; readonly leftOut: readonly LeftOutImage[] } {
  const placed: PlacedImage[] = [];
  const leftOut: LeftOutImage[] = [];
  for (const built of images) {
    const places = placesOf(manifests, built);
    const passing = [...places].filter(([, image]) => filter.passes(image));
    const [first, ...others] = passing;
    if (first !== undefined && others.length === 0) {
      placed.push({ staging: first[0], image: first[1], built });
    } else if (first !== undefined) {
      leftOut.push(left(built, "belongs to several staging registries", severalHint(passing)));
    } else if (places.size === 0 && endsOf(built.name).some((end) => filter.passes(end))) {
      leftOut.push(left(built, "belongs to none of the manifests", noneHint(manifests)));
    }
  }
  return { placed, leftOut };
}

/** What an image is called below the source of a project: `undefined` when it is not below it. */
export function sourceOf(
  { source }: Pick<PromoterManifest, "source">,
  { repository, name }: BuiltImage,
): string | undefined {
  const below = (full: string) => restBelow(source.name, full) || undefined;
  return below(repository) ?? below(name);
}

/** Staging registries with what the image is called below each. Where it went counts more than how it is named. */
function placesOf(manifests: readonly PromoterManifest[], built: BuiltImage): Map<string, string> {
  for (const full of [built.repository, built.name]) {
    const places = new Map<string, string>();
    for (const { source } of manifests) {
      const image = restBelow(source.name, full);
      if (image) places.set(source.name, image);
    }
    if (places.size > 0) return places;
  }
  return new Map();
}

/** Every end of a name by whole segments: `c`, `b/c`, `a/b/c`. */
function endsOf(name: string): string[] {
  const segments = name.split("/");
  return segments.map((_, at) => segments.slice(at).join("/"));
}

function left({ name, repository, digest }: BuiltImage, what: string, hint: string): LeftOutImage {
  const where = repository === name ? name : `${name} (pushed to ${repository})`;
  return { name, repository, digest, message: `${where}@${digest} ${what}`, hint };
}

function severalHint(places: readonly (readonly [string, string])[]): string {
  return `say which with --staging-repo: ${places.map(([staging]) => staging).join(", ")}`;
}

function noneHint(manifests: readonly PromoterManifest[]): string {
  const sources = [...new Set(manifests.map(({ source }) => source.name))];
  return `the manifests promote from ${firstOf(sources, 5)}; leave it out with --image, or add a manifest`;
}

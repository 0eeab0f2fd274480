import { type Place, placeIn } from "../diagnostics/index.ts";
import type { ManifestComparison } from "../edges/index.ts";
import type { ManifestTree, PromoterManifest } from "../manifest/index.ts";
import type { ChangedLine } from "./lines.ts";
import type { ReviewFinding } from "./review.ts";
import { nameOf, placed } from "./words.ts";

/** One digest that a change lists, and that another image has already: as a rule somebody copied the wrong line. */
export function sameDigests(
  lines: readonly ChangedLine[],
  { manifests }: ManifestTree,
): readonly ReviewFinding[] {
  const added = lines.filter(({ kind }) => kind === "added" || kind === "moved");
  const wanted = new Set(added.map(({ digest }) => digest));
  const names = new Map<string, Map<string, Place>>();
  for (const { project, imagesFile, images } of manifests) {
    for (const { name, digests } of images) {
      for (const { digest, at } of digests) {
        if (!wanted.has(digest)) continue;
        const known = names.get(digest) ?? new Map<string, Place>();
        const own = `${project}/${name}`;
        if (!known.has(own)) known.set(own, placeIn(imagesFile, at));
        names.set(digest, known);
      }
    }
  }
  const reported = new Set<string>();
  return added.flatMap((line) => {
    const own = `${line.project}/${line.image}`;
    const others = [...(names.get(line.digest) ?? [])].filter(([other]) => other !== own);
    if (others.length === 0 || reported.has(`${line.digest} ${own}`)) return [];
    reported.add(`${line.digest} ${own}`);
    return {
      severity: "mentions" as const,
      code: "same-digest" as const,
      message: `${nameOf(line)} is the same image as ${others.map(([other]) => other).join(", ")}`,
      hint: "was a line copied, and its digest left?",
      ...placed(line.at),
      related: others.map(([, place]) => ({ ...placed(place), message: "the other name" })),
    };
  });
}

/** Projects that are few enough to have no habit. */
const minManifests = 3;

/** Projects whose destinations are new or changed, and are not those that most other projects have. */
export function unlikeSiblings(
  { projects }: Pick<ManifestComparison, "projects">,
  { manifests }: ManifestTree,
): readonly ReviewFinding[] {
  const changed = projects.filter(
    ({ addedDestinations, removedDestinations }) => addedDestinations.length + removedDestinations.length > 0,
  );
  return changed.flatMap(({ project }) => {
    const manifest = manifests.find((found) => found.project === project);
    if (manifest === undefined) return [];
    const usual = usualPlaces(manifests.filter((other) => other !== manifest));
    const own = placesOf(manifest);
    const lacking = [...(usual ?? own)].filter((place) => !own.has(place));
    const beyond = usual === undefined ? [] : [...own].filter((place) => !usual.has(place));
    if (lacking.length + beyond.length === 0) return [];
    const parts = [
      ...(lacking.length === 0 ? [] : [`it lacks ${lacking.join(", ")}`]),
      ...(beyond.length === 0 ? [] : [`it alone has ${beyond.join(", ")}`]),
    ];
    return {
      severity: "mentions" as const,
      code: "destinations-differ" as const,
      message: `${project} does not promote to what most projects promote to: ${parts.join("; ")}`,
      file: manifest.file,
      at: manifest.source.at,
    };
  });
}

/** The places that more than half of the projects have. */
function usualPlaces(manifests: readonly PromoterManifest[]): ReadonlySet<string> | undefined {
  const counts = new Map<string, { count: number; places: ReadonlySet<string> }>();
  for (const manifest of manifests) {
    const places = placesOf(manifest);
    const key = [...places].sort().join(" ");
    counts.set(key, { count: (counts.get(key)?.count ?? 0) + 1, places });
  }
  const [most] = [...counts.values()].sort((one, other) => other.count - one.count);
  return most !== undefined && most.count >= minManifests && most.count * 2 > manifests.length
    ? most.places
    : undefined;
}

/** Destinations as far as projects have them in common: the host, and the first part of the path. */
function placesOf({ destinations }: PromoterManifest): ReadonlySet<string> {
  return new Set(destinations.map(({ name }) => name.split("/").slice(0, 2).join("/")));
}

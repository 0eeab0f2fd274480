import { referenceOf, rehosted, renamed, splitHost, splitImageName } from "./destination.ts";
import { canonicalName } from "./engines/local-images.ts";
import { BuildError } from "./errors.ts";
import type { BuildDestination, PlannedBuild, PlannedPush } from "./model.ts";

/** Stands for the address of the embedded registry, which nobody knows before it is started. */
const embedded = "embedded.invalid";

/**
 * Where an image of a build file goes.
 * @throws {BuildError} `invalid-destination`.
 */
export function plannedPush(
  image: string,
  destination: BuildDestination,
  project: string | undefined,
): PlannedPush {
  const { repository, tag } = splitImageName(image);
  if (destination.kind === "embedded") {
    const place = rehosted(repository, embedded);
    referenceOf(place, tag);
    return { image, repository: place.slice(embedded.length + 1), tag };
  }
  const place =
    destination.kind === "named"
      ? withDockerHub(repository)
      : renamed(repository, destination.prefix, project);
  return { image, repository: referenceOf(place, tag).repository, tag };
}

/**
 * Looks for names that would be pushed more than once, be it at a build's end or by a step of `docker`. Variants that the build
 * file gives the same image, as it does with `name:latest`, are noted: there each tag stays with the variant that pushes last.
 * @throws {BuildError} `invalid-destination` for different images that would come to stand under one name.
 */
export function sharedNames(builds: readonly PlannedBuild[]): readonly string[] {
  const claims = new Map<string, { readonly image: string; readonly builds: Set<string> }>();
  for (const { name, pushes, actions } of builds) {
    const ofSteps = actions.flatMap((action) => (action.kind === "native" ? action.pushes : []));
    for (const { image, repository, tag } of [...ofSteps, ...pushes]) {
      const place = `${repository}:${tag}`;
      const claim = claims.get(place);
      if (claim === undefined) {
        claims.set(place, { image, builds: new Set([name]) });
      } else if (canonicalName(claim.image) === canonicalName(image)) {
        claim.builds.add(name);
      } else {
        const [first = ""] = claim.builds;
        const [one, other] = [`${claim.image} of ${first}`, `${image} of ${name}`];
        throw new BuildError("invalid-destination", `${one} and ${other} would be pushed under one name`, {
          where: place,
          hint: "name the images so that they stay apart there, or push them to where the build file names them",
        });
      }
    }
  }
  const shared = new Map<string, string[]>();
  for (const { image, builds } of claims.values()) {
    if (builds.size < 2) continue;
    const names = [...builds].join(", ");
    shared.set(names, [...(shared.get(names) ?? []), image]);
  }
  return [...shared].map(([names, images]) => {
    const more = images.length > maxNamed ? ` and ${images.length - maxNamed} more` : "";
    const which = images.slice(0, maxNamed).join(", ");
    return (
      `the variants ${names} all push ${which}${more}: whichever is pushed last keeps the tag; ` +
      "a tag of its own for each would be name:$_GIT_TAG-$_CONFIG"
    );
  });
}

const maxNamed = 3;

function withDockerHub(repository: string): string {
  const { host, path } = splitHost(repository);
  return host === "" ? `docker.io/${path.includes("/") ? path : `library/${path}`}` : repository;
}

import { referenceOf, rehosted, renamed, splitImageName } from "./destination.ts";
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
 * Refuses builds that would push different images under one name, be it at their end or by a step of `docker`: the last would
 * win, and which that is nobody knows.
 * @throws {BuildError} `invalid-destination`.
 */
export function refuseCollisions(builds: readonly PlannedBuild[]): void {
  const claims = new Map<string, { readonly image: string; readonly build: string }>();
  for (const { name, pushes, actions } of builds) {
    const ofSteps = actions.flatMap((action) => (action.kind === "native" ? action.pushes : []));
    for (const { image, repository, tag } of [...ofSteps, ...pushes]) {
      const place = `${repository}:${tag}`;
      const claim = claims.get(place);
      if (claim === undefined) {
        claims.set(place, { image, build: name });
      } else if (claim.build !== name || canonicalName(claim.image) !== canonicalName(image)) {
        const [one, other] = [claim, { image, build: name }].map((it) => `${it.image} of ${it.build}`);
        throw new BuildError("invalid-destination", `${one} and ${other} would be pushed under one name`, {
          where: place,
          hint: "give each variant a tag of its own, as in name:$_GIT_TAG-$_CONFIG",
        });
      }
    }
  }
}

function withDockerHub(repository: string): string {
  const first = repository.split("/", 1)[0] ?? "";
  if (first !== repository && (/[.:]/.test(first) || first === "localhost")) return repository;
  return `docker.io/${repository.includes("/") ? repository : `library/${repository}`}`;
}

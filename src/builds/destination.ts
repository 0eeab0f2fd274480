import { messageOf } from "../errors/index.ts";
import { parseReference, type Reference } from "../oci/index.ts";
import { BuildError } from "./errors.ts";

/**
 * Splits a name of an image in a build file, `gcr.io/project/name:tag`. A name without a tag means `latest`, as for Docker; one without a host keeps its path.
 * @throws {BuildError} `invalid-destination` for what is no name of an image, or names a digest.
 */
export function splitImageName(image: string): { readonly repository: string; readonly tag: string } {
  const [, repository, tag = "latest"] = /^([^@]+?)(?::([^:/@]+))?$/.exec(image) ?? [];
  if (repository === undefined || !/^[a-z0-9]/i.test(repository)) {
    throw new BuildError("invalid-destination", `${JSON.stringify(image)} is no name of an image to push`, {
      hint: "such as gcr.io/$PROJECT_ID/name:$_GIT_TAG",
    });
  }
  return { repository, tag };
}

/**
 * Where an image goes that is pushed to another registry than its name says. What stands behind the staging registry in
 * its name stands behind `prefix`, which takes that registry's place:
 *
 * - `gcr.io/PROJECT/name` → `prefix/name`; so on all hosts, where what follows the host is the project's id
 * - `us-central1-docker.pkg.dev/PROJECT/REPOSITORY/name` → `prefix/name`
 * - everything else keeps its whole path: `quay.io/team/name` → `prefix/team/name`
 */
export function renamed(repository: string, prefix: string, project: string | undefined): string {
  const { host, path } = splitHost(repository);
  return `${prefix.replace(/\/+$/, "")}/${behindStaging(host, path, project)}`;
}

/** Where an image goes that is pushed to the embedded registry: its whole path stands behind the address. */
export function rehosted(repository: string, address: string): string {
  return `${address}/${splitHost(repository).path}`;
}

/**
 * `repository:tag` as a checked reference.
 * @throws {BuildError} `invalid-destination`.
 */
export function referenceOf(repository: string, tag: string): Reference {
  try {
    return parseReference(`${repository}:${tag}`);
  } catch (cause) {
    throw new BuildError("invalid-destination", `nothing can be pushed there: ${messageOf(cause)}`, {
      where: `${repository}:${tag}`,
      cause,
    });
  }
}

function behindStaging(host: string, path: string, project: string | undefined): string {
  const segments = path.split("/");
  const google = /(?:^|\.)gcr\.io$/.test(host) ? 1 : /(?:^|[.-])docker\.pkg\.dev$/.test(host) ? 2 : 0;
  const above = google > 0 ? google : segments[0] === project ? 1 : 0;
  return segments.length > above ? segments.slice(above).join("/") : (segments.at(-1) ?? path);
}

/** The host of a name, as Docker tells it from a path: with a dot or a port, or `localhost`. */
export function splitHost(repository: string): { host: string; path: string } {
  const slash = repository.indexOf("/");
  const first = repository.slice(0, slash);
  const isHost = slash > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? { host: first, path: repository.slice(slash + 1) } : { host: "", path: repository };
}

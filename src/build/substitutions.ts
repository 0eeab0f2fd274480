import type { BuiltInValues } from "../cloudbuild/index.ts";
import { BuildError } from "./errors.ts";
import type { BuildRequest, BuildSource } from "./model.ts";
import type { Variant } from "./variants.ts";

/**
 * What image-builder gives a build beside the file's own: variables of the environment, the values of a variant, which win
 * over them, and `_GIT_TAG`. A variable that is not set is given all the same, empty.
 * @throws {BuildError} `invalid-substitution` for a name that is no key.
 */
export function substitutionsOf(
  request: BuildRequest,
  variant: Variant,
  tag: string,
): Readonly<Record<string, string>> {
  const passed = (request.envPassthrough ?? []).map((name): [string, string] => {
    if (!/^[A-Z0-9_]+$/.test(name)) {
      throw new BuildError(
        "invalid-substitution",
        `${JSON.stringify(name)} cannot become a substitution: keys have capital letters, digits and underscores`,
        { hint: "--env-passthrough takes names separated by commas, such as PULL_BASE_REF,WHAT" },
      );
    }
    return [`_${name}`, request.environment[name] ?? ""];
  });
  return { ...Object.fromEntries(passed), ...variant.substitutions, ...request.substitutions, _GIT_TAG: tag };
}

/**
 * Values of substitutions that are built in. What Cloud Build knows only of builds that a push has triggered is taken from
 * the checkout here.
 */
export function builtInsOf(
  { commit, repository }: Pick<BuildSource, "commit" | "repository">,
  facts: {
    readonly project: string | undefined;
    readonly buildId: string;
    readonly region?: string | undefined;
  },
): BuiltInValues {
  const name = repository === undefined ? undefined : repositoryWords(repository);
  const known: Readonly<Record<string, string | undefined>> = {
    PROJECT_ID: facts.project,
    BUILD_ID: facts.buildId,
    LOCATION: facts.region ?? "global",
    COMMIT_SHA: commit,
    REVISION_ID: commit,
    SHORT_SHA: commit?.slice(0, 7),
    REPO_NAME: name?.at(-1),
    REPO_FULL_NAME: name === undefined || name.length < 2 ? undefined : name.slice(-2).join("/"),
  };
  return Object.fromEntries(
    Object.entries(known).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** The URL of a repository in words: the last is its name, and the one before whose it is. */
export function repositoryWords(url: string): readonly string[] {
  return url
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split(/[/:]/);
}

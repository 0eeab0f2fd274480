import type { BuiltInValues } from "../cloudbuild/index.ts";
import { BuildError } from "./errors.ts";
import type { BuildRequest, BuildSource, GoogleOptions } from "./model.ts";
import type { Variant } from "./variants.ts";

/** What a build is given beside its file. */
export interface BuildSubstitutions {
  /** Asked for by name: the values of a variant, and of the request, which win over them. */
  readonly given: Readonly<Record<string, string>>;
  /** There for files that refer to them: variables of the environment, and `_GIT_TAG`. */
  readonly offered: Readonly<Record<string, string>>;
}

/**
 * What image-builder gives a build beside the file's own. A variable that is not set is there all the same, empty.
 * @throws {BuildError} `invalid-substitution` for a name that is no key.
 */
export function substitutionsOf(request: BuildRequest, variant: Variant, tag: string): BuildSubstitutions {
  const { environment = process.env } = request;
  const passed = (request.envPassthrough ?? []).map((name): [string, string] => {
    if (!/^[A-Z0-9_]+$/.test(name)) {
      throw new BuildError(
        "invalid-substitution",
        `${JSON.stringify(name)} cannot become a substitution: keys have capital letters, digits and underscores`,
        { hint: "--env-passthrough takes names separated by commas, such as PULL_BASE_REF,WHAT" },
      );
    }
    return [`_${name}`, environment[name] ?? ""];
  });
  const offered = { ...Object.fromEntries(passed), _GIT_TAG: tag };
  const { _GIT_TAG: _, ...given } = { ...variant.substitutions, ...request.substitutions };
  return request.givenMustMatch === true
    ? { given: { ...offered, ...given, _GIT_TAG: tag }, offered: {} }
    : { given, offered };
}

/**
 * Values of substitutions that are built in. What Cloud Build knows only of builds that a push has triggered is taken from
 * the checkout here.
 */
export function builtInsOf(
  source: Pick<BuildSource, "commit" | "repository" | "name" | "branch" | "tag" | "configPath">,
  facts: Pick<BuildRequest, "project"> & Pick<GoogleOptions, "region"> & { readonly buildId: string },
): BuiltInValues {
  const { commit, repository, branch, tag, configPath } = source;
  const words = repositoryWords(repository ?? "");
  const known: Readonly<Record<string, string | undefined>> = {
    PROJECT_ID: facts.project,
    BUILD_ID: facts.buildId,
    LOCATION: facts.region ?? "global",
    COMMIT_SHA: commit,
    REVISION_ID: commit,
    SHORT_SHA: commit?.slice(0, 7),
    REPO_NAME: source.name,
    REPO_FULL_NAME: words.length < 2 ? undefined : words.slice(-2).join("/"),
    BRANCH_NAME: branch,
    TAG_NAME: tag,
    REF_NAME: branch ?? tag,
    TRIGGER_BUILD_CONFIG_PATH: configPath.startsWith("/") ? undefined : configPath,
  };
  return Object.fromEntries(
    Object.entries(known).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** Built-in values that Google's service takes from whoever starts a build without a trigger. */
const settable = new Set(["REPO_NAME", "BRANCH_NAME", "TAG_NAME", "REVISION_ID", "COMMIT_SHA", "SHORT_SHA"]);

/**
 * What of it all the file refers to: nothing else is told to Google's service, or recorded as given.
 * @param isGoogles The service would not know built-in values of a build that no trigger has started.
 */
export function usedOf(
  { given, offered }: BuildSubstitutions,
  builtIns: BuiltInValues,
  used: ReadonlySet<string>,
  isGoogles: boolean,
): Readonly<Record<string, string>> {
  const told = Object.entries(builtIns).filter(([key]) => isGoogles && settable.has(key));
  const known = [...told, ...Object.entries(offered)].filter(([key]) => used.has(key));
  return { ...Object.fromEntries(known), ...given };
}

/** The URL of a repository in words: the last is its name, and the one before whose it is. */
export function repositoryWords(url: string): readonly string[] {
  return url
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split(/[/:]/);
}

import {
  type CloudBuildFile,
  type CloudBuildProblem,
  type GivenValues,
  parseCloudBuild,
  problemsInWords,
  type ResolvedBuild,
  resolveCloudBuild,
} from "../../src/cloudbuild/index.ts";

/** What image-builder gives every build, and what its build knows. */
export const usual: GivenValues = {
  substitutions: { _GIT_TAG: "v20261120-v0.1.0-1-g9ba563e", _PULL_BASE_REF: "main" },
  builtIns: { PROJECT_ID: "k8s-staging-demo" },
};
/** Nothing at all. */
export const nothing: GivenValues = { substitutions: {}, builtIns: {} };

/** A file without an error. */
export function read(text: string): CloudBuildFile {
  const { build, problems } = parseCloudBuild(text, "cloudbuild.yaml");
  if (build === undefined) throw new Error(problemsInWords(problems, "cloudbuild.yaml").join("\n"));
  return build;
}

/** A build without an error. */
export function resolved(text: string, given: GivenValues = nothing): ResolvedBuild {
  const { build, problems } = resolveCloudBuild(read(text), given);
  if (build === undefined) throw new Error(problemsInWords(problems, "cloudbuild.yaml").join("\n"));
  return build;
}

/** All that is wrong with a text, read and, if that works, resolved. */
export function problemsOf(text: string, given: GivenValues = nothing): readonly CloudBuildProblem[] {
  const { build, problems } = parseCloudBuild(text, "cloudbuild.yaml");
  return build === undefined ? problems : [...problems, ...resolveCloudBuild(build, given).problems];
}

/** {@link problemsOf} as people read it. */
export function saidOf(text: string, given: GivenValues = nothing): readonly string[] {
  return problemsInWords(problemsOf(text, given), "cloudbuild.yaml");
}

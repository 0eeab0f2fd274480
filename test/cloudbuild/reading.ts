import {
  type CloudBuildFile,
  type GivenValues,
  parseCloudBuild,
  type ResolvedBuild,
  resolveCloudBuild,
} from "../../src/cloudbuild/index.ts";
import { type Diagnostic, inLines } from "../../src/diagnostics/index.ts";

/** What image-builder gives every build, and what its build knows. */
export const usual: GivenValues = {
  substitutions: { _GIT_TAG: "v20261120-v0.1.0-1-g9ba563e", _PULL_BASE_REF: "main" },
  builtIns: { PROJECT_ID: "k8s-staging-demo" },
};
/** Nothing at all. */
export const nothing: GivenValues = { substitutions: {}, builtIns: {} };

/** A file without an error. */
export function read(text: string): CloudBuildFile {
  const { build, diagnostics } = parseCloudBuild(text, "cloudbuild.yaml");
  if (build === undefined) throw new Error(inLines(diagnostics).join("\n"));
  return build;
}

/** A build without an error. */
export function resolved(text: string, given: GivenValues = nothing): ResolvedBuild {
  const { build, diagnostics } = resolveCloudBuild(read(text), given);
  if (build === undefined) throw new Error(inLines(diagnostics).join("\n"));
  return build;
}

/** All that is wrong with a text, read and, if that works, resolved. */
export function problemsOf(text: string, given: GivenValues = nothing): readonly Diagnostic[] {
  const { build, diagnostics } = parseCloudBuild(text, "cloudbuild.yaml");
  return build === undefined ? diagnostics : [...diagnostics, ...resolveCloudBuild(build, given).diagnostics];
}

/** {@link problemsOf} as people read it. */
export function saidOf(text: string, given: GivenValues = nothing): readonly string[] {
  return inLines(problemsOf(text, given));
}

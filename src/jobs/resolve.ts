import { join } from "node:path";
import type { BuildRequest } from "../builds/index.ts";
import type { Push } from "../git/index.ts";
import type { Run, RunRefs, RunRequest, RunType } from "../store/index.ts";
import { branchName } from "./judge.ts";
import type { Job, JobOf } from "./model.ts";
import { repositoryName } from "./repository-url.ts";
import { isPeriodic, isVariableOfProw } from "./variables.ts";

/** A job made ready to run on a commit. Plain data but for `environment`. */
export interface ResolvedJob {
  readonly type: RunType;
  /** What was pushed. A job that a clock starts has them in `spec` alone, as `extra_refs`. */
  readonly refs: RunRefs | undefined;
  /** More of the job's spec, for the record of its run: see {@link RunRequest}. */
  readonly spec: NonNullable<RunRequest["spec"]>;
  /** With the variables that are known before the run has begun, beside those of the surroundings. */
  readonly request: BuildRequest & { readonly environment: NodeJS.ProcessEnv };
  readonly timeoutSeconds: number | undefined;
  /** All variables, once the run has begun. */
  environment(run: Pick<Run, "id" | "uuid" | "artifacts">): NodeJS.ProcessEnv;
}

/** Variables that are known only when a run has begun. */
export const variablesOfRun = ["ARTIFACTS", "BUILD_ID", "BUILD_NUMBER", "JOB_SPEC", "PROW_JOB_ID"] as const;

/**
 * What a push of a ref makes of a job: the build, and the environment that Prow gives it. Variables of Prow win over those
 * of the job. A job that only a clock starts is a periodic, whose environment says what is built only where the job does.
 * @param folder The top of a working tree at the push's commit, absolute.
 * @param surroundings Variables of this process, for the programs that it starts. None of them reaches the build: those that
 * the job passes on, and those of Prow, are left out.
 */
export function resolveJob(
  job: JobOf<"build">,
  push: Pick<Push, "ref" | "commit">,
  folder: string,
  surroundings: NodeJS.ProcessEnv = {},
): ResolvedJob {
  const type: RunType = isPeriodic(job) ? "periodic" : "postsubmit";
  const pushed = refsOf(job, push);
  const refs = type === "periodic" ? { extra_refs: [pushed] } : { refs: pushed };
  const passed = new Set(job.work.build.env);
  const kept = Object.entries(surroundings).filter(([name]) => !isVariableOfProw(name) && !passed.has(name));
  const known = {
    ...Object.fromEntries(kept),
    ...job.env,
    CI: "true",
    JOB_NAME: job.name,
    JOB_TYPE: type,
    ...(type === "periodic" ? {} : variablesOfRefs(pushed)),
  };
  return {
    type,
    refs: type === "periodic" ? undefined : pushed,
    spec: type === "periodic" ? refs : {},
    request: requestOf(job, folder, known),
    timeoutSeconds: job.timeoutSeconds,
    environment({ id, uuid, artifacts }) {
      return {
        ...known,
        BUILD_ID: id,
        BUILD_NUMBER: id,
        PROW_JOB_ID: uuid,
        ARTIFACTS: artifacts,
        JOB_SPEC: JSON.stringify({ type, job: job.name, buildid: id, prowjobid: uuid, ...refs }),
      };
    },
  };
}

function refsOf({ repo }: Job, { ref, commit }: Pick<Push, "ref" | "commit">): RunRefs {
  const { org, repo: name, link } = repositoryName(repo) ?? { org: "", repo, link: undefined };
  return { org, repo: name, repo_link: link, base_ref: branchName(ref), base_sha: commit };
}

function variablesOfRefs({ org, repo, base_ref, base_sha = "" }: RunRefs): Readonly<Record<string, string>> {
  return {
    REPO_OWNER: org,
    REPO_NAME: repo,
    PULL_BASE_REF: base_ref,
    PULL_BASE_SHA: base_sha,
    PULL_REFS: `${base_ref}:${base_sha}`,
  };
}

function requestOf(
  { work }: JobOf<"build">,
  folder: string,
  environment: NodeJS.ProcessEnv,
): ResolvedJob["request"] {
  const { dir, buildDir, config, env, ...same } = work.build;
  return {
    configDir: join(folder, dir),
    buildDir: buildDir && join(folder, buildDir),
    configFile: config,
    envPassthrough: env,
    ...same,
    environment,
  };
}

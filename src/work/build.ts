import { join } from "node:path";
import { type BuildResult, prepareBuild, runBuild } from "../builds/index.ts";
import { type CommitHash, checkoutPush, type Mirror } from "../git/index.ts";
import { resolveJob } from "../jobs/index.ts";
import { WorkError } from "./errors.ts";
import { networkOf } from "./source.ts";
import type { Work, WorkDone } from "./work.ts";

/**
 * Builds the commit that was pushed, in a checkout of its own, and pushes what it made. Nothing of a pull request is built: anybody
 * may open one, and its steps would be run here.
 */
export async function buildCommit(work: Work<"build">): Promise<WorkDone> {
  const { run, job, source, environment, record, isShadow, ending } = work;
  const { ref } = run;
  if (run.pull !== undefined) {
    throw new WorkError("foreign-build", "what a pull request proposes is not built before it is merged", {
      where: job.name,
      hint: "its steps may be anybody's, and would be run on this machine",
    });
  }
  if (ref === undefined) {
    throw new WorkError("no-commit", "nobody says which commit is to be built", {
      where: job.name,
      hint: "name a branch or a tag to run the job on",
    });
  }
  const mirror = await source.mirror();
  // By hand, on a branch or tag that nobody has seen yet.
  const commit =
    run.commit === undefined ? await mirror.commitOf(ref) : await knownCommit(mirror, run.commit);
  await work.isAbout(commit);
  const push = { ref, commit, changes: [], root: mirror.folder, origin: mirror.url };
  const env = environment.environment;
  const files = await checkoutPush(push, env);
  try {
    const resolved = resolveJob(job, push, files.folder, env);
    const { request } = resolved;
    const result = await work.withRegistries(isShadow ? "foreign" : "writing", (registries) =>
      runBuild(
        (begun) =>
          prepareBuild({
            ...request,
            ...(isShadow ? { engine: "plan" } : {}),
            ref,
            repository: mirror.url,
            configName: join(job.work.build.dir, job.work.build.config ?? "cloudbuild.yaml"),
            registryFolder: join(environment.folder, "registry"),
            environment: resolved.environment(begun),
          }),
        {
          runs: { where: environment.folder, start: async () => record },
          ...{ job: job.name, type: run.type, open: registries.repository },
          environment: env,
          network: networkOf(environment),
          signal: ending.cut,
          stop: ending.stop,
        },
      ),
    );
    return { ...outcomeOf(result), isRecorded: true };
  } finally {
    await files.close();
  }
}

async function knownCommit(mirror: Mirror, commit: string): Promise<CommitHash> {
  if (await mirror.bring(commit, [mirror.url])) return (await mirror.open()).commitOf(commit);
  throw new WorkError("no-commit", `the repository does not give the commit ${commit} any more`, {
    where: mirror.url,
    hint: "its branch was pushed over, or its tag was deleted: there is nothing to build",
  });
}

function outcomeOf({ outcomes, images }: BuildResult): Omit<WorkDone, "isRecorded"> {
  const failed = outcomes.filter(({ status }) => status !== "success");
  const isCancelled = failed.some(({ status }) => status === "cancelled");
  const [first] = failed;
  const many = `${images.length} ${images.length === 1 ? "image" : "images"}`;
  return {
    result: isCancelled ? "ABORTED" : first === undefined ? "SUCCESS" : "FAILURE",
    summary:
      first === undefined ? `built ${many}` : `${first.name}: ${first.failure?.message ?? first.status}`,
    more: {
      images: images
        .slice(0, 20)
        .map(({ repository, digest, tags }) => ({ repository, digest, tags: tags.slice(0, 5) })),
    },
  };
}

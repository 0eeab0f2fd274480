import { join } from "node:path";
import {
  type BuildResult,
  buildSigner,
  type PreparedBuild,
  prepareBuild,
  runBuild,
} from "../builds/index.ts";
import { asJson } from "../disk/index.ts";
import { type CommitHash, checkoutPush, type Mirror } from "../git/index.ts";
import { resolveJob } from "../jobs/index.ts";
import { openCredentialSources } from "../registry/index.ts";
import type { Signer } from "../signing/index.ts";
import type { Run, RunEnd } from "../store/index.ts";
import { WorkError } from "./errors.ts";
import type { WorkEnvironment } from "./model.ts";
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
    const prepare = (begun: Run): Promise<PreparedBuild> =>
      prepareBuild({
        ...resolved.request,
        ...(isShadow ? { engine: "plan" } : {}),
        ref,
        repository: mirror.url,
        configName: join(job.work.build.dir, job.work.build.config ?? "cloudbuild.yaml"),
        registryFolder: join(environment.folder, "registry"),
        environment: resolved.environment(begun),
      });
    if (isShadow) return await planOnly(work, await prepare(record));
    let end: RunEnd | undefined;
    const keepEnd = (said: RunEnd): void => {
      end = said;
    };
    const result = await work.withRegistries("writing", (registries) =>
      runBuild(prepare, {
        runs: { where: environment.folder, start: async () => unfinished(record, keepEnd) },
        ...{ job: job.name, type: run.type, open: registries.repository },
        environment: env,
        secretTokens: secretTokens(environment),
        network: networkOf(environment),
        signer: signerOf(environment, ending.cut),
        // What is recorded of a build it records itself.
        listener: work.progress,
        signal: ending.cut,
        stop: ending.stop,
      }),
    );
    return { ...outcomeOf(result), metadata: end?.metadata };
  } finally {
    await files.close();
  }
}

/**
 * Who secrets are read as that a build file names. It is the built repository's, so they are not read as this machine, which may read
 * what images are pushed with.
 */
function secretTokens(environment: WorkEnvironment) {
  const { settings, environment: variables } = environment;
  const { buildSecrets } = settings.serve;
  if (buildSecrets === undefined) return undefined;
  const { identities } =
    environment.credentialSources ?? openCredentialSources({ settings, environment: variables });
  return async (): Promise<string> => (await identities.google(buildSecrets)).value;
}

/** Who signs the provenance, as this machine: what is signed says what was built, and no step of the build sees the key. */
function signerOf(work: WorkEnvironment, signal: AbortSignal): Signer | undefined {
  const { settings, environment, credentialSources: sources } = work;
  return buildSigner({ settings, environment, network: networkOf(work), sources, signal });
}

/** The record of a run that goes on when the build in it has ended. */
function unfinished(record: Run, onEnd: (end: RunEnd) => void): Run {
  const { job, id, uuid, where, artifacts } = record;
  return {
    ...{ job, id, uuid, where, artifacts },
    log: (chunk) => record.log(chunk),
    append: (event) => record.append(event),
    write: (path, content) => record.write(path, content),
    finish: async (end) => onEnd(end),
  };
}

async function planOnly({ record, say }: Work<"build">, { plan }: PreparedBuild): Promise<WorkDone> {
  await record.write("plan.json", asJson(plan));
  const images = plan.builds.flatMap(({ pushes }) => pushes.map(({ image }) => image));
  for (const warning of plan.warnings) say(`warning: ${warning}`);
  for (const image of images) say(`would build ${image}`);
  return { result: "SUCCESS", summary: `would build ${inNumber(images.length)}; nothing is executed` };
}

function inNumber(images: number): string {
  return `${images} ${images === 1 ? "image" : "images"}`;
}

async function knownCommit(mirror: Mirror, commit: string): Promise<CommitHash> {
  if (await mirror.bring(commit, [mirror.url])) return (await mirror.open()).commitOf(commit);
  throw new WorkError("no-commit", `the repository does not give the commit ${commit} any more`, {
    where: mirror.url,
    hint: "its branch was pushed over, or its tag was deleted: there is nothing to build",
  });
}

function outcomeOf({ outcomes, images }: BuildResult): WorkDone {
  const failed = outcomes.filter(({ status }) => status !== "success");
  const isCancelled = failed.some(({ status }) => status === "cancelled");
  const [first] = failed;
  return {
    result: isCancelled ? "ABORTED" : first === undefined ? "SUCCESS" : "FAILURE",
    summary:
      first === undefined
        ? `built ${inNumber(images.length)}`
        : `${first.name}: ${first.failure?.message ?? first.status}`,
    more: {
      images: images
        .slice(0, 20)
        .map(({ repository, digest, tags }) => ({ repository, digest, tags: tags.slice(0, 5) })),
    },
  };
}

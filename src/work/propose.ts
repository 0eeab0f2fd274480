import { type BuiltImages, readBuiltImages } from "../builds/index.ts";
import { shellLine } from "../errors/index.ts";
import { parseRemote } from "../forge/index.ts";
import type { JobProposal } from "../jobs/index.ts";
import type { ImageFilters } from "../merge/index.ts";
import { isTag } from "../oci/index.ts";
import {
  type PromotionRequestResult,
  projectOf,
  type RequestLink,
  releaseTags,
  requestPromotion,
  reviewProposed,
  usualHold,
} from "../release/index.ts";
import { WorkError } from "./errors.ts";
import { type SourceForge, sourceAt } from "./source.ts";
import type { RunWork, Work, WorkDone } from "./work.ts";

/** What one pull request is to promote. */
interface ProposedSet {
  /** What the pull request is called by; without a build, what staging is asked for as well. */
  readonly tags: readonly string[];
  /** The build whose images it promotes. */
  readonly built?: BuiltImages | undefined;
}

/**
 * Opens the pull request that promotes what a build made, or what the pushed tag names, and holds it; one that is open is made as it
 * should be.
 */
export async function proposePromotion(work: Work<"propose">): Promise<WorkDone> {
  const { job, environment, recording, say } = work;
  const { propose } = job.work;
  const sets = await setsOf(work, propose);
  if (sets.length === 0) {
    const summary = "nothing to propose: the build made no images";
    say(summary);
    return { result: "SUCCESS", summary };
  }
  const purpose = work.isShadow ? "reading" : "writing";
  const place = await sourceAt(propose.repo, environment, work.ending.cut, purpose).forge();
  if (place === undefined) {
    throw new WorkError("no-forge", "the manifests are on no forge that Waybill has a token for", {
      where: propose.repo,
      hint: "say under forges in waybill.yaml what the host is, and give its token in the environment",
    });
  }
  const results: PromotionRequestResult[] = [];
  for (const set of sets) {
    const result = await proposeSet(work, place, set);
    results.push(result);
    say(inWords(result));
    for (const warning of result.warnings) say(`warning: ${warning}`);
    for (const { what, reason } of result.notDone) say(`warning: ${what}: ${reason}`);
    for (const { reviewer, reason } of result.notRequested) {
      say(`warning: the review of ${reviewer} was not requested: ${reason}`);
    }
  }
  await recording.report({ format: "waybill-pr/1", requests: results });
  const isWhole = results.every(({ notDone }) => notDone.length === 0);
  return {
    result: isWhole ? "SUCCESS" : "FAILURE",
    summary: results.map(inWords).join("; "),
    more: {
      pulls: results.flatMap(({ pullRequest }) => (pullRequest === undefined ? [] : [pullRequest.url])),
    },
  };
}

async function setsOf(
  { run, job, input, environment }: RunWork,
  propose: JobProposal,
): Promise<readonly ProposedSet[]> {
  if (propose.from === "build") {
    const { after } = input;
    if (after === undefined) {
      throw new WorkError("no-build", "it is to propose what a build made, and comes after none", {
        where: job.name,
        hint: "name the build under after, or run it behind one",
      });
    }
    const built = await readBuiltImages(await environment.records.find(`${after.job}/${after.id}`));
    if (built.images.length === 0) return [];
    const tags = built.images.flatMap((image) => image.tags.filter((tag) => tag !== "latest"));
    return [{ tags: [...new Set(tags)], built }];
  }
  const tag = /^refs\/tags\/(.+)$/.exec(run.ref ?? "")?.[1];
  if (tag === undefined) {
    throw new WorkError("no-commit", "it is to propose what a tag names, and no tag was pushed", {
      where: job.name,
      hint: "name a tag to run it on",
    });
  }
  if (propose.from === "tag") {
    if (isTag(tag)) return [{ tags: [tag] }];
    throw new WorkError("no-image-tag", `${JSON.stringify(tag)} cannot be the tag of an image`, {
      where: job.name,
      hint: "letters, digits, dots, dashes and underscores can; the job's filter says which tags start it",
    });
  }
  const { releases: profiles } = environment.settings;
  const { sets } = releaseTags(tag, { profiles, profile: propose.profile });
  return sets.map((set) => ({ tags: set.map(({ tag: name }) => name) }));
}

async function proposeSet(
  work: Work<"propose">,
  place: SourceForge,
  { tags, built }: ProposedSet,
): Promise<PromotionRequestResult> {
  const { job, environment, input, isShadow, say } = work;
  const { propose } = job.work;
  const { forge, credential, project } = place;
  const env = await withCommitter(environment.environment, place);
  const subject = {
    project: propose.project ?? (propose.staging === undefined ? job.name : projectOf(propose.staging)),
    tags,
  };
  return work.withRegistries(isShadow ? "foreign" : "reading", (registries) =>
    requestPromotion({
      ...{ forge, subject, staging: propose.staging },
      upstream: project.path,
      fork: forkOf(propose.fork) ?? project.path,
      base: propose.base,
      manifests: propose.manifests,
      ...(credential === undefined ? {} : { credential }),
      environment: env,
      run: built,
      filters: filtersOf(propose, { tags, built }),
      keepsProposed: true,
      skipProduction: false,
      open: registries.repository,
      catalog: registries.catalog,
      command: commandOf(propose, subject),
      links: linksOf(work),
      reviewers: propose.reviewers ?? [],
      labels: propose.labels ?? [],
      hold: propose.hold === false ? [] : usualHold(forge.kind),
      dryRun: isShadow,
      review: (commit) =>
        reviewProposed(commit, {
          open: registries.repository,
          settings: environment.settings.trust,
          environment: env,
        }),
      listener: (event) => {
        work.listener(event);
        say(event.text);
      },
    }),
  );

  function linksOf({ page }: Pick<RunWork, "page">): readonly RequestLink[] {
    const built = input.after === undefined ? undefined : environment.pageOf(input.after);
    return [
      ...(built === undefined ? [] : [{ title: `Build ${input.after?.id}`, url: built }]),
      ...(page === undefined ? [] : [{ title: "This proposal's run", url: page }]),
    ];
  }
}

/** Of what a build made, all is meant, with a tag of its own or without; else what staging has by these tags. */
function filtersOf({ images = [] }: JobProposal, { tags, built }: ProposedSet): ImageFilters {
  if (built === undefined) return { images, tags };
  return { images, digests: built.images.map(({ digest }) => digest) };
}

function forkOf(fork: string | undefined): string | undefined {
  return fork === undefined ? undefined : (parseRemote(fork)?.path ?? fork);
}

/** Who commits, where the environment does not say it: the user whom the token belongs to. */
async function withCommitter(
  environment: NodeJS.ProcessEnv,
  { forge }: SourceForge,
): Promise<NodeJS.ProcessEnv> {
  if (environment.GIT_AUTHOR_NAME && environment.GIT_AUTHOR_EMAIL) return environment;
  const name = await forge.user();
  const email = `${name}@users.noreply.${forge.host.replace(/:\d+$/, "")}`;
  return {
    ...environment,
    ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email },
    ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email },
  };
}

/** The command that does it again by hand. */
function commandOf(
  { repo, manifests, staging }: JobProposal,
  { project, tags }: { readonly project: string; readonly tags: readonly string[] },
): string {
  return shellLine([
    ...["waybill", "pr", repo, "--manifests", manifests, "--project", project],
    ...(staging === undefined ? [] : ["--staging-repo", staging]),
    ...tags.flatMap((tag) => ["--tag", tag]),
  ]);
}

function inWords({ outcome, pullRequest }: PromotionRequestResult): string {
  const open = pullRequest === undefined ? "" : `: ${pullRequest.url}`;
  return outcome === "nothing-to-do"
    ? `nothing to do: the manifests ask for all of it already${open}`
    : `${outcome}${open}`;
}

import { join } from "node:path";
import { asJson } from "../disk/index.ts";
import { harmless } from "../errors/index.ts";
import type { Approval, PullRequest } from "../forge/index.ts";
import { pullArtifact, pullFormat, type ReviewedPull } from "../history/index.ts";
import { readManifestsAt } from "../manifest/index.ts";
import type { Registries } from "../registry/index.ts";
import {
  approvalRules,
  ReleaseError,
  type ReviewWords,
  withBaseOwners,
  wordsOfReview,
} from "../release/index.ts";
import { type Review, reviewChange } from "../review/index.ts";
import type { KeptApprovals } from "../reviews/index.ts";
import { trustOf } from "../trust/index.ts";
import { WorkError } from "./errors.ts";
import type { WorkEnvironment } from "./model.ts";
import type { SourceForge } from "./source.ts";
import { untilBack } from "./until-back.ts";
import type { RunWork, Work, WorkDone } from "./work.ts";

/**
 * Judges what a pull request changes of the manifests, as it is now: of Git alone, by the owners that its base names, with
 * credentials that write nowhere. Says it under the pull request: one comment, and the status of its newest commit.
 */
export async function reviewPull(work: Work<"review">): Promise<WorkDone> {
  const { run, job, source, environment, say, isShadow, ending, recording } = work;
  const { manifests, post, allowRemovals = false, requireApproval = false } = job.work.review;
  const number = run.pull;
  if (number === undefined) {
    throw new WorkError("no-pull-request", "nobody says which pull request is to be reviewed", {
      where: job.name,
      hint: "name its number: a review is of a pull request",
    });
  }
  const place = await source.forge();
  if (place === undefined) {
    throw new WorkError("no-forge", "its repository is on no forge that Waybill has a token for", {
      where: job.repo,
      hint: "say under forges in waybill.yaml what the host is, and give its token in the environment",
    });
  }
  const pull = await place.project.pullRequests.read(number);
  if (pull.state !== "open") {
    return { result: "SUCCESS", summary: `nothing to review: it is ${pull.state}`, status: "said" };
  }
  const { commit } = pull.head;
  await bringHead(work, place, pull);
  say(`${pull.url} at ${commit}, for ${pull.base.branch}`);
  await work.isAbout(commit);

  const { folder } = await source.mirror();
  const env = environment.environment;
  const base = `refs/heads/${pull.base.branch}`;
  const trusted = await hostsAt(base, { path: manifests, repository: folder, environment: env });
  const judge = (registries: Registries): Promise<Review> =>
    reviewChange({
      path: manifests,
      repository: folder,
      base: `${base}...`,
      baseFrom: "the pull request",
      head: commit,
      allowRemovals,
      open: registries.repository,
      trust: (tree) => trustOf({ tree, settings: environment.settings.trust, open: registries.repository }),
      environment: env,
      listener: work.listener,
      signal: ending.stop,
    });
  const judged = await work.withRegistries("foreign", judge, trusted);
  const path = join(folder, manifests);
  const { review, owners } = await withBaseOwners(path, judged, env);
  for (const { file, message } of owners.diagnostics) say(`warning: ${harmless(`${file}: ${message}`)}`);
  if (review.plan !== undefined) {
    await recording.plan(review.plan);
    await work.matrix.plan(review.plan, "plan");
  }
  await recording.report(review);
  for (const line of findingsInWords(review)) say(line);
  const summary = inWords(review);
  say(summary);
  // What is not whole is not said to others.
  if (review.interrupted) return { result: "ABORTED", summary };
  const result = review.verdict === "passes" ? "SUCCESS" : "FAILURE";
  const keep = async (approvals: KeptApprovals | undefined): Promise<void> => {
    const judged = { run: run.id, job: job.name, url: job.repo, number, commit, review, approvals };
    await untilBack(run, async () => environment.keepReview?.({ ...judged, at: new Date() }, run.fence));
  };
  if (isShadow || post === false) {
    await keep(undefined);
    await keepPull(work, pull, review);
    return { result, summary };
  }
  let isApproved = true;
  try {
    const said = await wordsOfReview({
      project: environment.withApprovals?.(job.repo, place.project) ?? place.project,
      ...{ number, review, context: job.context ?? job.name, url: work.page },
      ...(requireApproval
        ? { approval: approvalRules({ ...place, path, review, owners, environment: env }) }
        : {}),
    });
    await keep(said.approvals);
    for (const { approval, reason } of said.approvals?.void ?? []) {
      say(`the approval of ${approval.user} does not count: ${reason}`);
    }
    for (const file of said.approvals?.uncovered ?? []) say(`not approved: ${file}`);
    await keepPull(work, pull, review, said.approvals);
    isApproved = said.approvals === undefined || said.approvals.uncovered.length === 0;
    await work.tellOfPull(number, commit, said);
    say(`it is said under ${pull.url}`);
  } catch (error) {
    if (!(error instanceof ReleaseError) || error.code !== "outdated-review") throw error;
    // Its newer commit is reviewed by a run of its own.
    say(error.message);
    return { result: "ABORTED", summary: "the pull request has moved on", status: { state: "error" } };
  }
  return { result, summary: isApproved ? summary : `${summary}; it waits for approval`, status: "said" };
}

/** Keeps what was judged of which pull request, and who has approved it: the report speaks of the change alone. */
async function keepPull(
  { record, environment }: RunWork,
  { url, number, title, author }: PullRequest,
  { head, edgesHash, verdict }: Review,
  approvals?: ReviewWords["approvals"],
): Promise<void> {
  const kept: ReviewedPull = {
    ...{ format: pullFormat, url, number, title, author, edgesHash, verdict },
    ...(head.commit === undefined ? {} : { commit: head.commit }),
    approvals: [
      ...(approvals?.standing ?? []).map(approvalOf),
      ...(approvals?.void ?? []).map(({ approval, reason }) => ({ ...approvalOf(approval), void: reason })),
    ],
    uncovered: [...(approvals?.uncovered ?? [])],
  };
  // What cannot be kept of it is no reason not to say it.
  await record.write(pullArtifact, asJson(kept)).catch(environment.onProblem);
}

function approvalOf({ user, commit, at }: Approval): ReviewedPull["approvals"][number] {
  return { user, ...(commit === undefined ? {} : { commit }), ...(at === undefined ? {} : { at }) };
}

/**
 * The hosts that manifests name which are merged. What a proposal names beside them may be any address of the network that this server
 * stands in: it is asked for nothing, so that a proposal cannot find out what there is.
 */
async function hostsAt(
  branch: string,
  {
    path,
    ...options
  }: { readonly path: string; readonly repository: string } & Pick<WorkEnvironment, "environment">,
): Promise<ReadonlySet<string>> {
  const nothing = { path, manifests: [], diagnostics: [], unreadable: [] };
  const { tree } = await readManifestsAt(nothing, branch, { ...options, head: branch });
  const registries = tree.manifests.flatMap(({ source, destinations }) => [source, ...destinations]);
  return new Set(registries.flatMap(({ name }) => name.split("/", 1)));
}

/** Fetches the newest commit of a pull request: of the repository that it is for, or of the fork that it comes from. */
async function bringHead(
  { source }: RunWork,
  { forge, project }: SourceForge,
  { head, url }: PullRequest,
): Promise<void> {
  const mirror = await source.mirror();
  const urls = [project.path, head.repository].flatMap((repository) =>
    repository === "" ? [] : [`${forge.origin}/${repository}.git`],
  );
  if (await mirror.bring(head.commit, [source.url, ...urls])) return;
  throw new WorkError("no-commit", `nobody gives the commit ${head.commit} of the pull request`, {
    where: url,
    hint: "a branch that was pushed over meanwhile has another one: run it again",
  });
}

function findingsInWords({ findings }: Review): string[] {
  return findings.map(({ severity, code, message }) => harmless(`${severity} ${code}: ${message}`));
}

function inWords({ verdict, edges, findings }: Review): string {
  const fails = findings.filter(({ severity }) => severity === "fails").length;
  if (verdict === "passes") return `passes: ${edges.added} to promote`;
  return `${fails} ${fails === 1 ? "finding fails" : "findings fail"}`;
}

import { formatDiagnostic } from "../diagnostics/index.ts";
import { edgesOf } from "../edges/index.ts";
import { WaybillError } from "../errors/index.ts";
import { type ManifestTree, readManifestsAt } from "../manifest/index.ts";
import { type ManifestPlace, promotedBy, troublesOfReport } from "../production/index.ts";
import { edgeName, type PromotionEvent, promote, type Report, sumsOf } from "../promotion/index.ts";
import { mayPass, openCredentialSources } from "../registry/index.ts";
import { type ImageSigning, signingBySettings, trustOf } from "../trust/index.ts";
import { isOwnBranch } from "./own-branch.ts";
import { networkOf } from "./source.ts";
import { type RunWork, sayCauses, type Work, type WorkDone } from "./work.ts";

/**
 * Brings production to what the manifests at the head of the job's branch ask for now, whatever the run was asked for by: it reads
 * the head when it starts, so that none promotes what another one has gone beyond.
 */
export async function promoteHead(work: Work<"promote">): Promise<WorkDone> {
  const { job, recording, matrix, say, isShadow, ending, environment } = work;
  const { manifests, dryRun, strict = false } = job.work.promote;
  const confirm = !isShadow && dryRun !== true;
  const { tree, place, commit } = await manifestsOfHead(work, manifests);
  const isOwn = await isOwnBranch(work, place.ref);
  const access = isShadow ? "foreign" : confirm ? "writing" : "reading";
  const began = new Date();
  return work.withRegistries(access, async (registries) => {
    const { report } = await promote({
      ...{ tree, confirm, strict },
      open: registries.repository,
      trust: await trustOf({ tree, settings: environment.settings.trust, open: registries.repository }),
      signing: await signingOf(work, { repository: place.repo, commit }),
      signal: ending.stop,
      async keepPlan(plan) {
        await recording.plan(plan);
        await matrix.plan(plan, confirm ? "promotion" : "plan");
      },
      listener: (event) => {
        work.listener(event);
        const line = lineOf(event, confirm);
        if (line !== undefined) say(line);
      },
    });
    await recording.report({ ...report, traffic: work.traffic() });
    await matrix.report(report);
    if (isOwn) {
      await work.looked({
        ...{ place, commit, began, isWhole: !report.interrupted, isDeep: false },
        edges: edgesOf(tree.manifests),
        unreadable: tree.unreadable,
        manifestErrors: report.manifestErrors.length,
        troubles: troublesOfReport(report),
        promoted: promotedBy(report),
      });
    }
    const summary = `${sumsOf(report)}${confirm ? "" : "; nothing is written"}`;
    sayCauses(work, report.causes, "edge");
    say(summary);
    return {
      result: report.interrupted ? "ABORTED" : report.asDesired ? "SUCCESS" : "FAILURE",
      summary,
      more: {
        ...{ plan: report.planHash, counts: report.counts },
        ...(confirm ? { mayPass: isPassing(report) } : { dryRun: true }),
      },
    };
  });
}

/**
 * What the settings sign of what is promoted. A dry run tells of it; a shadow does as whoever is before Waybill does, and is shown
 * no key.
 */
async function signingOf(
  { run, isShadow, ending, environment: work, say }: RunWork,
  at: { readonly repository: string; readonly commit: string },
): Promise<ImageSigning | undefined> {
  if (isShadow) return undefined;
  const { settings, environment } = work;
  const { secrets, identities } = work.credentialSources ?? openCredentialSources({ settings, environment });
  return signingBySettings({
    settings: settings.trust,
    manifests: { ...at, pathOf: (file) => file },
    job: { name: run.job, buildId: run.id },
    network: networkOf(work),
    ...{ environment, secrets, identities },
    signal: ending.cut,
    listener: ({ host, milliseconds, reason }) =>
      say(`waiting ${Math.ceil(milliseconds / 1000)} s for ${host} (${reason})`),
  });
}

/** Whether anything of it may come to be by itself: a registry was away, or it was cut off. What else is wrong stays so. */
function isPassing({ interrupted, problems }: Report): boolean {
  return interrupted || problems.some(({ failure }) => failure !== undefined && mayPass(failure.code));
}

/**
 * The manifests that a job works on: those at the head of its branch, as it is now. Says which commit that is, and what is wrong
 * with them.
 * @throws {WaybillError} `no-manifest` when none can be read.
 */
export async function manifestsOfHead(
  work: RunWork,
  path: string,
): Promise<{ readonly tree: ManifestTree; readonly place: ManifestPlace; readonly commit: string }> {
  const { run, job, source, environment, say } = work;
  const mirror = await source.mirror();
  const ref = run.ref ?? branchOf(job.ref ?? job.clock?.ref) ?? (await mirror.defaultBranch());
  const commit = await mirror.commitOf(ref);
  say(`${ref} of ${mirror.url} is at ${commit}`);
  await work.isAbout(commit);
  const nothing = { path, manifests: [], diagnostics: [], unreadable: [] };
  const { tree } = await readManifestsAt(nothing, commit, {
    head: commit,
    repository: mirror.folder,
    environment: environment.environment,
  });
  for (const diagnostic of tree.diagnostics) {
    if (diagnostic.severity !== "info") say(formatDiagnostic(diagnostic));
  }
  if (tree.manifests.length > 0) return { tree, place: { repo: job.repo, ref, path }, commit };
  throw new WaybillError("no-manifest", "there is no manifest that can be read", {
    where: path,
    hint: "look at what is wrong with them, and at the path that the job names",
  });
}

function branchOf(name: string | undefined): string | undefined {
  return name === undefined || name.startsWith("refs/") ? name : `refs/heads/${name}`;
}

function lineOf(event: PromotionEvent, confirm: boolean): string | undefined {
  switch (event.type) {
    case "planned":
      return `plan ${event.hash}: ${event.work} to do`;
    case "edge-done":
      return confirm ? `done ${edgeName(event)}` : undefined;
    case "edge-failed":
      return `failed ${edgeName(event)}: ${event.failure?.message ?? "nobody says why"}`;
    default:
      return undefined;
  }
}

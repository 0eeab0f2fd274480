import { join } from "node:path";
import { chooseEngine } from "../builds/index.ts";
import { didYouMean, formatDiagnostic } from "../diagnostics/index.ts";
import { parseRemote } from "../forge/index.ts";
import { type Job, repositoryKey } from "../jobs/index.ts";
import { openSources, type RunSource } from "../work/index.ts";
import { problemOf, type ServeCheck } from "./checked.ts";
import { openLiveJobs } from "./live-jobs.ts";
import type { ServeOptions } from "./options.ts";

/** Looks at the jobs, and at what they need: their repositories, the forges of these, a program that builds. */
export async function checkJobs(options: ServeOptions): Promise<ServeCheck[]> {
  const { environment, settings, credentialSources, data, capacities, jobs: place } = options;
  const sourceOf = openSources({ settings, environment, credentialSources, folder: data });
  const mirrors = join(data, "mirrors");
  const live = openLiveJobs({
    ...{ place, capacities: Object.keys(capacities), mirrors, environment, sourceOf, log: () => {} },
    maxMirrorBytes: settings.serve.maxMirrorBytes,
  });
  const { where, jobs: located, diagnostics, trouble } = await live.look();
  const jobs = located.map(({ job }) => job);
  const what = "jobs";
  const checks: ServeCheck[] = [];
  if (trouble !== undefined) {
    checks.push({ what, where, state: "problem", message: trouble.message, hint: trouble.hint });
  } else checks.push({ what, where, state: "fine", message: `${jobs.length} jobs` });
  for (const diagnostic of diagnostics) {
    const { severity, file, hint } = diagnostic;
    if (severity === "info") continue;
    const state = severity === "error" ? "problem" : "warning";
    checks.push({ what, where: file, state, message: formatDiagnostic(diagnostic), hint });
  }
  const repositories = [...repositoriesOf(jobs)].map(([, { url, needs }]) =>
    checkRepository(sourceOf(url), needs),
  );
  return [
    ...checks,
    // What nobody could read has no names that could be missed.
    ...(trouble === undefined ? checkNames(options, jobs) : []),
    ...(await Promise.all(repositories)),
    ...(options.roles.has("worker") ? await checkEngine(jobs, environment) : []),
  ];
}

/** The repositories that jobs name, each with the job that does nothing where it is on no forge. */
function repositoriesOf(
  jobs: readonly Job[],
): ReadonlyMap<string, { readonly url: string; readonly needs: string | undefined }> {
  const found = new Map<string, { url: string; needs: string | undefined }>();
  const add = (url: string, needs?: string): void => {
    const known = found.get(repositoryKey(url));
    if (known === undefined) found.set(repositoryKey(url), { url, needs });
    else known.needs ??= needs;
  };
  for (const { name, repo, work } of jobs) {
    add(repo, work.kind === "review" ? name : undefined);
    if (work.kind === "propose") add(work.propose.repo, name);
  }
  return found;
}

async function checkRepository(source: RunSource, needs: string | undefined): Promise<ServeCheck> {
  const { url } = source;
  const found = { what: "repository", where: url } as const;
  try {
    const forge = await source.forge();
    await source.reach();
    if (forge !== undefined) {
      const { kind, host } = forge.forge;
      return { ...found, state: "fine", message: `on ${host} (${kind}), with a token` };
    }
    const remote = parseRemote(url);
    if (remote === undefined && needs === undefined) {
      return { ...found, state: "fine", message: "can be read; it is on no forge, and gets no statuses" };
    }
    const without = needs === undefined ? "no statuses, no pull requests" : `${needs} can do nothing`;
    return {
      ...found,
      state: needs === undefined ? "warning" : "problem",
      message: `can be read, and is on no forge that there is a token for: ${without}`,
      hint:
        remote === undefined
          ? "name the address that it has on a forge"
          : `give the token of its forge in the environment, such as GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN, and say under forges in waybill.yaml what ${remote.host} is, unless its name does (docs/forges.md)`,
    };
  } catch (error) {
    return { ...found, ...problemOf(error) };
  }
}

async function checkEngine(jobs: readonly Job[], environment: NodeJS.ProcessEnv): Promise<ServeCheck[]> {
  const wanted = new Set(jobs.flatMap(({ work }) => (work.kind === "build" ? [work.build.engine] : [])));
  const what = "engine";
  return Promise.all(
    [...wanted].map(async (engine): Promise<ServeCheck> => {
      try {
        const { name } = await chooseEngine(engine, environment);
        return { what, where: name, state: "fine", message: "builds images here" };
      } catch (error) {
        return { what, where: "PATH", ...problemOf(error) };
      }
    }),
  );
}

/** What the settings say of jobs by their names. */
function checkNames({ settings, retention }: ServeOptions, jobs: readonly Job[]): ServeCheck[] {
  const known = jobs.map(({ name }) => name);
  const named = [
    ...Object.keys(settings.serve.jobCredentials ?? {}).map((job) => [job, "serve.jobCredentials"] as const),
    ...retention.flatMap(({ job }) => (job === undefined ? [] : [[job, "serve.retention"] as const])),
  ];
  return named
    .filter(([job]) => !known.includes(job))
    .map(([job, where]) => ({
      ...{ what: "jobs", where, state: "warning", message: `no job is called ${job}` },
      hint: didYouMean(job, known),
    }));
}

import { join } from "node:path";
import type { Database, Sql } from "../database/index.ts";
import { openMirror } from "../git/index.ts";
import { type Job, type JobSet, type LocatedJob, openJobSource } from "../jobs/index.ts";
import { readOwners } from "../owners/index.ts";
import type { JobsPlace } from "../settings/index.ts";
import type { RunSource } from "../work/index.ts";
import { acceptBranch, acceptedCommit, readJobsChannel, readJobsNow } from "./accepted-branch.ts";
import { every } from "./every.ts";
import { type Log, logProblem } from "./log.ts";

/** The jobs as they are now, looked at again and again. */
export interface LiveJobs {
  current(): JobSet;
  /** The same array for as long as nothing changes. */
  jobs(): readonly Job[];
  /** Resolves when it is known for the first time which jobs there are: until then, nothing is to be concluded from their absence. */
  readonly known: Promise<void>;
  /** Whether {@link known} has resolved. */
  areKnown(): boolean;
  /** Those who may approve the file of a job, as the branch that it comes from says; nobody for those of a folder. */
  ownersOf(job: LocatedJob): Promise<readonly string[]>;
  /** Takes a branch that was rewritten, as it is at a commit, in all processes of the database. */
  accept(sql: Sql, commit: string): Promise<void>;
  /** Has all processes of the database read the jobs now. */
  readNow(sql: Sql): Promise<void>;
  /** Looks once. */
  look(): Promise<JobSet>;
  /** Looks until the signal is aborted. */
  watch(signal: AbortSignal): Promise<void>;
}

/** What jobs are read with. */
export interface LiveJobsOptions {
  /** By which processes tell each other what somebody has taken; without it, nobody is told. */
  readonly db?: Database | undefined;
  readonly place: JobsPlace;
  readonly capacities: readonly string[];
  readonly mirrors: string;
  readonly maxMirrorBytes?: number | undefined;
  readonly environment: NodeJS.ProcessEnv;
  readonly sourceOf: (url: string) => RunSource;
  readonly log: Log;
  /** Gives up a look that is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds between two looks: a folder costs a few reads, a branch a request to its host. */
const folderPulse = 5_000;
const branchPulse = 30_000;

/** Opens the jobs of a place. Nothing is read before they are watched. */
export function openLiveJobs({
  db,
  place,
  capacities,
  mirrors,
  maxMirrorBytes,
  environment,
  sourceOf,
  log,
  signal: stopping,
}: LiveJobsOptions): LiveJobs {
  let set: JobSet = {
    where: "folder" in place ? place.folder : place.repo,
    commit: undefined,
    jobs: [],
    diagnostics: [],
    problems: [],
    trouble: undefined,
  };
  let jobs: readonly Job[] = [];
  let source: ReturnType<typeof openJobSource> | undefined;
  let told = "";
  let areKnown = false;
  let tellKnown: () => void = () => {};
  const known = new Promise<void>((resolve) => {
    tellKnown = resolve;
  });

  const open = (): ReturnType<typeof openJobSource> => {
    if ("folder" in place) return openJobSource({ folder: place.folder }, { capacities });
    const { repo: repository, branch, path: folder = "" } = place;
    // A branch that everybody may read needs no forge that answers.
    const credentialOf = async () =>
      sourceOf(repository)
        .credential()
        .catch(() => undefined);
    // Many that listen to one signal are taken for a leak.
    const signal = stopping && AbortSignal.any([stopping]);
    const git = { mirrors, maxMirrorBytes, environment, credentialOf, signal };
    return openJobSource({ repository, branch, folder, ...git }, { capacities });
  };
  const look = async (): Promise<JobSet> => {
    source ??= open();
    // Another process may have been told; while the database is away, what was accepted before is.
    const accepted = db && (await acceptedCommit(db, source.where).catch(() => undefined));
    if (accepted !== undefined) source.accept(accepted);
    const found = await source.look();
    const before = jobs;
    const now = found.jobs.map(({ job }) => job);
    if (now.length !== before.length || now.some((job, at) => job !== before[at])) jobs = now;
    set = found;
    if (found.trouble === undefined || now.length > 0) {
      areKnown = true;
      tellKnown();
    }
    tell(found);
    return found;
  };
  const tell = ({ jobs: all, problems, trouble, where, commit }: JobSet): void => {
    const said = JSON.stringify([
      all.map(({ job }) => job.name),
      problems.map(({ file, diagnostics }) => [file, diagnostics.map(({ message }) => message)]),
      trouble?.code,
      commit,
    ]);
    if (said === told) return;
    told = said;
    if (all.length > 0 || trouble === undefined) log("info", `${all.length} jobs`, { where, commit });
    for (const { file, diagnostics, kept } of problems) {
      const [first] = diagnostics;
      const what = `${file} has errors: ${first?.message ?? "nobody says which"}`;
      log("warn", what, {
        errors: diagnostics.length,
        kept: kept.length === 0 ? undefined : kept.join(", "),
      });
    }
    if (trouble !== undefined) {
      log("warn", `jobs cannot be read: ${trouble.message}`, { where, hint: trouble.hint });
    }
  };

  return {
    current: () => set,
    jobs: () => jobs,
    known,
    areKnown: () => areKnown,
    look,
    accept: (sql, commit) => acceptBranch(sql, (source ?? open()).where, commit),
    readNow: readJobsNow,
    async ownersOf({ file }) {
      const { commit } = set;
      if ("folder" in place || commit === undefined) return [];
      const mirror = openMirror({ folder: mirrors, url: place.repo, environment });
      const repository = await mirror.open();
      const files = repository.filesAt(await repository.commitOf(commit));
      try {
        const path = join(place.path ?? "", file);
        const [found] = (await readOwners(files, [path])).ownersOf([path]);
        return found?.approvers ?? [];
      } finally {
        files.close();
      }
    },
    async watch(signal) {
      const onProblem = logProblem(log, "jobs cannot be read");
      const hear = (): void => void look().catch(onProblem);
      const unlisten = await db?.listen(readJobsChannel, hear);
      try {
        await every("folder" in place ? folderPulse : branchPulse, signal, look, onProblem);
      } finally {
        await unlisten?.();
      }
    },
  };
}

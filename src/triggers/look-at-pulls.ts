import { ForgeError, type ForgeProject, type PullRequest } from "../forge/index.ts";
import { GitError, openMirror } from "../git/index.ts";
import { isJobOf, type Job, judgePull, repositoryKey } from "../jobs/index.ts";
import type { Asked, QueuedRun } from "../queue/index.ts";
import { shortHash } from "./asks.ts";
import { inTurn } from "./in-turn.ts";
import { mirrorOf } from "./look-at-refs.ts";
import type { PullNotes, PullToHeed, TriggerWorld } from "./model.ts";
import { askForPull, isOfPulls, pullJobs } from "./pulls.ts";
import { type ClaimedRemote, lookingAt, noteRead, noteSeen, withClaim } from "./remotes.ts";

/** A pull request as the table has it. */
interface PullRow {
  readonly number: number;
  readonly head: string;
  readonly base: string;
  readonly updated_at: string;
  readonly updated_seen_at: Date;
  readonly heeded_at: Date | null;
  /** It was there when the repository was seen for the first time. */
  readonly is_old: boolean;
  /** Its `updated_at` when nothing of it might be started, as far as that is settled. */
  readonly declined: string | null;
  /** Whose approvals stood when it was last looked at. */
  readonly approvals: string | null;
}

/** Forges say to the second when something was said: what is said later in that second looks the same. */
const settles = 3_000;
/** Runs of one pull request that wait. */
const maxRuns = 500;

/**
 * Looks at the open pull requests of a repository: a new head, or another branch that it is for, starts the jobs whose filter lets it
 * through; what is closed or merged takes back what waits for it; under whatever may have something new, what is said is heeded. The
 * first look starts nothing.
 * @returns Whether all of it was read and taken up.
 */
export async function lookAtPulls(world: TriggerWorld, repository: string): Promise<boolean> {
  return lookingAt(world, { repository, what: "pulls" }, async (remote) => {
    const project = await world.projectOf(remote.url);
    const etag = remote.known ? (remote.listing ?? undefined) : undefined;
    const listed = await project.pullRequests.listOpen(etag);
    const rows = await rowsOf(world, remote);
    const steps: (() => Promise<void>)[] = [];
    if (!remote.known && listed !== "unchanged") await takeAsTheyAre(world, remote, listed.pulls);
    else if (listed !== "unchanged") {
      await noteUpdates(world, remote, rows, listed.pulls);
      const current = await rowsOf(world, remote);
      const inOrder = [...listed.pulls].sort((one, other) => one.number - other.number);
      const open = new Set(listed.pulls.map(({ number }) => number));
      const unlisted = [...rows.keys()].filter((number) => !open.has(number));
      steps.push(
        ...inOrder.map((pull) => () => takeUpPull(world, remote, project, current.get(pull.number), pull)),
        ...unlisted.map((number) => () => letGo(world, remote, project, number)),
      );
    }
    steps.push(() => heedAll(world, remote, project, listed === "unchanged" ? [] : listed.pulls));
    await inTurn(world, steps, (step) => step());
    await noteRead(world, remote, listed === "unchanged" ? etag : listed.etag);
  });
}

async function rowsOf(
  world: TriggerWorld,
  { repository }: ClaimedRemote,
): Promise<ReadonlyMap<number, PullRow>> {
  const rows = await world.db.query<PullRow>(
    `SELECT number, head, base, updated_at, updated_seen_at, heeded_at, is_old, declined, approvals FROM pull_head
     WHERE repository = $1`,
    [repository],
  );
  return new Map(rows.map((row) => [row.number, row]));
}

async function takeAsTheyAre(
  world: TriggerWorld,
  remote: ClaimedRemote,
  pulls: readonly PullRequest[],
): Promise<void> {
  await withClaim(world, remote, async (sql) => {
    await sql.query("DELETE FROM pull_head WHERE repository = $1", [remote.repository]);
    for (const { number, head, base, updatedAt } of pulls) {
      await sql.query(
        `INSERT INTO pull_head (repository, number, head, base, updated_at, updated_seen_at, is_old)
         VALUES ($1, $2, $3, $4, $5, $6, true) ON CONFLICT DO NOTHING`,
        [remote.repository, number, head.commit, base.branch, updatedAt, world.now()],
      );
    }
    await world.notes?.seen(sql, remote.url, pulls);
    await noteSeen(sql, remote);
  });
  const { url, what } = remote;
  world.listener?.({ type: "remote-first-seen", url, what, found: pulls.length });
}

async function noteUpdates(
  world: TriggerWorld,
  remote: ClaimedRemote,
  rows: ReadonlyMap<number, PullRow>,
  pulls: readonly PullRequest[],
): Promise<void> {
  const updated = pulls.filter(({ number, updatedAt }) => rows.get(number)?.updated_at !== updatedAt);
  await withClaim(world, remote, async (sql) => {
    for (const { number, updatedAt } of updated) {
      await sql.query(
        "UPDATE pull_head SET updated_at = $3, updated_seen_at = $4 WHERE repository = $1 AND number = $2",
        [remote.repository, number, updatedAt, world.now()],
      );
    }
    await world.notes?.seen(sql, remote.url, pulls);
  });
}

async function takeUpPull(
  world: TriggerWorld,
  remote: ClaimedRemote,
  project: ForgeProject,
  row: PullRow | undefined,
  pull: PullRequest,
): Promise<void> {
  const { number, head, base, updatedAt } = pull;
  // GitLab has not yet looked at what was pushed.
  if (head.commit === "") return;
  if (row !== undefined && row.head === head.commit && row.base === base.branch) return;
  if (row?.declined === updatedAt) return;
  const candidates = await startedBy(world, remote, pull);
  const jobs = pullJobs(world.jobs(), remote.url, base.branch);
  const subject: PullToHeed = { url: remote.url, project, pull, isFirst: false, jobs };
  const mayRun = candidates.length === 0 || world.mayRun === undefined || (await world.mayRun(subject));
  const started = mayRun ? candidates : [];
  const text = textOf(row, pull);
  const asked = await withClaim(world, remote, async (sql) => {
    const now = world.now();
    const isSettled = row !== undefined && now.getTime() - row.updated_seen_at.getTime() >= settles;
    await sql.query(
      `INSERT INTO pull_head (repository, number, head, base, updated_at, updated_seen_at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (repository, number) DO UPDATE SET head = excluded.head, base = excluded.base, declined = $7`,
      [
        ...[remote.repository, number, mayRun ? head.commit : (row?.head ?? ""), base.branch, updatedAt, now],
        mayRun || !isSettled ? undefined : updatedAt,
      ],
    );
    const names = candidates.map(({ name }) => name);
    await world.notes?.taken(sql, remote.url, number, { jobs: names, trusted: mayRun });
    const runs: { readonly job: Job; readonly run: Asked }[] = [];
    for (const job of started) {
      const cause = { by: "pull-request", text, at: now.toISOString(), who: pull.author } as const;
      runs.push({ job, run: await askForPull(sql, job, pull, cause) });
    }
    return runs;
  });
  tell(world, asked, text);
}

function textOf(row: PullRow | undefined, { number, author, head, base }: PullRequest): string {
  if (row === undefined || row.head === "") {
    return `pull request ${number} by ${author} at ${shortHash(head.commit)}`;
  }
  if (row.head === head.commit) return `pull request ${number} is for ${base.branch} now`;
  return `push to pull request ${number} by ${author}: ${shortHash(row.head)}..${shortHash(head.commit)}`;
}

function tell(
  { listener }: TriggerWorld,
  asked: readonly { readonly job: Job; readonly run: Asked }[],
  cause: string,
): void {
  for (const { job, run } of asked) {
    listener?.({ type: "run-asked-for", job: job.name, run: run.id, outcome: run.outcome, cause });
  }
}

/** The jobs whose filters let a pull request through. Where nobody can tell what it changes, that is taken for what they wait for. */
async function startedBy(
  world: TriggerWorld,
  remote: ClaimedRemote,
  pull: PullRequest,
): Promise<readonly Job[]> {
  const branch = pull.base.branch;
  const byBranch = world.jobs().filter((job) => isOfPulls(job, remote.repository, branch));
  const asksForPaths = byBranch.some(
    ({ pullRequest }) => pullRequest?.paths !== undefined || pullRequest?.skipPaths !== undefined,
  );
  if (!asksForPaths) return byBranch;
  const changes = await changesOf(world, remote.url, pull);
  return changes === undefined
    ? byBranch
    : byBranch.filter((job) => judgePull(job, branch, changes).verdict === "run");
}

async function changesOf(
  world: TriggerWorld,
  url: string,
  { head, base }: PullRequest,
): Promise<readonly string[] | undefined> {
  const credential = await world.credentialOf(url);
  const mirror = openMirror({ ...mirrorOf(world, url), credential });
  const missing = await mirror.ensure([{ commit: head.commit }]);
  if (missing.length > 0) return undefined;
  try {
    return await mirror.proposed(await mirror.commitOf(`refs/heads/${base.branch}`), head.commit);
  } catch (error) {
    if (error instanceof GitError && error.code === "unknown-revision") return undefined;
    throw error;
  }
}

/** What is not listed any more may have been missed: it is asked for by itself before anything is taken back. */
async function letGo(
  world: TriggerWorld,
  remote: ClaimedRemote,
  project: ForgeProject,
  number: number,
): Promise<void> {
  const end = await endOf(project, number);
  const { state } = end;
  if (state === "open") return;
  const waiting = await waitingFor(world, remote, number);
  await withClaim(world, remote, async (sql) => {
    await sql.query("DELETE FROM pull_head WHERE repository = $1 AND number = $2", [
      remote.repository,
      number,
    ]);
    await world.notes?.ended(sql, remote.url, number, end);
    for (const { id } of waiting) {
      await world.queue.abort(sql, id, { who: "waybill", why: `pull request ${number} is ${state}` });
    }
  });
}

/** What two answers lack, the list and its own, is gone: forges hide what somebody proposed whom they have locked out. */
async function endOf(project: ForgeProject, number: number): Promise<Parameters<PullNotes["ended"]>[3]> {
  try {
    return await project.pullRequests.read(number);
  } catch (error) {
    if (error instanceof ForgeError && error.code === "not-found") return { state: "gone" };
    throw error;
  }
}

async function waitingFor(
  { queue }: TriggerWorld,
  { repository }: ClaimedRemote,
  pull: number,
): Promise<readonly QueuedRun[]> {
  const found: QueuedRun[] = [];
  for (const state of ["waiting", "held"] as const) {
    const { runs } = await queue.list({ pull, state, limit: maxRuns });
    found.push(...runs.filter(({ repo }) => repo !== undefined && repositoryKey(repo) === repository));
  }
  return found;
}

/** Looks under all that may have something new; one that fails is looked at again, and keeps none of the others from it. */
async function heedAll(
  world: TriggerWorld,
  remote: ClaimedRemote,
  project: ForgeProject,
  listed: readonly PullRequest[],
): Promise<void> {
  const known = new Map(listed.map((pull) => [pull.number, pull]));
  await inTurn(world, (await rowsOf(world, remote)).values(), async (row) => {
    const { number, updated_seen_at: seen, heeded_at: heeded } = row;
    if (heeded !== null && heeded.getTime() - seen.getTime() >= settles) return;
    const since = world.now();
    const isFirst = row.is_old && heeded === null;
    const pull = known.get(number) ?? (await project.pullRequests.read(number));
    const jobs = pullJobs(world.jobs(), remote.url, pull.base.branch);
    const subject = { url: remote.url, project, pull, isFirst, jobs };
    await world.heed?.(subject);
    await heedApprovals(world, remote, row, subject);
    await withClaim(world, remote, (sql) =>
      sql.query("UPDATE pull_head SET heeded_at = $3 WHERE repository = $1 AND number = $2", [
        ...[remote.repository, number, since],
      ]),
    );
  });
}

/** Whose approvals stand is a part of what some reviews judge: another set of them starts these again. */
async function heedApprovals(
  world: TriggerWorld,
  remote: ClaimedRemote,
  row: PullRow,
  { project, pull, isFirst }: PullToHeed,
): Promise<void> {
  const { number, base } = pull;
  const jobs = world
    .jobs()
    .filter((job) => isOfPulls(job, remote.repository, base.branch) && awaitsApproval(job));
  if (jobs.length === 0) return;
  const standing = await project.conversation.approvals(number);
  const approvals = standing
    .map(({ user, commit }) => `${user} ${commit ?? ""}`)
    .sort()
    .join("\n");
  if (row.approvals === approvals) return;
  // Nobody had approved anything when it was first seen, or the job that it has started looks for itself.
  const isNews = !isFirst && row.approvals !== null && row.head === pull.head.commit;
  const text = `approvals of pull request ${number} have changed`;
  const asked = await withClaim(world, remote, async (sql) => {
    await sql.query("UPDATE pull_head SET approvals = $3 WHERE repository = $1 AND number = $2", [
      ...[remote.repository, number, approvals],
    ]);
    const runs: { readonly job: Job; readonly run: Asked }[] = [];
    for (const job of isNews ? jobs : []) {
      const cause = { by: "pull-request", text, at: world.now().toISOString() } as const;
      runs.push({ job, run: await askForPull(sql, job, pull, cause) });
    }
    return runs;
  });
  tell(world, asked, text);
}

function awaitsApproval(job: Job): boolean {
  return isJobOf(job, "review") && job.work.review.requireApproval === true;
}

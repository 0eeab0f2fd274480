import type { Database, Sql } from "../database/index.ts";
import { type FailureRecord, failureRecord } from "../errors/index.ts";
import { type Job, repositoryKey } from "../jobs/index.ts";
import { hooksOf } from "./look-at-hooks.ts";
import type { Looked, MovedTag, RemoteState, TriggerWorld } from "./model.ts";
import { longestPause, nextAttempt, nextLook } from "./schedule.ts";

/** A remote that is looked at, with the claim of whoever looks. */
export interface ClaimedRemote {
  /** The same for all ways to write its URL. */
  readonly repository: string;
  readonly what: Looked;
  readonly url: string;
  /** Whether it was ever read. */
  readonly known: boolean;
  /** A word for the state that was last read. */
  readonly listing: string | null;
  readonly told_at: Date | null;
  readonly unread_since: Date | null;
  readonly failures: number;
  /** Who looks next has another one: what an older claim would write is refused. */
  readonly claim: string;
}

/** Milliseconds that a claim holds without being renewed: the process that had it is gone. */
const claimHolds = 30_000;
const renewEach = 8_000;
/** Renewals after which a look that is still under way is told: whoever is asked does not answer, or has much to send. */
const slowAfter = 4;
/** A remote that no job names goes on where it was when one names it again within a day; later it is seen for the first time. */
const forgottenAfter = 24 * 60 * 60_000;
const maxMovedTags = 20;
/** Remotes that are chosen from at a time. */
const maxDue = 1_000;

/** Another process looks at the remote by now. */
export class ClaimLost extends Error {
  override readonly name = "ClaimLost";
}

/** Whether something of a repository has to be looked at for a job. */
function looksAt({ on, pullRequest }: Job, what: Looked): boolean {
  return (what === "refs" ? on : pullRequest) !== undefined;
}

/** Makes the remotes that are looked at those that the jobs name. */
export async function syncRemotes(db: Database, jobs: readonly Job[], now: Date): Promise<void> {
  for (const what of ["refs", "pulls"] as const) {
    const urls = new Map<string, string>();
    for (const job of jobs) {
      const key = repositoryKey(job.repo);
      if (looksAt(job, what) && !urls.has(key)) urls.set(key, job.repo);
    }
    await db.transaction(async (sql) => {
      const wanted = [...urls.keys()];
      const forgotten = new Date(now.getTime() - forgottenAfter);
      await sql.query(
        `INSERT INTO remote (repository, what, url, due_at)
         SELECT repository, $1, url, $4 FROM unnest($2::text[], $3::text[]) AS wanted (repository, url)
         ON CONFLICT (repository, what) DO UPDATE SET url = excluded.url, unwanted_since = NULL,
           known = remote.known AND (remote.unwanted_since IS NULL OR remote.unwanted_since > $5),
           due_at = CASE WHEN remote.unwanted_since IS NULL THEN remote.due_at ELSE excluded.due_at END
         WHERE remote.url <> excluded.url OR remote.unwanted_since IS NOT NULL`,
        [what, wanted, [...urls.values()], now, forgotten],
      );
      await sql.query(
        `UPDATE remote SET unwanted_since = $3
         WHERE what = $1 AND unwanted_since IS NULL AND NOT repository = ANY ($2::text[])`,
        [what, wanted, now],
      );
    });
  }
}

/** A remote that is due. */
export interface DueRemote extends Pick<ClaimedRemote, "repository" | "what"> {
  /** It could not be read the last time. */
  readonly failing: boolean;
}

/**
 * The remotes that are due and that nobody looks at: those first of which something was told, then those that are due the longest. What
 * would be due later than any pause was noted by a clock that was wrong.
 */
export async function dueRemotes(sql: Sql, now: Date): Promise<readonly DueRemote[]> {
  const wrong = new Date(now.getTime() + 2 * longestPause);
  const held = new Date(now.getTime() + claimHolds);
  return sql.query(
    `SELECT repository, what, failures > 0 AS failing FROM remote
     WHERE unwanted_since IS NULL AND (due_at <= $1 OR due_at > $3)
       AND (claimed_until IS NULL OR claimed_until <= $1 OR claimed_until > $4)
     ORDER BY hinted DESC, due_at LIMIT $2`,
    [now, maxDue, wrong, held],
  );
}

/** When the next remote is due that is not yet; `undefined` when there is none. */
export async function nextDue(sql: Sql, now: Date): Promise<Date | undefined> {
  const [row] = await sql.query<{ readonly at: Date | null }>(
    `SELECT min(greatest(due_at, coalesce(claimed_until, due_at))) AS at FROM remote
     WHERE unwanted_since IS NULL AND greatest(due_at, coalesce(claimed_until, due_at)) > $1`,
    [now],
  );
  return row?.at ?? undefined;
}

/**
 * Claims a remote, and keeps the claim while `body` looks at it: no two processes do at the same time, and what one writes whose
 * claim was lost is refused ({@link withClaim}). What `body` throws makes the remote unread: it is told, and looked at again later.
 * @returns Whether it was looked at, by us and to the end.
 */
export async function lookingAt(
  world: TriggerWorld,
  { repository, what }: Pick<ClaimedRemote, "repository" | "what">,
  body: (remote: ClaimedRemote) => Promise<void>,
): Promise<boolean> {
  const { db, now, listener, random } = world;
  const asked = now();
  const [remote] = await db.query<ClaimedRemote>(
    `UPDATE remote SET claim = claim + 1, claimed_until = $3, hinted = false
     WHERE repository = $1 AND what = $2 AND (claimed_until IS NULL OR claimed_until <= $4 OR claimed_until > $3)
     RETURNING repository, what, url, known, listing, told_at, unread_since, failures, claim`,
    [repository, what, new Date(asked.getTime() + claimHolds), asked],
  );
  if (remote === undefined) return false;
  let renewals = 0;
  const renew = setInterval(() => {
    renewals += 1;
    if (renewals === slowAfter) noteSlow(world, remote, asked);
    const until = new Date(now().getTime() + claimHolds);
    // A claim that cannot be renewed shows when something is written.
    db.query("UPDATE remote SET claimed_until = $4 WHERE repository = $1 AND what = $2 AND claim = $3", [
      ...[repository, what, remote.claim, until],
    ]).catch(() => undefined);
  }, renewEach);
  try {
    await body(remote);
    return true;
  } catch (error) {
    if (error instanceof ClaimLost) return false;
    world.signal?.throwIfAborted();
    const failure = failureRecord(error);
    const attempts = remote.failures + 1;
    const nextAt = nextAttempt(now(), attempts, random());
    await db.query(
      `UPDATE remote SET failures = $4, failure = $5, unread_since = coalesce(unread_since, $6), claimed_until = NULL,
         due_at = CASE WHEN hinted THEN due_at ELSE $7 END
       WHERE repository = $1 AND what = $2 AND claim = $3`,
      [repository, what, remote.claim, attempts, failure, now(), nextAt],
    );
    listener?.({ type: "remote-unread", url: remote.url, what, failure, attempts, nextAt });
    return false;
  } finally {
    clearInterval(renew);
  }
}

/** Shows of a remote that it is not read, while somebody still tries to. How it ends is noted after that. */
function noteSlow({ db, listener }: TriggerWorld, remote: ClaimedRemote, since: Date): void {
  const { url, what, repository, claim } = remote;
  const message = "it is being looked at, and does not come to be read: no answer, or one without end";
  const failure: FailureRecord = { code: "slow", message };
  db.query(
    `UPDATE remote SET failure = $4, unread_since = coalesce(unread_since, $5)
     WHERE repository = $1 AND what = $2 AND claim = $3 AND claimed_until IS NOT NULL`,
    [repository, what, claim, failure, since],
  ).catch(() => undefined);
  listener?.({ type: "remote-slow", url, what, since });
}

/** Does something in a transaction that counts only as long as the claim is ours. @throws {ClaimLost} */
export async function withClaim<Result>(
  { db }: Pick<TriggerWorld, "db">,
  { repository, what, claim }: ClaimedRemote,
  work: (sql: Sql) => Promise<Result>,
): Promise<Result> {
  return db.transaction(async (sql) => {
    const [row] = await sql.query<{ readonly claim: string }>(
      "SELECT claim FROM remote WHERE repository = $1 AND what = $2 FOR UPDATE",
      [repository, what],
    );
    if (row?.claim !== claim) throw new ClaimLost();
    return work(sql);
  });
}

/** Notes, in the transaction that takes a remote up as it is, that it has been seen: from now on what differs is new. */
export async function noteSeen(sql: Sql, { repository, what }: ClaimedRemote): Promise<void> {
  await sql.query("UPDATE remote SET known = true WHERE repository = $1 AND what = $2", [repository, what]);
}

/** Notes that all of a remote was read. @param listing A word for the state that it was in. */
export async function noteRead(
  world: TriggerWorld,
  remote: ClaimedRemote,
  listing: string | undefined,
): Promise<void> {
  const { now, random, listener } = world;
  const { url, what, unread_since: since } = remote;
  await withClaim(world, remote, (sql) =>
    sql.query(
      `UPDATE remote SET listing = $3, looked_at = $4, failures = 0, failure = NULL, unread_since = NULL,
         claimed_until = NULL, due_at = CASE WHEN hinted THEN due_at ELSE $5 END
       WHERE repository = $1 AND what = $2`,
      [remote.repository, what, listing, now(), nextLook(now(), remote.told_at ?? undefined, random())],
    ),
  );
  if (since !== null) listener?.({ type: "remote-read-again", url, what, since });
}

/** All remotes that are looked at, as pages and alarms show them: first those that cannot be read, the longest first. */
export async function listRemotes(sql: Sql): Promise<readonly RemoteState[]> {
  interface Row {
    readonly repository: string;
    readonly url: string;
    readonly what: Looked;
    readonly looked_at: Date | null;
    readonly due_at: Date;
    readonly told_at: Date | null;
    readonly failures: number;
    readonly failure: NonNullable<RemoteState["unread"]>["failure"] | null;
    readonly unread_since: Date | null;
  }
  const rows = await sql.query<Row>(
    `SELECT repository, url, what, looked_at, due_at, told_at, failures, failure, unread_since FROM remote
     WHERE unwanted_since IS NULL ORDER BY unread_since, url, what`,
  );
  const moved = await movedTags(sql);
  const hooks = await hooksOf(sql);
  return rows.map(({ unread_since: since, failure, ...row }) => ({
    ...{ url: row.url, what: row.what, dueAt: row.due_at },
    ...{ lookedAt: row.looked_at ?? undefined, toldAt: row.told_at ?? undefined },
    unread: since !== null && failure !== null ? { since, failure, attempts: row.failures } : undefined,
    ...hooks.get(row.repository),
    movedTags: row.what === "refs" ? (moved.get(row.repository) ?? []) : [],
  }));
}

async function movedTags(sql: Sql): Promise<ReadonlyMap<string, readonly MovedTag[]>> {
  interface Row {
    readonly repository: string;
    readonly ref: string;
    readonly moved_from: string;
    readonly commit: string;
    readonly seen_at: Date;
  }
  const rows = await sql.query<Row>(
    "SELECT repository, ref, moved_from, commit, seen_at FROM remote_ref WHERE moved_from IS NOT NULL ORDER BY seen_at DESC, ref",
  );
  const tags = new Map<string, MovedTag[]>();
  for (const { repository, ref, moved_from: from, commit: to, seen_at: seenAt } of rows) {
    const list = tags.get(repository) ?? [];
    if (list.length < maxMovedTags) list.push({ ref, from, to, seenAt });
    tags.set(repository, list);
  }
  return tags;
}

import { jsonText, type Sql } from "../database/index.ts";
import type { PullRequest } from "../forge/index.ts";
import { repositoryKey } from "../jobs/index.ts";
import { holdsOf } from "../release/index.ts";
import { reviewChannel } from "./migrations.ts";
import type { KeptPull } from "./model.ts";

const most = { title: 500, label: 100, labels: 50 };

/**
 * Keeps open pull requests as they are seen now, within the transaction in which they are taken up. What is as it was changes nothing.
 * @param url Of their repository, as the jobs have it.
 */
export async function notePulls(
  sql: Sql,
  url: string,
  pulls: readonly PullRequest[],
  now: Date,
): Promise<void> {
  const seen = pulls
    // GitLab has not yet looked at what was pushed.
    .filter(({ head, state }) => head.commit !== "" && state === "open")
    .map(({ number, url: page, title, author, head, base, labels, draft, hasConflicts }) => ({
      ...{ number, page, title: title.slice(0, most.title), author, head: head.commit, base: base.branch },
      labels: labels.slice(0, most.labels).map((label) => label.slice(0, most.label)),
      ...{ draft, conflicts: hasConflicts, held: holdsOf({ labels, draft }, []).length > 0 },
    }));
  if (seen.length === 0) return;
  await sql.query(
    `WITH seen AS (
       SELECT * FROM jsonb_to_recordset($3::jsonb) AS seen (number int, page text, title text, author text, head text, base text,
         labels jsonb, draft boolean, conflicts boolean, held boolean)
     ), kept AS (
       INSERT INTO review_pull AS known (repository, url, number, page, title, author, head, base, labels, draft, conflicts, held_since,
         seen_at, changed_at)
       SELECT $1, $2, number, page, title, author, head, base, labels, draft, conflicts, CASE WHEN held THEN $4::timestamptz END,
         $4::timestamptz, $4::timestamptz FROM seen
       ON CONFLICT (repository, number) DO UPDATE SET url = excluded.url, page = excluded.page, title = excluded.title,
         author = excluded.author, head = excluded.head, base = excluded.base, labels = excluded.labels, draft = excluded.draft,
         conflicts = CASE WHEN known.head = excluded.head THEN coalesce(excluded.conflicts, known.conflicts) ELSE excluded.conflicts END,
         jobs = CASE WHEN known.head = excluded.head AND known.base = excluded.base THEN known.jobs END,
         held_since = CASE WHEN excluded.held_since IS NOT NULL THEN coalesce(known.held_since, excluded.held_since) END,
         state = 'open', ended_at = NULL, merge_commit = NULL, changed_at = excluded.changed_at
       WHERE (known.url, known.page, known.title, known.author, known.head, known.base, known.labels, known.draft, known.state)
         IS DISTINCT FROM (excluded.url, excluded.page, excluded.title, excluded.author, excluded.head, excluded.base, excluded.labels,
           excluded.draft, 'open')
         OR (excluded.conflicts IS NOT NULL AND known.conflicts IS DISTINCT FROM excluded.conflicts)
       RETURNING id
     ) SELECT pg_notify('${reviewChannel}', id::text) FROM kept`,
    [repositoryKey(url), url, jsonText(seen), now],
  );
}

/** Keeps which jobs the newest commit of a pull request concerns, and whether they may be run for its author. */
export async function notePullTaken(
  sql: Sql,
  url: string,
  number: number,
  { jobs, trusted }: Pick<KeptPull, "trusted"> & { readonly jobs: readonly string[] },
): Promise<void> {
  await sql.query(
    `WITH kept AS (
       UPDATE review_pull SET jobs = $3::jsonb, trusted = $4 WHERE repository = $1 AND number = $2 RETURNING id
     ) SELECT pg_notify('${reviewChannel}', id::text) FROM kept`,
    [repositoryKey(url), number, jsonText(jobs), trusted],
  );
}

/** Keeps that a pull request was merged or closed, or that the forge does not know it any more. */
export async function notePullEnded(
  sql: Sql,
  url: string,
  number: number,
  { state, mergeCommit }: { readonly state: KeptPull["state"]; readonly mergeCommit?: string | undefined },
  now: Date,
): Promise<void> {
  await sql.query(
    `WITH kept AS (
       UPDATE review_pull SET state = $3, merge_commit = $4, ended_at = $5, changed_at = $5
       WHERE repository = $1 AND number = $2 AND state = 'open' RETURNING id
     ) SELECT pg_notify('${reviewChannel}', id::text) FROM kept`,
    [repositoryKey(url), number, state, mergeCommit, now],
  );
}

/** Which pull requests are listed. */
export interface PullQuery {
  readonly state: "open" | "ended";
  /** Those of these repositories alone, as {@link KeptPull.repository} has them. */
  readonly repositories: readonly string[];
  readonly number?: number | undefined;
  readonly author?: string | undefined;
  /** What stands somewhere in the title. */
  readonly search?: string | undefined;
  /** The last one that was seen: when it ended or was seen first, and its id. */
  readonly after?: readonly [at: Date, id: string] | undefined;
  readonly limit: number;
}

interface PullRow {
  readonly id: string;
  readonly url: string;
  readonly repository: string;
  readonly number: number;
  readonly page: string;
  readonly title: string;
  readonly author: string;
  readonly head: string;
  readonly base: string;
  readonly labels: readonly string[];
  readonly draft: boolean;
  readonly conflicts: boolean | null;
  readonly state: KeptPull["state"];
  readonly merge_commit: string | null;
  readonly jobs: readonly string[] | null;
  readonly trusted: boolean;
  readonly seen_at: Date;
  readonly held_since: Date | null;
  readonly changed_at: Date;
  readonly ended_at: Date | null;
}

/**
 * Pull requests that a review is of: those that are open, the longest seen first, or those that have ended, the last first. What
 * concerns no job of ours is not among them.
 */
export async function listPulls(sql: Sql, query: PullQuery): Promise<readonly KeptPull[]> {
  const { state, repositories, number, author, search, after, limit } = query;
  const isOpen = state === "open";
  const [order, which] = isOpen ? ["seen_at", "state = 'open'"] : ["ended_at", "state <> 'open'"];
  const [at, id] = after ?? [];
  const rows = await sql.query<PullRow>(
    `SELECT review_pull.*, id::text AS id FROM review_pull
     WHERE ${which} AND repository = ANY ($1) AND ($2::int IS NULL OR number = $2)
       AND ($3::text IS NULL OR lower(author) = lower($3)) AND ($4::text IS NULL OR strpos(lower(title), lower($4)) > 0)
       AND (jobs IS NULL OR jsonb_array_length(jobs) > 0
         OR EXISTS (SELECT FROM review_judged AS judged WHERE judged.repository = review_pull.repository
           AND judged.number = review_pull.number))
       AND ($5::timestamptz IS NULL OR (${order}, review_pull.id) ${isOpen ? ">" : "<"} ($5, $6::bigint))
     ORDER BY ${order} ${isOpen ? "" : "DESC"}, review_pull.id ${isOpen ? "" : "DESC"} LIMIT $7`,
    [repositories, number, author, search, at, id, limit],
  );
  return rows.map(pullOf);
}

/** Pull requests of a repository that were merged: those whose merge has made a commit, and the last ones. */
export async function mergedPulls(
  sql: Sql,
  url: string,
  commit: string | undefined,
  limit: number,
): Promise<readonly KeptPull[]> {
  const rows = await sql.query<PullRow>(
    `SELECT review_pull.*, id::text AS id FROM review_pull WHERE id IN (
       (SELECT id FROM review_pull WHERE state = 'merged' AND merge_commit = $2 AND repository = $1 ORDER BY id LIMIT $3)
       UNION ALL
       (SELECT id FROM review_pull WHERE state = 'merged' AND repository = $1 ORDER BY ended_at DESC, id DESC LIMIT $3)
     ) ORDER BY (merge_commit IS NOT DISTINCT FROM $2) DESC, ended_at DESC, review_pull.id DESC`,
    [repositoryKey(url), commit, limit],
  );
  return rows.map(pullOf);
}

/** A pull request; `undefined` where there is none of that id. */
export async function readPull(sql: Sql, id: string): Promise<KeptPull | undefined> {
  const [row] = await sql.query<PullRow>(
    "SELECT review_pull.*, id::text AS id FROM review_pull WHERE id = $1",
    [id],
  );
  return row && pullOf(row);
}

function pullOf(row: PullRow): KeptPull {
  const { id, url, repository, number, page, title, author, head, base, labels, draft, state, trusted } = row;
  return {
    ...{ id, url, repository, number, page, title, author, head, base, labels, draft, state, trusted },
    ...{ conflicts: row.conflicts ?? undefined, mergeCommit: row.merge_commit ?? undefined },
    ...{ jobs: row.jobs ?? undefined, seenAt: row.seen_at, heldSince: row.held_since ?? undefined },
    ...{ changedAt: row.changed_at, endedAt: row.ended_at ?? undefined },
  };
}

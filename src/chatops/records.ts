import { jsonText, type Sql } from "../database/index.ts";
import { type Approval, type Comment, type ForgeProject, parseRemote } from "../forge/index.ts";

/** A pull request, by its repository's place on its forge and its number. */
export interface PullPlace {
  readonly repository: string;
  readonly pull: number;
}

/** What became of one command of a comment. */
export interface CommandOutcome {
  /** The line of the command. */
  readonly line: string;
  readonly outcome: "done" | "refused";
  /** What is to be said of it; a command that was obeyed speaks for itself in most cases. */
  readonly text?: string | undefined;
}

/** A comment whose commands have been obeyed or refused. */
export interface ObeyedComment {
  readonly comment: string;
  readonly author: string;
  readonly saidAt: Date;
  readonly outcomes: readonly CommandOutcome[];
}

/** The word of a person about a commit. */
export type ApprovalWord = "lgtm" | "approve";

/** Milliseconds after which one who was at a comment is taken for dead. */
const claimHolds = 120_000;

/** The place of a pull request. @param url of its repository, in any form. */
export function placeOf(url: string, pull: number): PullPlace {
  const remote = parseRemote(url);
  const repository = remote === undefined ? url : `${remote.host}/${remote.path}`.toLowerCase();
  return { repository, pull };
}

/** Comments of a pull request that have acted already. */
export async function obeyedIds(sql: Sql, { repository, pull }: PullPlace): Promise<ReadonlySet<string>> {
  const rows = await sql.query<{ readonly comment: string }>(
    "SELECT comment FROM chatops_comment WHERE repository = $1 AND pull = $2 AND outcomes IS NOT NULL",
    [repository, pull],
  );
  return new Set(rows.map(({ comment }) => comment));
}

/** Takes a comment, so that nobody else obeys it meanwhile. @returns Whether it is ours. */
export async function claimComment(
  sql: Sql,
  { repository, pull }: PullPlace,
  { id, author, createdAt }: Comment,
  now: Date,
): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO chatops_comment (repository, pull, comment, author, said_at, claimed_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (repository, pull, comment) DO UPDATE SET claimed_at = excluded.claimed_at
     WHERE chatops_comment.outcomes IS NULL AND chatops_comment.claimed_at < $7 RETURNING comment`,
    [repository, pull, id, author, new Date(createdAt), now, new Date(now.getTime() - claimHolds)],
  );
  return rows.length > 0;
}

/** Gives a comment back that could not be obeyed yet. */
export async function releaseComment(sql: Sql, { repository, pull }: PullPlace, id: string): Promise<void> {
  await sql.query(
    "DELETE FROM chatops_comment WHERE repository = $1 AND pull = $2 AND comment = $3 AND outcomes IS NULL",
    [repository, pull, id],
  );
}

/** Whether there is something of which nobody has been told yet. */
export async function isUnanswered(sql: Sql, { repository, pull }: PullPlace): Promise<boolean> {
  const rows = await sql.query(
    "SELECT 1 FROM chatops_comment WHERE repository = $1 AND pull = $2 AND outcomes IS NOT NULL AND NOT answered LIMIT 1",
    [repository, pull],
  );
  return rows.length > 0;
}

export async function markAnswered(
  sql: Sql,
  { repository, pull }: PullPlace,
  comments: readonly string[],
): Promise<void> {
  await sql.query(
    "UPDATE chatops_comment SET answered = true WHERE repository = $1 AND pull = $2 AND comment = ANY ($3)",
    [repository, pull, comments],
  );
}

/** Writes down what became of a comment. From then on it does nothing any more. */
export async function recordComment(
  sql: Sql,
  { repository, pull }: PullPlace,
  { id, author, createdAt }: Comment,
  outcomes: readonly CommandOutcome[],
  now: Date,
): Promise<void> {
  await sql.query(
    `INSERT INTO chatops_comment (repository, pull, comment, author, said_at, claimed_at, outcomes, answered)
     VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
     ON CONFLICT (repository, pull, comment) DO UPDATE SET outcomes = excluded.outcomes`,
    [repository, pull, id, author, new Date(createdAt), now, jsonText(outcomes), outcomes.length === 0],
  );
}

/** The comments that were obeyed last, the oldest first. */
export async function lastObeyed(
  sql: Sql,
  { repository, pull }: PullPlace,
  limit: number,
): Promise<readonly ObeyedComment[]> {
  const rows = await sql.query<ObeyedRow>(
    `SELECT comment, author, said_at, outcomes FROM chatops_comment
     WHERE repository = $1 AND pull = $2 AND jsonb_array_length(outcomes) > 0
     ORDER BY said_at DESC, length(comment) DESC, comment DESC LIMIT $3`,
    [repository, pull, limit],
  );
  return [...rows].reverse().map(obeyedOf);
}

interface ObeyedRow {
  readonly comment: string;
  readonly author: string;
  readonly said_at: Date;
  readonly outcomes: readonly CommandOutcome[];
}

function obeyedOf({ comment, author, said_at: saidAt, outcomes }: ObeyedRow): ObeyedComment {
  return { comment, author, saidAt, outcomes };
}

/** The last commands that were given for a pull request, on its forge and on pages, the oldest first. @param url of its repository. */
export function commandsUnder(
  sql: Sql,
  url: string,
  pull: number,
  limit: number,
): Promise<readonly ObeyedComment[]> {
  return lastObeyed(sql, placeOf(url, pull), limit);
}

/** The commands to hold, or not to any more, of many pull requests: of each the last ones, in the order of what is asked for. */
export async function holdWordsUnder(
  sql: Sql,
  pulls: readonly { readonly url: string; readonly number: number }[],
): Promise<readonly (readonly ObeyedComment[])[]> {
  const places = pulls.map(({ url, number }) => placeOf(url, number));
  const rows = await sql.query<ObeyedRow & { readonly repository: string; readonly pull: number }>(
    `SELECT repository, pull, comment, author, said_at, outcomes FROM chatops_comment
     JOIN unnest($1::text[], $2::int[]) AS wanted (repository, pull) USING (repository, pull)
     WHERE outcomes::text ~* '/(remove-|un)?hold'`,
    [places.map(({ repository }) => repository), places.map(({ pull }) => pull)],
  );
  return places.map(({ repository, pull }) =>
    rows.filter((row) => row.repository === repository && row.pull === pull).map(obeyedOf),
  );
}

/** Who has approved a pull request by a command, and which commit. @param url of its repository. */
export function wordsUnder(sql: Sql, url: string, pull: number): Promise<readonly Approval[]> {
  return wordsOf(sql, placeOf(url, pull), "approve");
}

export async function giveWord(
  sql: Sql,
  { repository, pull }: PullPlace,
  given: {
    readonly word: ApprovalWord;
    readonly person: string;
    readonly commit: string;
    readonly at: string;
  },
): Promise<void> {
  await sql.query(
    `INSERT INTO chatops_approval (repository, pull, word, person, commit, given_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (repository, pull, word, person) DO UPDATE SET commit = excluded.commit, given_at = excluded.given_at`,
    [repository, pull, given.word, given.person.toLowerCase(), given.commit, new Date(given.at)],
  );
}

/** Takes a word back. @param person whose it is; everybody's when left out. */
export async function takeWordBack(
  sql: Sql,
  { repository, pull }: PullPlace,
  word: ApprovalWord,
  person?: string,
): Promise<void> {
  await sql.query(
    "DELETE FROM chatops_approval WHERE repository = $1 AND pull = $2 AND word = $3 AND ($4::text IS NULL OR person = $4)",
    [repository, pull, word, person?.toLowerCase()],
  );
}

/** Who has given a word, and of which commit. */
export async function wordsOf(
  sql: Sql,
  { repository, pull }: PullPlace,
  word: ApprovalWord,
): Promise<readonly Approval[]> {
  const rows = await sql.query<{ readonly person: string; readonly commit: string; readonly given_at: Date }>(
    `SELECT person, commit, given_at FROM chatops_approval
     WHERE repository = $1 AND pull = $2 AND word = $3 ORDER BY given_at, person`,
    [repository, pull, word],
  );
  return rows.map(({ person, commit, given_at: at }) => ({ user: person, commit, at: at.toISOString() }));
}

/**
 * The project with those among the approvals of its pull requests that were given by `/approve`: they count as those that the forge knows, by
 * the same rules.
 * @param url of the repository, in any form.
 */
export function withCommentApprovals(sql: Sql, url: string, project: ForgeProject): ForgeProject {
  const { conversation } = project;
  return {
    ...project,
    conversation: {
      comments: (number) => conversation.comments(number),
      put: (number, marker, body) => conversation.put(number, marker, body),
      approvals: async (number) => [
        ...(await conversation.approvals(number)),
        ...(await wordsOf(sql, placeOf(url, number), "approve")),
      ],
    },
  };
}

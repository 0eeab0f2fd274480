import type { Sql } from "../database/index.ts";
import type { AccessSettings, Principal } from "./model.ts";
import { type PersonRow, personColumns, personPrincipal } from "./people.ts";
import { newSecret, secretHash } from "./secret.ts";
import { tokenPrincipal } from "./tokens.ts";

const hour = 3_600_000;

/**
 * Milliseconds that a session lives: without being used, and in all. What is known of groups is of the login: who has left one has what
 * it gives until then, and no longer.
 */
export const sessionLife = { idle: 12 * hour, whole: 24 * hour } as const;
/** Sessions that one person has at a time, or that one token was shown for: the ones that were used last. */
const maxOfOwner = 20;

/** A time is not written down again before so many milliseconds have passed: reading ten pages is no ten writes. */
const notedEvery = 60_000;

/** Whose a session is: a person's, or that of one who has shown a token, which it ends with. */
export type SessionOwner = { readonly person: string } | { readonly token: string };

/**
 * Begins a session. There is a new secret for each login, so that a session somebody else has planted in a browser
 * never becomes one of the person who logs in there. @returns the secret, which is not kept.
 */
export async function beginSession(sql: Sql, owner: SessionOwner, now: Date): Promise<string> {
  const secret = newSecret();
  const [person, token] = "person" in owner ? [owner.person, null] : [null, owner.token];
  await sql.query(
    `INSERT INTO access_session (hash, person_id, token_id, made_at, used_at, ends_at)
     VALUES ($1, $2, $3, $4, $4, $5)`,
    [secretHash(secret), person, token, now, new Date(now.getTime() + sessionLife.whole)],
  );
  await sql.query(
    `DELETE FROM access_session WHERE hash IN (
       SELECT hash FROM access_session WHERE person_id = $1 OR token_id = $3
       ORDER BY hash = $2 DESC, used_at DESC OFFSET ${maxOfOwner}
     )`,
    [person, secretHash(secret), token],
  );
  return secret;
}

interface SessionRow {
  readonly person_id: string | null;
  readonly token_id: string | null;
  readonly ends_at: Date;
  readonly used_at: Date;
}

/** Whose session it is; `undefined` when there is none, or it has ended. */
export async function findSession(
  sql: Sql,
  secret: string,
  settings: AccessSettings,
  now: Date,
): Promise<Principal | undefined> {
  const idleSince = new Date(now.getTime() - sessionLife.idle);
  const [row] = await sql.query<SessionRow>(
    `SELECT person_id, token_id, ends_at, used_at FROM access_session
     WHERE hash = $1 AND ends_at > $2 AND used_at > $3`,
    [secretHash(secret), now, idleSince],
  );
  if (row === undefined) return undefined;
  const noted = new Date(now.getTime() - notedEvery);
  if (row.used_at < noted) {
    await sql.query("UPDATE access_session SET used_at = $2 WHERE hash = $1 AND used_at < $3", [
      secretHash(secret),
      now,
      noted,
    ]);
  }
  if (row.token_id !== null) return tokenPrincipal(sql, row.token_id, settings, now);
  const [person] = await sql.query<PersonRow>(
    `SELECT ${personColumns} FROM access_person person WHERE person.id = $1`,
    [row.person_id],
  );
  return person && personPrincipal(person, { most: "admin", endsAt: row.ends_at }, settings);
}

/** Ends a session, and says whether there was one. */
export async function endSession(sql: Sql, secret: string): Promise<boolean> {
  const ended = await sql.query("DELETE FROM access_session WHERE hash = $1 RETURNING hash", [
    secretHash(secret),
  ]);
  return ended.length > 0;
}

/** A session as lists show it: everything but what its browser shows. */
export interface SessionRecord {
  /** Made of its hash, so that it is good for nothing but to end it. */
  readonly id: string;
  /** Whose rights it has. */
  readonly owner: { readonly kind: "person" | "token"; readonly id: string; readonly name: string };
  readonly madeAt: Date;
  readonly usedAt: Date;
  readonly endsAt: Date;
}

/** Which sessions are listed. */
export interface SessionQuery {
  /** Whose they are; everybody's without it. */
  readonly person?: string | undefined;
  readonly token?: string | undefined;
  /** The last one that was seen: when it was used, and its id. */
  readonly after?: readonly [usedAt: Date, id: string] | undefined;
  readonly limit: number;
}

const idColumn = "left(encode(sha256(convert_to('session ' || session.hash, 'UTF8')), 'hex'), 32)";

interface ListedRow {
  readonly id: string;
  readonly person_id: string | null;
  readonly owner: string;
  readonly name: string;
  readonly made_at: Date;
  readonly used_at: Date;
  readonly ends_at: Date;
}

/** Sessions that have not ended, those first that were used last. Those of a person's tokens are the person's. */
export async function listSessions(
  sql: Sql,
  { person, token, after, limit }: SessionQuery,
  now: Date,
): Promise<readonly SessionRecord[]> {
  const [usedAt, id] = after ?? [];
  const rows = await sql.query<ListedRow>(
    `SELECT * FROM (
       SELECT ${idColumn} AS id, session.person_id, coalesce(session.person_id, session.token_id) AS owner,
         coalesce(person.shown, token.name) AS name, session.made_at, date_trunc('milliseconds', session.used_at) AS used_at,
         least(session.ends_at, token.ends_at) AS ends_at
       FROM access_session session
       LEFT JOIN access_person person ON person.id = session.person_id
       LEFT JOIN access_token token ON token.id = session.token_id
       WHERE session.ends_at > $1 AND session.used_at > $2 AND (token.id IS NULL OR (token.ends_at > $1 AND token.revoked_at IS NULL))
         AND ($3::text IS NULL OR session.person_id = $3 OR token.person_id = $3) AND ($4::text IS NULL OR session.token_id = $4)
     ) AS listed
     WHERE $5::timestamptz IS NULL OR (used_at, id) < ($5, $6)
     ORDER BY used_at DESC, id DESC LIMIT $7`,
    [now, new Date(now.getTime() - sessionLife.idle), person, token, usedAt, id, limit],
  );
  return rows.map(({ person_id, owner, name, ...row }) => ({
    id: row.id,
    owner: { kind: person_id === null ? "token" : "person", id: owner, name },
    ...{ madeAt: row.made_at, usedAt: row.used_at, endsAt: row.ends_at },
  }));
}

/** Ends the session of an id, as {@link listSessions} has it. @param of Whose it has to be; anybody's without it. */
export async function endSessionOf(
  sql: Sql,
  id: string,
  { person, token }: Pick<SessionQuery, "person" | "token">,
): Promise<boolean> {
  const ended = await sql.query(
    `DELETE FROM access_session session WHERE ${idColumn} = $1
       AND ($2::text IS NULL OR session.person_id = $2 OR session.token_id IN (SELECT id FROM access_token WHERE person_id = $2))
       AND ($3::text IS NULL OR session.token_id = $3)
     RETURNING hash`,
    [id, person, token],
  );
  return ended.length > 0;
}

/** Ends all sessions of a person: each browser has to log in again. @returns how many there were. */
export async function endSessionsOf(sql: Sql, person: string): Promise<number> {
  const ended = await sql.query(
    `DELETE FROM access_session
     WHERE person_id = $1 OR token_id IN (SELECT id FROM access_token WHERE person_id = $1) RETURNING hash`,
    [person],
  );
  return ended.length;
}

/** Removes sessions that have ended. */
export async function sweepSessions(sql: Sql, now: Date): Promise<void> {
  await sql.query("DELETE FROM access_session WHERE ends_at <= $1 OR used_at <= $2", [
    now,
    new Date(now.getTime() - sessionLife.idle),
  ]);
}

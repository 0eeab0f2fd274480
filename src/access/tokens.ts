import { randomUUID } from "node:crypto";
import { jsonText, type Sql } from "../database/index.ts";
import { AccessError } from "./errors.ts";
import { type AccessSettings, lesserRole, type Principal, type Role } from "./model.ts";
import { type PersonRow, personColumns, personPrincipal } from "./people.ts";
import { newSecret, secretHash } from "./secret.ts";

const day = 24 * 3_600_000;

/** Milliseconds that a token may live. */
export const maxTokenLife = 366 * day;

/** What tells Waybill's tokens from others, for those who look for leaked ones. */
export const tokenPrefix = "waybill_";

/** What a token is to be. */
export interface TokenRequest {
  /** For people: what it is for. */
  readonly name: string;
  /** The most that it may do. */
  readonly role: Role;
  /** The only jobs that it may do anything to. */
  readonly jobs?: readonly string[] | undefined;
  readonly endsAt: Date;
  /** The person whose rights it has, as far as its role goes; without one it has those of its role. */
  readonly person?: string | undefined;
  /** Who made it, for people. */
  readonly madeBy: string;
}

/** A token as it is listed: everything but itself. */
export interface TokenRecord extends Omit<TokenRequest, "jobs" | "person"> {
  readonly id: string;
  readonly jobs: readonly string[] | undefined;
  readonly person: string | undefined;
  readonly madeAt: Date;
  readonly usedAt: Date | undefined;
  /** The address it was last used from. */
  readonly usedFrom: string | undefined;
  readonly revokedAt: Date | undefined;
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly jobs: readonly string[] | null;
  readonly person_id: string | null;
  readonly made_by: string;
  readonly made_at: Date;
  readonly ends_at: Date;
  readonly used_at: Date | null;
  readonly used_from: string | null;
  readonly revoked_at: Date | null;
}

const columns = "id, name, role, jobs, person_id, made_by, made_at, ends_at, used_at, used_from, revoked_at";

/**
 * Makes a token. @returns what is kept of it, and the token, which is shown this once.
 * @throws {AccessError} `token-request-invalid`.
 */
export async function issueToken(
  sql: Sql,
  { name, role, jobs, endsAt, person, madeBy }: TokenRequest,
  now: Date,
): Promise<{ readonly token: string; readonly record: TokenRecord }> {
  const life = endsAt.getTime() - now.getTime();
  if (!(life > 0 && life <= maxTokenLife)) {
    throw new AccessError("token-request-invalid", "a token ends in the future, within a year", {
      hint: "make a new one before the old one ends; both work meanwhile",
    });
  }
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._:/@+-]{0,99}$/u.test(name)) {
    throw new AccessError("token-request-invalid", "a token has a name of 100 letters at most", {
      hint: "say what it is for, such as: ci of org/repo",
    });
  }
  if (person !== undefined) await refuseMany(sql, person, now);
  const token = `${tokenPrefix}${newSecret()}`;
  const [row] = await sql.query<TokenRow>(
    `INSERT INTO access_token (id, hash, name, role, jobs, person_id, made_by, made_at, ends_at)
     VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9) RETURNING ${columns}`,
    [
      randomUUID(),
      secretHash(token),
      name,
      role,
      jobs === undefined ? null : jsonText(jobs),
      person ?? null,
      madeBy,
      now,
      endsAt,
    ],
  );
  if (row === undefined) throw new Error("a token was kept, and the database gives no row");
  return { token, record: recordOf(row) };
}

/** Tokens that one person may have at a time. */
const maxOfPerson = 100;

async function refuseMany(sql: Sql, person: string, now: Date): Promise<void> {
  const [row] = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM access_token
     WHERE person_id = $1 AND revoked_at IS NULL AND ends_at > $2`,
    [person, now],
  );
  if ((row?.count ?? 0) < maxOfPerson) return;
  throw new AccessError("token-request-invalid", `a person has ${maxOfPerson} tokens at most`, {
    hint: "end those that nobody uses: DELETE /api/v1/tokens/ID",
  });
}

/** The id of the token that the settings name. */
const settingsToken = "settings";

/**
 * Takes a token that somebody else has made: that of the first admin, whom no login has let in yet. The one before it is refused from
 * then on; without one there is none. @throws {AccessError} `token-request-invalid` for one that could be guessed.
 */
export async function keepAdminToken(sql: Sql, token: string | undefined, now: Date): Promise<void> {
  if (token === undefined) {
    await sql.query("DELETE FROM access_token WHERE id = $1", [settingsToken]);
    return;
  }
  if (!/^[\x21-\x7e]{32,200}$/.test(token)) {
    throw new AccessError(
      "token-request-invalid",
      "the token of the admin has fewer than 32 characters, or spaces",
      {
        hint: "make one: openssl rand -hex 32",
      },
    );
  }
  // One statement: other processes begin at the same time, and meanwhile the token lets its admin in.
  await sql.query(
    `INSERT INTO access_token (id, hash, name, role, made_by, made_at, ends_at)
     VALUES ($1, $2, 'admin of the settings', 'admin', 'settings', $3, $4)
     ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, made_at = excluded.made_at, ends_at = excluded.ends_at`,
    [settingsToken, secretHash(token), now, new Date(now.getTime() + 10 * maxTokenLife)],
  );
}

/**
 * Milliseconds after a person's last login in which the person's tokens count: what is known of groups is of then, and who has left
 * logs in no more.
 */
const personLife = 30 * day;

/** Times of use are written down once a minute. */
const notedEvery = 60_000;

/** Whose token it is; `undefined` when there is none, it has ended, was revoked, or its person has not
 * logged in for a month. */
export async function findToken(
  sql: Sql,
  token: string,
  from: string,
  settings: AccessSettings,
  now: Date,
): Promise<Principal | undefined> {
  const [row] = await sql.query<TokenRow>(
    `SELECT ${columns} FROM access_token WHERE hash = $1 AND revoked_at IS NULL AND ends_at > $2`,
    [secretHash(token), now],
  );
  if (row === undefined) return undefined;
  const principal = await principalOf(sql, row, settings, now);
  const noted = new Date(now.getTime() - notedEvery);
  if (row.used_at === null || row.used_at < noted) {
    await sql.query(
      "UPDATE access_token SET used_at = $2, used_from = $3 WHERE id = $1 AND (used_at IS NULL OR used_at < $4)",
      [row.id, now, from, noted],
    );
  }
  return principal;
}

/** Whose a token is that is known by its id; `undefined` when it has ended or was revoked. */
export async function tokenPrincipal(
  sql: Sql,
  id: string,
  settings: AccessSettings,
  now: Date,
): Promise<Principal | undefined> {
  const [row] = await sql.query<TokenRow>(
    `SELECT ${columns} FROM access_token WHERE id = $1 AND revoked_at IS NULL AND ends_at > $2`,
    [id, now],
  );
  return row && principalOf(sql, row, settings, now);
}

async function principalOf(
  sql: Sql,
  row: TokenRow,
  settings: AccessSettings,
  now: Date,
): Promise<Principal | undefined> {
  const { id, name, role, person_id, ends_at: endsAt } = row;
  const jobs = row.jobs ?? undefined;
  if (person_id === null) {
    return { kind: "machine", id, name, role, names: [], groups: [], most: role, jobs, endsAt };
  }
  const [person] = await sql.query<PersonRow>(
    `SELECT ${personColumns} FROM access_person person WHERE person.id = $1 AND person.seen_at > $2`,
    [person_id, new Date(now.getTime() - personLife)],
  );
  const owner = person && personPrincipal(person, { most: role, jobs, endsAt }, settings);
  if (owner === undefined) return undefined;
  return {
    ...owner,
    kind: "machine",
    id,
    name: `${name} of ${owner.name}`,
    role: lesserRole(role, owner.role),
  };
}

/** Which tokens are listed. */
export interface TokenQuery {
  /** Whose they are; of all when it is left out. */
  readonly person?: string | undefined;
  /** The last one that was seen: when it was made, and its id. */
  readonly after?: readonly [madeAt: Date, id: string] | undefined;
  readonly limit: number;
}

/** Tokens that have not ended, the newest first. */
export async function listTokens(
  sql: Sql,
  { person, after, limit }: TokenQuery,
  now: Date,
): Promise<readonly TokenRecord[]> {
  const [madeAt, id] = after ?? [];
  const rows = await sql.query<TokenRow>(
    `SELECT ${columns} FROM access_token
     WHERE ends_at > $1 AND revoked_at IS NULL AND ($2::text IS NULL OR person_id = $2)
       AND ($3::timestamptz IS NULL OR (made_at, id) < ($3, $4))
     ORDER BY made_at DESC, id DESC LIMIT $5`,
    [now, person, madeAt, id, limit],
  );
  return rows.map(recordOf);
}

/**
 * Ends a token: it is refused from then on. @param person whose it has to be; whoever's without it.
 * @throws {AccessError} `token-unknown`.
 */
export async function revokeToken(
  sql: Sql,
  id: string,
  person: string | undefined,
  now: Date,
): Promise<TokenRecord> {
  const [row] = await sql.query<TokenRow>(
    `UPDATE access_token SET revoked_at = $2
     WHERE id = $1 AND revoked_at IS NULL AND ($3::text IS NULL OR person_id = $3) RETURNING ${columns}`,
    [id, now, person ?? null],
  );
  if (row !== undefined) return recordOf(row);
  throw new AccessError("token-unknown", "there is no such token, or it was revoked already", {
    hint: "list those that there are: GET /api/v1/tokens",
  });
}

/** Removes tokens that nobody could use for a month: until then somebody may ask what they were. */
export async function sweepTokens(sql: Sql, now: Date): Promise<void> {
  const monthAgo = new Date(now.getTime() - 30 * day);
  await sql.query("DELETE FROM access_token WHERE ends_at < $1 OR revoked_at < $1", [monthAgo]);
  await sql.query("DELETE FROM access_shown_token WHERE ends_at < $1", [now]);
}

function recordOf(row: TokenRow): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    jobs: row.jobs ?? undefined,
    person: row.person_id ?? undefined,
    madeBy: row.made_by,
    madeAt: row.made_at,
    endsAt: row.ends_at,
    usedAt: row.used_at ?? undefined,
    usedFrom: row.used_from ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  };
}

import { randomUUID } from "node:crypto";
import { jsonText, type Sql } from "../database/index.ts";
import { grantedRole } from "./may.ts";
import { type AccessSettings, lesserRole, type Principal, type Role } from "./model.ts";

/** Somebody whom a provider vouches for, as it does now. */
export interface PersonIdentity {
  /** The name of the provider in the settings. */
  readonly provider: string;
  readonly issuer: string;
  /** What the issuer calls the person for good: a login can be given to somebody else later. */
  readonly subject: string;
  readonly login: string;
  /** For people who read it. */
  readonly shown: string;
  readonly groups: readonly string[];
}

/** A person as the database has one. */
export interface PersonRow extends PersonIdentity {
  readonly id: string;
  /** When the person logged in last. */
  readonly seen_at: Date;
}

/** Columns of `access_person`, as {@link PersonRow} has them. */
export const personColumns =
  "person.id, person.provider, person.issuer, person.subject, person.login, person.shown, person.groups, person.seen_at";

/** Keeps what is known of a person now. @returns its id, which stays the same. */
export async function keepPerson(sql: Sql, identity: PersonIdentity, now: Date): Promise<string> {
  const { provider, issuer, subject, login, shown, groups } = identity;
  const [row] = await sql.query<{ id: string }>(
    `INSERT INTO access_person (id, provider, issuer, subject, login, shown, groups, seen_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
     ON CONFLICT (issuer, subject) DO UPDATE SET provider = excluded.provider, login = excluded.login,
       shown = excluded.shown, groups = excluded.groups, seen_at = excluded.seen_at
     RETURNING id`,
    [randomUUID(), provider, issuer, subject, login, shown, jsonText(groups), now],
  );
  if (row === undefined) throw new Error("a person was kept, and the database gives no id");
  return row.id;
}

/** A person as lists show it: what the settings of now give, by the groups of the last login. */
export interface ListedPerson extends PersonIdentity {
  readonly id: string;
  /** `undefined` of one who may do nothing, or whose provider is not configured any more. */
  readonly role: Role | undefined;
  readonly seenAt: Date;
  /** Sessions and tokens that have not ended. */
  readonly sessions: number;
  readonly tokens: number;
}

/** Which people are listed. */
export interface PersonQuery {
  /** What stands somewhere in the login or the name, whatever its case. */
  readonly search?: string | undefined;
  /** The last one that was seen: its name, and its id. */
  readonly after?: readonly [shown: string, id: string] | undefined;
  readonly limit: number;
}

/** People who have ever logged in, by name. */
export async function listPeople(
  sql: Sql,
  { search, after, limit }: PersonQuery,
  settings: AccessSettings,
  now: Date,
): Promise<readonly ListedPerson[]> {
  const [shown, id] = after ?? [];
  const rows = await sql.query<PersonRow & { readonly sessions: number; readonly tokens: number }>(
    `SELECT ${personColumns},
       (SELECT count(*)::int FROM access_session WHERE person_id = person.id AND ends_at > $1) AS sessions,
       (SELECT count(*)::int FROM access_token WHERE person_id = person.id AND ends_at > $1 AND revoked_at IS NULL) AS tokens
     FROM access_person person
     WHERE ($2::text IS NULL OR strpos(lower(person.login || ' ' || person.shown), lower($2)) > 0)
       AND ($3::text IS NULL OR (person.shown, person.id) > ($3, $4))
     ORDER BY person.shown, person.id LIMIT $5`,
    [now, search, shown, id, limit],
  );
  return rows.map(({ seen_at: seenAt, ...row }) => {
    const limits = { most: "admin", endsAt: now } as const;
    const role = personPrincipal({ ...row, seen_at: seenAt }, limits, settings)?.role;
    return { ...row, seenAt, role };
  });
}

/** A credential of a person's, as far as it limits what the person may do. */
export interface Limits {
  readonly most: Role;
  readonly jobs?: readonly string[] | undefined;
  readonly endsAt: Date;
}

/**
 * Who a person is by the settings of now, be the session or token as old as it likes; `undefined` when nobody who is configured
 * vouches for the person any more.
 */
export function personPrincipal(
  row: PersonRow,
  { most, jobs, endsAt }: Limits,
  settings: AccessSettings,
): Principal | undefined {
  const { id, issuer, subject, login, shown, groups: stored } = row;
  const at = settings.providers.findIndex((provider) => provider.issuer === issuer);
  const provider = settings.providers[at];
  if (provider === undefined) return undefined;
  const written = (names: readonly string[]): string[] => {
    const lower = names.map((name) => name.toLowerCase());
    const full = lower.map((name) => `${provider.name}:${name}`);
    return at === 0 ? [...lower, ...full] : full;
  };
  const names = [...written(isPlain(login) ? [login] : []), `${provider.name}:#${subject}`.toLowerCase()];
  const groups = written(stored.filter(isPlain));
  const role = lesserRole(grantedRole({ names, groups }, settings.roles), most);
  const account = isPlain(login)
    ? { provider: provider.name, login, subject, seenAt: row.seen_at }
    : undefined;
  return { kind: "person", id, name: shown, role, names, groups, account, most, jobs, endsAt };
}

/** Whether a name of a provider's cannot be taken for one that says whose it is. */
function isPlain(name: string): boolean {
  return !/[:#]/.test(name);
}

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
  return { kind: "person", id, name: shown, role, names, groups, most, jobs, endsAt };
}

/** Whether a name of a provider's cannot be taken for one that says whose it is. */
function isPlain(name: string): boolean {
  return !/[:#]/.test(name);
}

import type { DatabaseError } from "./errors.ts";

/**
 * Where statements are carried out: a database, each statement by itself, or a transaction.
 *
 * What goes in: `undefined` is `NULL`; a `Date` is a `timestamptz`; a `Uint8Array` is `bytea`; an array is an array of PostgreSQL; any
 * other object is JSON. JSON that is an array or a text is given as `jsonText(value)`, for a parameter `$1::jsonb`.
 *
 * What comes out, on either kind of database: `int8` and `numeric` are text (digits of an identifier are exact; write
 * `count(*)::int` for a number), `int4` and `float8` numbers, `timestamptz` a `Date`, `json` and `jsonb` the value, `bytea` a
 * `Uint8Array`, arrays arrays of these, all else PostgreSQL's text.
 */
export interface Sql {
  /** Carries one statement out, and gives its rows. Throws {@link DatabaseError}. */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<readonly Row[]>;
  /** Carries statements out that are separated by `;` and have no values. Throws {@link DatabaseError}. */
  script(text: string): Promise<void>;
}

/** PostgreSQL: embedded, with its files in a folder, or a server. */
export interface Database extends Sql {
  readonly kind: "pglite" | "postgres";
  /** The folder or the URL, without its password. */
  readonly where: string;
  /**
   * Carries work out in one transaction: all of it counts, or nothing. It may be called more than once, where the database
   * asks for that (serialization failures, deadlocks): so it does nothing that cannot be undone but its statements. The
   * database itself is not used in it. Throws {@link DatabaseError} with the code `in-doubt` where the connection was lost while
   * it was committed.
   */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /**
   * Tells of each notice on a channel (`SELECT pg_notify(channel, payload)`), once its transaction is committed. All channels of
   * a process share one connection. What was sent while that was lost is lost: `onRestored` is called when it is back, to look
   * again, and every few seconds where what stands between swallows notices.
   * @returns What ends it.
   */
  listen(
    channel: string,
    onNotice: (payload: string) => void,
    onRestored?: () => void,
  ): Promise<() => Promise<void>>;
  /** Lets the database go, when what runs has ended, or after ten seconds. What is asked for from then on is refused. */
  close(): Promise<void>;
}

/** A step of the schema. What was applied anywhere is never changed: another step changes it. */
export interface Migration {
  /** Its room and number, such as `queue-0001`: the order is that of the list. */
  readonly id: string;
  readonly sql: string;
}

/** Which database: a folder for the embedded one, or the URL of a server (`postgres://user@host/name`). */
export type DatabaseAddress = { readonly folder: string } | { readonly url: string };

/** What whoever opens a database may want to know. */
export interface DatabaseOptions {
  /** Is told what went wrong while nobody asked for anything: the connection of notices, the upkeep of the embedded database. */
  readonly onTrouble?: (error: DatabaseError) => void;
  /** Whether a folder in which there is none is given one: so it is when nobody says it. */
  readonly mayCreate?: boolean;
}

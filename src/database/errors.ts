import { WaybillError } from "../errors/index.ts";

/**
 * Why a database did not do what it was asked for.
 * - `invalid-url`: not an address of PostgreSQL.
 * - `unreachable`: no server answers, or the connection was lost.
 * - `refused`: the server does not let this user in.
 * - `locked`: another process has the folder, or a lock is held for too long.
 * - `newer`: the database is of a newer version of Waybill.
 * - `changed`: a step of the schema is not what was applied.
 * - `other-version`: the folder is of another major version of PostgreSQL.
 * - `conflict`: a constraint, such as a unique key, refuses it.
 * - `contended`: concurrent transactions got into each other's way, again and again.
 * - `full`: no room is left.
 * - `unreadable`: the folder or file is not what it should be.
 * - `closed`: the database was let go.
 * - `statement-failed`: PostgreSQL refuses the statement.
 */
export type DatabaseErrorCode =
  | "invalid-url"
  | "unreachable"
  | "refused"
  | "locked"
  | "newer"
  | "changed"
  | "other-version"
  | "conflict"
  | "contended"
  | "full"
  | "unreadable"
  | "closed"
  | "statement-failed";

/** A database that cannot be had, or that refuses. */
export class DatabaseError extends WaybillError<DatabaseErrorCode> {
  override readonly name = "DatabaseError";
}

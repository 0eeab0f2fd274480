import { diskFaultOf, errorCodeOf } from "../disk/index.ts";
import { type FailureDetails, type Phrase, WaybillError } from "../errors/index.ts";

/**
 * Why a database did not do what it was asked for.
 * - `invalid-url`: not an address of PostgreSQL.
 * - `unreachable`: no server answers, or the connection was lost. Nothing of a transaction counts; whether a statement by itself
 *   does, nobody knows.
 * - `in-doubt`: no answer came while a transaction was committed: nobody knows whether it counts.
 * - `refused`: the server does not let this user in, or not so far.
 * - `missing`: there is no database in the folder.
 * - `locked`: another process has the folder, or has held a lock for too long.
 * - `newer`: the database is of a newer version of Waybill.
 * - `changed`: a step of the schema is not what was applied.
 * - `other-version`: the folder is of another major version of PostgreSQL.
 * - `not-empty`: a backup is restored where nothing is, and something is there.
 * - `conflict`: a constraint, such as a unique key, refuses it.
 * - `contended`: concurrent transactions got into each other's way, again and again.
 * - `timeout`: a statement took too long.
 * - `full`: no room is left.
 * - `unreadable`: a folder or a file is not what it should be.
 * - `broken`: the embedded database has stopped; it recovers when it is opened again.
 * - `closed`: the database was let go.
 * - `statement-failed`: PostgreSQL refuses the statement.
 */
export type DatabaseErrorCode =
  | "invalid-url"
  | "unreachable"
  | "in-doubt"
  | "refused"
  | "missing"
  | "locked"
  | "newer"
  | "changed"
  | "other-version"
  | "not-empty"
  | "conflict"
  | "contended"
  | "timeout"
  | "full"
  | "unreadable"
  | "broken"
  | "closed"
  | "statement-failed";

/** A database that cannot be had, or that refuses. */
export class DatabaseError extends WaybillError<DatabaseErrorCode> {
  override readonly name = "DatabaseError";
  /** The constraint that refuses, for a `conflict`. */
  readonly constraint: string | undefined;

  constructor(
    code: DatabaseErrorCode,
    message: string | Phrase,
    { constraint, ...details }: FailureDetails & { readonly constraint?: string | undefined } = {},
  ) {
    super(code, message, details);
    this.constraint = constraint;
  }
}

/** What is over when a server is back, has room, or has less to do. */
const passing: ReadonlySet<DatabaseErrorCode> = new Set([
  ...(["unreachable", "in-doubt", "contended", "timeout", "full"] as const),
]);

/**
 * Whether the database could not be asked, for now. What was asked for may count nevertheless: whoever asks again looks first
 * whether it does.
 */
export function isPassing(error: unknown): boolean {
  return error instanceof DatabaseError && passing.has(error.code);
}

/** The first signs of PostgreSQL's codes (its documentation, appendix A), the longest first, and what they come down to. */
const states: readonly (readonly [start: string, code: DatabaseErrorCode, hint?: string])[] = [
  ["40003", "in-doubt"],
  ["40", "contended"],
  ["55P03", "locked", "see in pg_stat_activity who holds it"],
  ["57014", "timeout"],
  ["53100", "full", "make room: what is committed is kept"],
  ["53300", "unreachable", "let the server have more connections (max_connections)"],
  ["25P03", "unreachable"],
  ["42501", "refused", "grant this user the rights on the database and its schema"],
  ["28", "refused", "mend the user or the password of the URL"],
  ["3D000", "refused", "create the database first"],
  ["23", "conflict"],
  ["57P", "unreachable"],
  ["08", "unreachable"],
];

/** A code of PostgreSQL: five signs, with a digit. Those of Node are words (`EPIPE`). */
const stateForm = /^(?=.*[0-9])[0-9A-Z]{5}$/;

/** What the library says without a code where trying again is of no use. */
const refusals = /^SASL:|does not support SSL|\bpassword\b/;

/**
 * What a driver threw, as an error of this room. The driver's own is left out of it: it may hold the values of the statement, and
 * with them what must not be shown.
 */
export function databaseFailure(error: unknown, where: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const state = errorCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (state === undefined || !stateForm.test(state)) return connectionFailure(error, where);
  const [, code, hint] = states.find(([start]) => state.startsWith(start)) ?? [
    "",
    "statement-failed" as const,
  ];
  return new DatabaseError(code, `${message} (SQLSTATE ${state})`, {
    where,
    hint,
    constraint: constraintOf(error),
  });
}

function constraintOf(error: unknown): string | undefined {
  const named = error instanceof Error && "constraint" in error ? error.constraint : undefined;
  return typeof named === "string" ? named : undefined;
}

/** Not PostgreSQL says it, but what is between. */
function connectionFailure(error: unknown, where: string): DatabaseError {
  // Node tries the addresses of a name one after the other, and has a message for each of them alone.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const message = first instanceof Error ? first.message : String(first);
  const code = errorCodeOf(first) ?? "";
  if (/CERT|^ERR_TLS/.test(code)) {
    const hint = "name the authority of its certificate: ?sslmode=verify-full&sslrootcert=FILE";
    return new DatabaseError("refused", message, { where, hint });
  }
  if (refusals.test(message)) {
    return new DatabaseError("refused", message, { where, hint: "mend the user, the password or sslmode" });
  }
  const hint = "start the server, or mend the address; Waybill tries again";
  return new DatabaseError("unreachable", message, { where, hint });
}

/** What the file system refused, as an error of this room; anything else as it is. */
export function diskFailure(error: unknown, where: string): Error {
  const code = errorCodeOf(error);
  if (error instanceof DatabaseError) return error;
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  const { message, hint } = diskFaultOf(error);
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new DatabaseError(isFull ? "full" : "unreadable", message, { where, hint, cause: error });
}

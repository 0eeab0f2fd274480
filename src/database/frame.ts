import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError, type DatabaseErrorCode, databaseFailure } from "./errors.ts";
import type { Database, Sql } from "./model.ts";
import { type Encoded, encoded } from "./values.ts";

/** Where a driver carries statements out, one after the other. It throws what its library says. */
export interface DatabaseSession {
  query<Row extends object>(text: string, values: readonly Encoded[]): Promise<readonly Row[]>;
  /** @returns What the last of the statements did, in PostgreSQL's word: `COMMIT`. */
  script(text: string): Promise<string | undefined>;
  /** Nobody uses it after this, for nobody knows what it is in. */
  discard(): void;
}

/** What a driver does itself; all else is the same for all of them. */
export interface Driver {
  readonly kind: Database["kind"];
  readonly where: string;
  /** Gives `use` a session that nobody else has meanwhile. */
  withSession<Result>(use: (session: DatabaseSession) => Promise<Result>): Promise<Result>;
  readonly listen: Database["listen"];
  /** Waits for sessions that are in use, so long; then takes them away. */
  close(withinMilliseconds: number): Promise<void>;
}

const closeWithin = 10_000;
/** How often a transaction is begun: the last pauses are of seconds. */
const mostAttempts = 10;

/** A name that PostgreSQL takes as it stands. */
const channelForm = /^[a-z_][a-z0-9_]{0,62}$/;

interface Transaction {
  stage: "waiting" | "beginning" | "begun" | "over";
}

/** A database, made of what a driver does. */
export function databaseOf(driver: Driver): Database {
  const { kind, where } = driver;
  const transactions = new AsyncLocalStorage<Transaction>();
  let closing: Promise<void> | undefined;
  const check = (): void => {
    if (closing !== undefined) throw closedFailure(where);
    // With one session it would wait for itself, with several when all are taken.
    if (inside(transactions.getStore())) {
      throw new TypeError("in a transaction, statements are asked of what it is given");
    }
  };
  const use = async <Result>(
    body: (sql: Sql, session: DatabaseSession) => Promise<Result>,
  ): Promise<Result> => {
    check();
    return driver.withSession((session) => body(sqlOf(session, where), session));
  };
  return {
    kind,
    where,
    query: (text, values) => use((sql) => sql.query(text, values)),
    script: (text) => use((sql) => sql.script(text)),
    async transaction(work) {
      for (let attempt = 1; ; attempt += 1) {
        const state: Transaction = { stage: "waiting" };
        try {
          return await use((sql, session) =>
            transactions.run(state, () => carryOut(work, { sql, session, state, where })),
          );
        } catch (error) {
          if (attempt === mostAttempts || !mayBeRepeated(error, state)) throw error;
        }
        await sleep(Math.random() * 5 * 2 ** attempt);
      }
    },
    async listen(channel, onNotice, onRestored) {
      check();
      if (!channelForm.test(channel)) throw new TypeError(`not the name of a channel: ${channel}`);
      return driver.listen(channel, onNotice, onRestored);
    },
    close() {
      closing ??= driver.close(closeWithin);
      return closing;
    },
  };
}

function inside(transaction: Transaction | undefined): boolean {
  return transaction !== undefined && transaction.stage !== "over";
}

/** Where others got in the way, and where a connection was lost before anybody used it, which shows only then. */
function mayBeRepeated(error: unknown, { stage }: Transaction): boolean {
  if (!(error instanceof DatabaseError)) return false;
  return stage === "beginning" ? error.code === "unreachable" : error.code === "contended";
}

export function closedFailure(where: string): DatabaseError {
  return new DatabaseError("closed", "the database was closed", { where });
}

function sqlOf(session: DatabaseSession, where: string): Sql {
  const explained = (error: unknown): never => {
    throw databaseFailure(error, where);
  };
  return {
    query: <Row extends object>(text: string, values: readonly unknown[] = []) =>
      session.query<Row>(text, values.map(encoded)).catch(explained),
    async script(text) {
      await session.script(text).catch(explained);
    },
  };
}

interface Begun {
  readonly sql: Sql;
  readonly session: DatabaseSession;
  readonly state: Transaction;
  readonly where: string;
}

async function carryOut<Result>(
  work: (sql: Sql) => Promise<Result>,
  { sql, session, state, where }: Begun,
): Promise<Result> {
  const check = (): void => {
    if (state.stage === "over") throw new TypeError("the transaction is over");
  };
  state.stage = "beginning";
  await sql.script("BEGIN");
  state.stage = "begun";
  let result: Result;
  try {
    result = await work({
      async query<Row extends object>(text: string, values?: readonly unknown[]) {
        check();
        return sql.query<Row>(text, values);
      },
      async script(text) {
        check();
        await sql.script(text);
      },
    });
  } catch (error) {
    state.stage = "over";
    // Without its session it is rolled back by the server.
    await session.script("ROLLBACK").catch(() => session.discard());
    throw error;
  }
  state.stage = "over";
  await commit(session, where);
  return result;
}

/** What leaves open whether what was asked for was done. */
const doubts: ReadonlySet<DatabaseErrorCode> = new Set(["unreachable", "timeout", "broken"]);

async function commit(session: DatabaseSession, where: string): Promise<void> {
  const done = await session.script("COMMIT").catch((error: unknown) => {
    session.discard();
    const failure = databaseFailure(error, where);
    if (!doubts.has(failure.code)) throw failure;
    const message = `no answer came while a transaction was committed: ${failure.message}`;
    throw new DatabaseError("in-doubt", message, { where, hint: "look whether it counts" });
  });
  if (done === "COMMIT") return;
  throw new DatabaseError(
    "statement-failed",
    "a statement of the transaction failed, so nothing of it counts",
    {
      where,
    },
  );
}

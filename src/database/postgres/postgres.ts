import { setTimeout as sleep } from "node:timers/promises";
import type { PoolClient, QueryArrayResult, QueryConfig, QueryResult } from "pg";
import { databaseFailure } from "../errors.ts";
import { closedFailure, type DatabaseSession, type Driver } from "../frame.ts";
import type { DatabaseOptions } from "../model.ts";
import type { Encoded } from "../values.ts";
import { readPostgresUrl } from "./address.ts";
import { clientConfig, connected, settings } from "./connect.ts";
import { listenerOf } from "./listener.ts";

/** Connections that a process has at most, beside the one of notices. */
const mostConnections = 10;

/** How long after its last answer a connection is believed to be there. */
const trustMilliseconds = 1_000;

/** One statement, also where it has no values: the types of the driver do not know the mode. */
interface Statement extends QueryConfig {
  readonly queryMode: "extended";
}

/** Opens a database that a server has, and waits until it answers. */
export async function openPostgres(url: string, options: DatabaseOptions): Promise<Driver> {
  const address = readPostgresUrl(url);
  const { where } = address;
  const { default: pg } = await import("pg");
  const config = clientConfig(address);
  const answeredAt = new WeakMap<object, number>();
  const pool = new pg.Pool({
    ...config,
    max: mostConnections,
    onConnect: async (client) => {
      // What goes wrong with it is said to who waits for an answer, and one that is lost while nobody uses it is not missed.
      client.on("error", () => undefined);
      await client.query(settings);
      answeredAt.set(client, performance.now());
    },
  });
  pool.on("error", () => undefined);
  let isClosing = false;
  const inUse = new Map<PoolClient, () => void>();
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect();
    if (performance.now() - (answeredAt.get(client) ?? 0) < trustMilliseconds) return client;
    try {
      await client.query("SELECT 1");
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  };
  const withSession: Driver["withSession"] = async (use) => {
    const client = await connected(connect, where, () => isClosing);
    let isSpoilt = false;
    const give = (): void => {
      answeredAt.set(client, performance.now());
      if (inUse.delete(client)) client.release(isSpoilt);
    };
    const spoil = (): void => {
      isSpoilt = true;
      give();
    };
    inUse.set(client, spoil);
    try {
      return await use(
        sessionOf(client, {
          isGone: () => !inUse.has(client),
          discard: () => {
            isSpoilt = true;
          },
          where,
        }),
      );
    } finally {
      give();
    }
  };
  const listener = listenerOf(() => new pg.Client(config), { where, withSession, ...options });
  const driver: Driver = {
    kind: "postgres",
    where,
    withSession,
    listen: listener.listen,
    async close(within) {
      isClosing = true;
      await listener.close();
      const patience = new AbortController();
      const ended = pool.end();
      await Promise.race([ended, sleep(within, undefined, { signal: patience.signal })]);
      patience.abort();
      for (const spoil of inUse.values()) spoil();
      await ended;
    },
  };
  try {
    await withSession((session) => session.query("SELECT 1", []));
    return driver;
  } catch (error) {
    await driver.close(0);
    throw databaseFailure(error, where);
  }
}

interface Use {
  readonly isGone: () => boolean;
  readonly discard: () => void;
  readonly where: string;
}

function sessionOf(client: PoolClient, { isGone, discard, where }: Use): DatabaseSession {
  let last: Promise<unknown> = Promise.resolve();
  const ask = <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
    const answer = last.then(async () => {
      if (isGone()) throw closedFailure(where);
      try {
        return await question();
      } catch (error) {
        // An answer may come to what nobody waits for any more, and be taken for that of another statement.
        const { code } = databaseFailure(error, where);
        if (code === "unreachable") discard();
        throw error;
      }
    });
    last = answer.catch(() => undefined);
    return answer;
  };
  return {
    query: async <Row extends object>(text: string, values: readonly Encoded[]) => {
      const statement: Statement = { text, values: [...values], queryMode: "extended" };
      const answer: QueryResult<Row> = await ask(() => client.query<Row>(statement));
      return answer.rows;
    },
    async script(text) {
      const answer: unknown = await ask(() => client.query(text));
      const answers = (Array.isArray(answer) ? answer : [answer]) as readonly QueryArrayResult[];
      return answers.at(-1)?.command;
    },
    discard,
  };
}

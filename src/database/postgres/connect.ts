import { setTimeout as sleep } from "node:timers/promises";
import type { ClientConfig } from "pg";
import { databaseFailure } from "../errors.ts";
import { closedFailure } from "../frame.ts";
import { parserOf } from "../values.ts";
import type { PostgresAddress } from "./address.ts";

/** How long an address is tried to be connected to, before it is said that nobody answers. */
const connectWithin = 10_000;
const firstPause = 50;
const longestPause = 1_000;

/**
 * Connects, and tries again for some seconds while nobody answers: a server that is restarted is back soon, and nothing has been
 * asked for yet that could happen twice. Throws {@link DatabaseError}.
 */
export async function connected<Client>(
  connect: () => Promise<Client>,
  where: string,
  isGivenUp: () => boolean,
): Promise<Client> {
  const began = performance.now();
  for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
    try {
      return await connect();
    } catch (error) {
      const failure = databaseFailure(error, where);
      if (isGivenUp()) throw closedFailure(where);
      if (failure.code !== "unreachable" || performance.now() - began > connectWithin) throw failure;
    }
    await sleep(pause * (0.5 + Math.random()));
  }
}

/**
 * What every connection is set to, as a statement: what stands between may refuse it in the packet that starts a connection.
 * A process that was stopped in the middle of a transaction does not keep its locks for longer than that of leases.
 */
export const settings = `
  SET datestyle = 'ISO'; SET timezone = 'UTC'; SET bytea_output = 'hex';
  SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '10s'`;

/** How long an answer is waited for: the server ends a statement before. */
export const answerWithin = 75_000;

/** How connections of either use are made. */
export function clientConfig({ connection }: PostgresAddress): ClientConfig {
  return {
    ...connection,
    application_name: "waybill",
    connectionTimeoutMillis: 5_000,
    query_timeout: answerWithin,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: parserOf as never },
  };
}

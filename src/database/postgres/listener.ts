import { AsyncResource } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import type { Client } from "pg";
import { DatabaseError, databaseFailure } from "../errors.ts";
import type { Driver } from "../frame.ts";
import type { Database, DatabaseOptions } from "../model.ts";
import { connected, settings } from "./connect.ts";

interface Listener {
  readonly tell: (payload: string) => void;
  readonly restore: (() => void) | undefined;
}

/** A connection, with its statements one after the other: it has no line for them of its own. */
interface Connection {
  readonly client: Client;
  say(statement: string): Promise<unknown>;
}

interface ListenerOptions extends DatabaseOptions {
  readonly where: string;
  readonly withSession: Driver["withSession"];
}

/** By which the connection hears whether it hears anything. */
const probe = "waybill_probe";
/** How long a notice of our own may take. */
const probeWithin = 5_000;
/** How often the connection is asked whether it is there: one that is lost on the way says nothing. */
const beatMilliseconds = 30_000;
/** How often everybody looks where no notices come through. */
const lookMilliseconds = 2_000;
const firstPause = 100;
const longestPause = 5_000;

/** The connection that hears notices, made when somebody first listens. Once made, it comes back by itself. */
export function listenerOf(
  create: () => Client,
  { where, withSession, onTrouble }: ListenerOptions,
): { listen: Database["listen"]; close(): Promise<void> } {
  const channels = new Map<string, Set<Listener>>();
  const ending = new AbortController();
  const isEnded = () => ending.signal.aborted;
  let starting: Promise<void> | undefined;
  /** `undefined` while it is lost. */
  let current: Connection | undefined;

  const connect = async (): Promise<void> => {
    const client = create();
    const inTurn = pLimit(1);
    const connection: Connection = { client, say: (statement) => inTurn(() => client.query(statement)) };
    const isOver = new AbortController();
    client.once("end", () => isOver.abort());
    // What ends it is followed by its end.
    client.on("error", () => undefined);
    const isHeard = new Promise<true>((resolve) => {
      client.on("notification", ({ channel, payload = "" }) => {
        if (channel === probe) resolve(true);
        for (const { tell } of channels.get(channel) ?? []) tell(payload);
      });
    });
    try {
      await client.connect();
      await client.query(settings);
      for (const channel of [probe, ...channels.keys()]) await client.query(`LISTEN ${channel}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    if (isEnded()) return client.end();
    current = connection;
    void beat(connection, isOver.signal);
    void lookIfDeaf(isHeard, isOver.signal);
    isOver.signal.addEventListener("abort", () => void comeBack());
    // It may have ended before anybody watched.
    if (isOver.signal.aborted) void comeBack();
  };

  const comeBack = async (): Promise<void> => {
    current = undefined;
    if (isEnded()) return;
    onTrouble?.(new DatabaseError("unreachable", "the connection of notices was lost", { where }));
    for (let pause = firstPause; !isEnded(); pause = Math.min(2 * pause, longestPause)) {
      const isBack = await connect().then(
        () => true,
        () => false,
      );
      if (isBack) return lookAgain();
      await passed(pause * (0.5 + Math.random()), ending.signal);
    }
  };

  const beat = async ({ client, say }: Connection, over: AbortSignal): Promise<void> => {
    while (await passed(beatMilliseconds, over)) {
      await say("SELECT 1").catch(() => client.end().catch(() => undefined));
    }
  };

  /** Where a pooler is between that gives each statement another connection, all is well but that nothing is ever heard. */
  const lookIfDeaf = async (isHeard: Promise<true>, over: AbortSignal): Promise<void> => {
    const isSent = await withSession((session) => session.query("SELECT pg_notify($1, '')", [probe])).then(
      () => true,
      () => false,
    );
    const isOver = passed(probeWithin, over).then((isTime) => !isTime);
    if (!isSent || (await Promise.race([isHeard, isOver]))) return;
    onTrouble?.(
      new DatabaseError("unreachable", "notices do not come through: what is new is seen seconds later", {
        where,
        hint: "name the server itself, not a pooler in transaction mode",
      }),
    );
    let isDeaf = true;
    void isHeard.then(() => {
      isDeaf = false;
    });
    while (isDeaf && (await passed(lookMilliseconds, over))) lookAgain();
  };

  const lookAgain = (): void => {
    for (const listeners of channels.values()) for (const { restore } of listeners) restore?.();
  };

  const start = (): Promise<void> =>
    connected(connect, where, isEnded).catch((error: unknown) => {
      starting = undefined;
      throw error;
    });

  return {
    async listen(channel, onNotice, onRestored) {
      const listener: Listener = {
        tell: AsyncResource.bind(onNotice),
        restore: onRestored === undefined ? undefined : AsyncResource.bind(onRestored),
      };
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners.add(listener));
      try {
        starting ??= start();
        await starting;
        // One that is lost hears of all channels when it is back.
        await current?.say(`LISTEN ${channel}`);
      } catch (error) {
        const failure = databaseFailure(error, where);
        if (starting === undefined || failure.code !== "unreachable") {
          listeners.delete(listener);
          throw failure;
        }
      }
      return async () => {
        listeners.delete(listener);
      };
    },
    async close() {
      ending.abort();
      await starting?.catch(() => undefined);
      await current?.client.end().catch(() => undefined);
    },
  };
}

/** `false` when it was over before. */
function passed(milliseconds: number, over: AbortSignal): Promise<boolean> {
  return sleep(milliseconds, undefined, { signal: over, ref: false }).then(
    () => true,
    () => false,
  );
}

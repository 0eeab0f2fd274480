import { setTimeout as sleep } from "node:timers/promises";
import { type Database, isPassing } from "../../database/index.ts";
import { openRegular, readAt } from "../../disk/index.ts";
import { RunError, unwritable } from "../errors.ts";
import { asOwn, type OwnAttempt, takenOver } from "./mine.ts";
import { chunkBytes, logChannel, type StreamName, streamNames, streams } from "./streams.ts";

/** A file of this machine that is the end of a stream. */
export interface Source {
  readonly path: string;
  /** Of its first byte, in the stream. */
  readonly base: number;
}

/** Brings what is written to files of this machine into the database. */
export type Pump = ReturnType<typeof openPump>;

const restMilliseconds = 100;
const retryMilliseconds = 1_000;
/** How long the end of a run waits for a database that is away. */
const patienceMilliseconds = 10 * 60 * 1000;

/**
 * Opens a pump: a batch goes out every 100 milliseconds, or as soon as it has 64 KiB. The files are what waits: while the database is
 * away they grow, and no memory does. What is in the database already is read off the record itself, so that a batch whose
 * answer was lost is not sent twice.
 */
export function openPump(
  db: Database,
  own: OwnAttempt,
  sources: Readonly<Record<StreamName, Source>>,
  /** Called when this attempt has been given up. */
  onLost: () => void,
) {
  const written: Record<StreamName, number> = { log: 0, event: 0 };
  const sent: Record<StreamName, number> = { log: 0, event: 0 };
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> | undefined;
  let lost: RunError | undefined;
  let isOpen = true;
  let isAway = false;

  const lose = (error: RunError): RunError => {
    if (lost !== undefined) return lost;
    lost = error;
    onLost();
    return lost;
  };

  const waiting = (): number => streamNames.reduce((sum, name) => sum + written[name] - sent[name], 0);

  const pieceOf = async (name: StreamName): Promise<Buffer> => {
    const length = Math.min(chunkBytes, written[name] - sent[name]);
    if (length === 0) return Buffer.alloc(0);
    const { path } = sources[name];
    const file = await openRegular(path);
    if (file === undefined) {
      throw new RunError("run-unwritable", "a file of the run was removed while it went on", { where: path });
    }
    try {
      return await readAt(file, sent[name], length);
    } finally {
      await file.close();
    }
  };

  const batch = async (): Promise<void> => {
    const pieces = { log: await pieceOf("log"), event: await pieceOf("event") };
    const from = { ...sent };
    const now = await asOwn(db, own, async (sql, row) => {
      if (row.result !== "PENDING") throw takenOver(own.id);
      const ends = { ...from };
      for (const name of streamNames) {
        const { number, bytes } = streams[name];
        const at = Number(row[bytes]);
        // What of it arrived although no answer said so.
        const rest = pieces[name].subarray(Math.max(0, at - sources[name].base - from[name]));
        ends[name] = from[name] + pieces[name].length;
        if (rest.length === 0) continue;
        await sql.query("INSERT INTO run_chunk (run, stream, at, bytes) VALUES ($1, $2, $3, $4)", [
          own.id,
          number,
          at,
          rest,
        ]);
        await sql.query(`UPDATE run_record SET ${bytes} = $2, seen_at = now() WHERE id = $1`, [
          own.id,
          at + rest.length,
        ]);
      }
      await sql.query("SELECT pg_notify($1, $2)", [logChannel, own.id]);
      return ends;
    });
    Object.assign(sent, now);
  };

  /** Sends what is written by now. */
  const pass = async (): Promise<void> => {
    const target = { ...written };
    while (streamNames.some((name) => sent[name] < target[name])) await batch();
  };
  const begin = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    turn ??= pass()
      .catch((error: unknown) => {
        throw isPassing(error) ? error : lose(unwritable(error, own.id));
      })
      .finally(() => {
        turn = undefined;
        if (isOpen && lost === undefined && waiting() > 0) schedule(restMilliseconds);
      });
    return turn;
  };
  const schedule = (milliseconds: number): void => {
    timer ??= setTimeout(() => void tried(), milliseconds);
  };
  /** What fails here is tried again, or known to all who write. */
  const tried = (): Promise<void> =>
    begin().then(
      () => {
        isAway = false;
      },
      () => {
        isAway = true;
        clearTimeout(timer);
        timer = undefined;
        if (isOpen && lost === undefined) schedule(retryMilliseconds);
      },
    );

  const pump = {
    /** Notes that a file has grown. @throws {RunError} When nothing is written for this attempt any more. */
    wrote(name: StreamName, length: number): void {
      written[name] += length;
      if (lost !== undefined) throw lost;
      // Whoever sends goes on as long as something waits; nobody who writes waits for him, so nothing is kept for each line.
      if (!isOpen || turn !== undefined) return;
      if (waiting() >= chunkBytes && !isAway) void tried();
      else schedule(restMilliseconds);
    },
    /** What this attempt has been given up by. */
    get lost(): RunError | undefined {
      return lost;
    },
    /** Resolves when all that has been written is in the database. Throws what the database says. */
    async drained(): Promise<void> {
      const target = { ...written };
      while (streamNames.some((name) => sent[name] < target[name])) {
        if (lost !== undefined) throw lost;
        await begin();
      }
    },
    /** The same before a run's end, and then the end itself: a database that is away is waited for. */
    async ending(end: () => Promise<void>): Promise<void> {
      const began = performance.now();
      for (;;) {
        try {
          await pump.drained();
          return await end();
        } catch (error) {
          if (!isPassing(error) || performance.now() - began > patienceMilliseconds) throw error;
          await sleep(retryMilliseconds);
        }
      }
    },
    lose,
    stop(): void {
      isOpen = false;
      clearTimeout(timer);
      timer = undefined;
    },
  };
  return pump;
}

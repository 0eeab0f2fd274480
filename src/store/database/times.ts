import * as z from "zod/mini";
import { jsonIn } from "../../oci/index.ts";
import type { LogTime } from "../model.ts";
import type { Context } from "./context.ts";
import { stateOf } from "./read-stream.ts";
import { streams } from "./streams.ts";

/** Where the times of a log are that has been kept, below the place of its run. */
const timesFile = "build-log-times.json";
const format = "waybill-log-times/1";
/** Times of one log: of a longer one they are further apart. */
const maxTimes = 20_000;
const maxBytes = 1024 * 1024;
/** Times that are read at once of a log that goes on: ten of them are written in a second. */
const atOnce = 5_000;

const timesSchema = z.object({
  format: z.literal(format),
  times: z.array(z.tuple([z.int().check(z.nonnegative()), z.int().check(z.nonnegative())])),
});

/** A run whose log has times. */
interface TimedLog {
  readonly id: string;
  readonly place: string;
}

/** When the bytes of a log from one to another were written: the last time before them, and those among them. */
export async function timesOf(
  context: Context,
  run: TimedLog,
  from: number,
  to: number,
): Promise<readonly LogTime[]> {
  const { db } = context;
  const state = await stateOf(db, run.id, "log");
  const kept = state !== undefined && from < state.kept ? await keptTimes(context, run) : [];
  const rows = await db.query<{ at: string; written_at: Date }>(
    `SELECT at, written_at FROM run_chunk
      WHERE run = $1 AND stream = $2 AND written_at IS NOT NULL AND at <= $4
        AND at >= coalesce((SELECT max(at) FROM run_chunk WHERE run = $1 AND stream = $2 AND at <= $3), 0)
      ORDER BY at LIMIT $5`,
    [run.id, streams.log.number, from, to, atOnce],
  );
  const first = kept.findLastIndex(({ offset }) => offset <= from);
  return [
    ...kept.slice(Math.max(0, first)).filter(({ offset }) => offset <= to),
    ...rows.map(({ at, written_at }) => ({ offset: Number(at), at: written_at })),
  ];
}

/** Puts the times of a log that has ended beside it: a second apart, or further. */
export async function keepTimes(context: Context, run: TimedLog): Promise<void> {
  const { db, objects } = context;
  const rows = await db.query<{ at: string; written_at: Date }>(
    `SELECT DISTINCT ON (date_trunc('second', written_at)) at, written_at FROM run_chunk
      WHERE run = $1 AND stream = $2 AND written_at IS NOT NULL ORDER BY date_trunc('second', written_at), at`,
    [run.id, streams.log.number],
  );
  if (rows.length === 0) return;
  const written = rows.map(({ at, written_at }) => [Number(at), written_at.getTime()] as const);
  const begin = written[0]?.[0] ?? 0;
  // Of an earlier attempt, which had been kept already.
  const before = begin === 0 ? [] : await keptTimes(context, run);
  const all = [
    ...before.filter(({ offset }) => offset < begin).map(({ offset, at }) => [offset, at.getTime()] as const),
    ...written,
  ];
  const apart = Math.ceil(all.length / maxTimes);
  const times = all.filter((_, number) => number % apart === 0);
  await objects.put(`${run.place}/${timesFile}`, JSON.stringify({ format, times }));
}

async function keptTimes({ objects }: Context, { place }: TimedLog): Promise<readonly LogTime[]> {
  const found = await objects.get(`${place}/${timesFile}`, { from: 0, to: maxBytes });
  if (found === undefined) return [];
  const pieces: Uint8Array[] = [];
  for await (const piece of found.body) pieces.push(piece);
  // What cannot be read says nothing: a log without times is a log.
  const read = timesSchema.safeParse(jsonIn(Buffer.concat(pieces).toString("utf8"))).data;
  return (read?.times ?? []).map(([offset, at]) => ({ offset, at: new Date(at) }));
}

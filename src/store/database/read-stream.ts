import type { Database } from "../../database/index.ts";
import type { ObjectStore } from "../../objects/index.ts";
import { chunkBytes, type StreamName, streams } from "./streams.ts";

/** Bytes that are asked for at a time, and chunks: a log that grows slowly has small ones. */
const bytesAtOnce = 4 * chunkBytes;
const chunksAtOnce = 1_000;

/** How far a stream goes, and up to where it lies in the objects. */
export interface StreamState {
  readonly place: string;
  readonly isOver: boolean;
  readonly bytes: number;
  readonly kept: number;
}

/** How far a stream of a run goes by now; `undefined` when there is no such run. */
export async function stateOf(db: Database, id: string, name: StreamName): Promise<StreamState | undefined> {
  const { bytes, kept } = streams[name];
  const [row] = await db.query<{ place: string; is_over: boolean; bytes: string; kept: string }>(
    `SELECT place, result <> 'PENDING' AS is_over, ${bytes} AS bytes, ${kept} AS kept FROM run_record WHERE id = $1`,
    [id],
  );
  if (row === undefined) return undefined;
  return { place: row.place, isOver: row.is_over, bytes: Number(row.bytes), kept: Number(row.kept) };
}

/**
 * The bytes of a stream from one on, up to another one or as far as it is written: what has been kept from the objects, the rest from the
 * table. It may be kept meanwhile; what objects have lost is left out.
 */
export async function* bytesOfStream(
  db: Database,
  objects: ObjectStore,
  { id, name }: { readonly id: string; readonly name: StreamName },
  from: number,
  to = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Uint8Array, void> {
  const { path, number } = streams[name];
  for (let at = from; ; ) {
    const before = at;
    const state = await stateOf(db, id, name);
    const end = Math.min(to, state?.bytes ?? 0);
    if (state === undefined || at >= end) return;
    if (at < state.kept) {
      const range = { from: at, to: Math.min(end, state.kept) };
      const kept = await objects.get(`${state.place}/${path}`, range);
      for await (const bytes of kept?.body ?? []) {
        at += bytes.length;
        yield bytes;
      }
    } else {
      const chunks = await db.query<{ at: string; bytes: Uint8Array }>(
        `SELECT at, bytes FROM run_chunk WHERE run = $1 AND stream = $2 AND at < $4
            AND at >= (SELECT max(at) FROM run_chunk WHERE run = $1 AND stream = $2 AND at <= $3)
          ORDER BY at LIMIT $5`,
        [id, number, at, Math.min(end, at + bytesAtOnce), chunksAtOnce],
      );
      for (const chunk of chunks) {
        const bytes = chunk.bytes.subarray(Math.max(0, at - Number(chunk.at)), end - Number(chunk.at));
        if (Number(chunk.at) > at || bytes.length === 0) continue;
        at += bytes.length;
        yield bytes;
      }
    }
    // Kept in between, or lost: only the first is worth another look.
    if (at === before && (await stateOf(db, id, name))?.kept === state.kept) return;
  }
}

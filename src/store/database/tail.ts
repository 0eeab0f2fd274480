import { RunError } from "../errors.ts";
import { type Context, drainOwn } from "./context.ts";
import type { LogBatch, LogCursor } from "./model.ts";
import { bytesOfStream, stateOf } from "./read-stream.ts";
import { chunkBytes, logChannel } from "./streams.ts";

/** Bytes of a log's end that are there for all who follow it. */
const windowBytes = 512 * 1024;
/** Between two looks at a log of which no notice came, in milliseconds. */
const lookMilliseconds = 2_000;

/** Those who follow logs in this process. */
export type Followers = ReturnType<typeof openFollowers>;

/** A log that is followed: its end in memory, once for all who follow. */
interface Watch {
  /** Who is told when there may be more, one for each who follows. */
  readonly followers: Set<() => void>;
  /** Batches of the end of the log, each behind the one before. */
  readonly batches: LogBatch[];
  /** Of the first byte of the batches, and of the byte behind the last. */
  start: number;
  end: number;
  isOver: boolean;
  /** Reading of what lies before, by where it begins: whoever wants the same meanwhile gets it. */
  readonly reading: Map<number, Promise<LogBatch | undefined>>;
  timer: NodeJS.Timeout | undefined;
  /** The look that goes on; another one is wanted behind it. */
  look: Promise<void> | undefined;
  again: boolean;
}

/** Opens what logs are followed by: notices of the database tell when to look, and every two seconds it is looked without one. */
export function openFollowers(context: Context) {
  const { db, objects } = context;
  const watches = new Map<string, Watch>();
  let listening: Promise<() => Promise<void>> | undefined;
  let isReleased = false;

  const lookAll = (): void => {
    for (const [id, watch] of watches) lookSoon(id, watch);
  };
  const listen = (): Promise<() => Promise<void>> => {
    listening ??= db
      .listen(
        logChannel,
        (id) => {
          const watch = watches.get(id);
          if (watch !== undefined) lookSoon(id, watch);
        },
        lookAll,
      )
      .catch((error: unknown) => {
        listening = undefined;
        throw error;
      });
    return listening;
  };

  const read = async (id: string, watch: Watch): Promise<void> => {
    const state = await stateOf(db, id, "log");
    const isOver = state === undefined || state.isOver;
    const bytes = state?.bytes ?? 0;
    // A first look, or one after many bytes: the window begins anew near the end.
    if (bytes - watch.end > windowBytes) restart(watch, bytes - windowBytes);
    for await (const piece of bytesOfStream(db, objects, { id, name: "log" }, watch.end, bytes)) {
      add(watch, piece);
    }
    watch.isOver = isOver;
  };
  const look = (id: string, watch: Watch): Promise<void> => {
    watch.again = true;
    watch.look ??= (async () => {
      while (watch.again) {
        watch.again = false;
        const { end, isOver } = watch;
        try {
          await read(id, watch);
        } finally {
          // Not for nothing: whoever comes has it looked, and many may wait.
          if (watch.end !== end || watch.isOver !== isOver) for (const tell of watch.followers) tell();
        }
      }
    })().finally(() => {
      watch.look = undefined;
    });
    return watch.look;
  };
  /** What fails is looked at again when the timer goes off. */
  const lookSoon = (id: string, watch: Watch): void => void look(id, watch).catch(() => undefined);

  const join = async (id: string, follower: () => void): Promise<Watch> => {
    const known = watches.get(id);
    const watch: Watch = known ?? {
      ...{ followers: new Set(), batches: [], start: 0, end: 0, isOver: false },
      ...{ reading: new Map(), timer: undefined, look: undefined, again: false },
    };
    watch.followers.add(follower);
    if (known === undefined) {
      watches.set(id, watch);
      watch.timer = setInterval(() => lookSoon(id, watch), lookMilliseconds).unref();
    }
    try {
      await listen();
      await drainOwn(context, id);
      await look(id, watch);
    } catch (error) {
      leave(id, watch, follower);
      throw error;
    }
    return watch;
  };
  const leave = (id: string, watch: Watch, follower: () => void): void => {
    if (!watch.followers.delete(follower) || watch.followers.size > 0) return;
    clearInterval(watch.timer);
    watches.delete(id);
  };

  /** The piece of a log that begins with a byte before the window. */
  const before = (id: string, watch: Watch, at: number): Promise<LogBatch | undefined> => {
    const known = watch.reading.get(at);
    if (known !== undefined) return known;
    const reading = (async () => {
      const to = Math.min(at + chunkBytes, watch.start);
      const pieces: Uint8Array[] = [];
      for await (const piece of bytesOfStream(db, objects, { id, name: "log" }, at, to)) pieces.push(piece);
      const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
      return bytes.length === 0 ? undefined : { bytes, offset: at + bytes.length, skipped: 0 };
    })().finally(() => watch.reading.delete(at));
    watch.reading.set(at, reading);
    return reading;
  };

  const follow = async (id: string, from: number, onMore: () => void): Promise<LogCursor> => {
    if ((await stateOf(db, id, "log")) === undefined) {
      throw new RunError("unknown-run", `there is no run ${JSON.stringify(id)}`, { where: objects.where });
    }
    if (isReleased) return { next: () => undefined, isOver: true, close: () => {} };
    // Its own: somebody may follow twice with one function.
    const follower = (): void => onMore();
    const watch = await join(id, follower);
    let at = from;
    // Whoever has been at the end once is told what it misses; until then nothing is left out.
    let isLive = false;
    const earlier = async (): Promise<LogBatch | undefined> => {
      const batch = await before(id, watch, at);
      at = batch?.offset ?? watch.start;
      return batch;
    };
    return {
      next() {
        if (isReleased) return undefined;
        if (at >= watch.end) {
          isLive = true;
          return undefined;
        }
        if (at < watch.start && !isLive) return earlier();
        const skipped = Math.max(0, watch.start - at);
        const batch = batchAt(watch, at + skipped, skipped);
        at = batch.offset;
        return batch;
      },
      get isOver() {
        return isReleased || (watch.isOver && at >= watch.end);
      },
      close: () => leave(id, watch, follower),
    };
  };

  return {
    follow,
    async release(): Promise<void> {
      isReleased = true;
      for (const watch of watches.values()) {
        clearInterval(watch.timer);
        for (const tell of watch.followers) tell();
      }
      watches.clear();
      await (await listening)?.();
      listening = undefined;
    },
  };
}

function restart(watch: Watch, at: number): void {
  watch.batches.length = 0;
  watch.start = at;
  watch.end = at;
}

function add(watch: Watch, bytes: Uint8Array): void {
  watch.end += bytes.length;
  watch.batches.push({ bytes, offset: watch.end, skipped: 0 });
  while (watch.end - watch.start > windowBytes) {
    const [first] = watch.batches.splice(0, 1);
    watch.start = first?.offset ?? watch.end;
  }
}

/** The batch that has a byte of the window, from that byte on. */
function batchAt({ batches }: Watch, at: number, skipped: number): LogBatch {
  // Most who ask are at the end.
  const before = batches.findLastIndex(({ offset }) => offset <= at);
  const batch = batches[before + 1];
  if (batch === undefined) throw new RangeError(`no batch has the byte ${at}`);
  const from = at - (batch.offset - batch.bytes.length);
  return from === 0 && skipped === 0 ? batch : { ...batch, bytes: batch.bytes.subarray(from), skipped };
}

import { RunError } from "../errors.ts";
import { type Context, drainOwn } from "./context.ts";
import type { LogBatch, LogCursor } from "./model.ts";
import { bytesOfStream, stateOf } from "./read-stream.ts";
import { chunkBytes, logChannel, type StreamName, streamNames } from "./streams.ts";

/** What is followed: a stream of a run. */
export interface FollowedStream {
  readonly id: string;
  readonly name: StreamName;
}

/** Bytes of a log's end that are there for all who follow it. */
const windowBytes = 512 * 1024;
/** Between two looks at a log of which no notice came, in milliseconds. */
const lookMilliseconds = 2_000;

/** Those who follow logs in this process. */
export type Followers = ReturnType<typeof openFollowers>;

/** A log that is followed: its end in memory, once for all who follow. */
interface Watch {
  readonly stream: FollowedStream;
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
    for (const watch of watches.values()) lookSoon(watch);
  };
  const listen = (): Promise<() => Promise<void>> => {
    listening ??= db
      .listen(
        logChannel,
        (id) => {
          for (const name of streamNames) {
            const watch = watches.get(keyOf({ id, name }));
            if (watch !== undefined) lookSoon(watch);
          }
        },
        lookAll,
      )
      .catch((error: unknown) => {
        listening = undefined;
        throw error;
      });
    return listening;
  };

  const read = async (watch: Watch): Promise<void> => {
    const { id, name } = watch.stream;
    const state = await stateOf(db, id, name);
    const isOver = state === undefined || state.isOver;
    const bytes = state?.bytes ?? 0;
    // A first look, or one after many bytes: the window begins anew near the end.
    if (bytes - watch.end > windowBytes) restart(watch, bytes - windowBytes);
    for await (const piece of bytesOfStream(db, objects, watch.stream, watch.end, bytes)) {
      add(watch, piece);
    }
    watch.isOver = isOver;
  };
  const look = (watch: Watch): Promise<void> => {
    watch.again = true;
    watch.look ??= (async () => {
      while (watch.again) {
        watch.again = false;
        const { end, isOver } = watch;
        try {
          await read(watch);
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
  const lookSoon = (watch: Watch): void => void look(watch).catch(() => undefined);

  const join = async (stream: FollowedStream, follower: () => void): Promise<Watch> => {
    const known = watches.get(keyOf(stream));
    const watch: Watch = known ?? {
      stream,
      ...{ followers: new Set(), batches: [], start: 0, end: 0, isOver: false },
      ...{ reading: new Map(), timer: undefined, look: undefined, again: false },
    };
    watch.followers.add(follower);
    if (known === undefined) {
      watches.set(keyOf(stream), watch);
      watch.timer = setInterval(() => lookSoon(watch), lookMilliseconds).unref();
    }
    try {
      await listen();
      await drainOwn(context, stream.id);
      await look(watch);
    } catch (error) {
      leave(watch, follower);
      throw error;
    }
    return watch;
  };
  const leave = (watch: Watch, follower: () => void): void => {
    if (!watch.followers.delete(follower) || watch.followers.size > 0) return;
    clearInterval(watch.timer);
    watches.delete(keyOf(watch.stream));
  };

  /** The piece of a log that begins with a byte before the window. */
  const before = (watch: Watch, at: number): Promise<LogBatch | undefined> => {
    const known = watch.reading.get(at);
    if (known !== undefined) return known;
    const reading = (async () => {
      const to = Math.min(at + chunkBytes, watch.start);
      const pieces: Uint8Array[] = [];
      for await (const piece of bytesOfStream(db, objects, watch.stream, at, to)) pieces.push(piece);
      const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
      return bytes.length === 0 ? undefined : { bytes, offset: at + bytes.length, skipped: 0 };
    })().finally(() => watch.reading.delete(at));
    watch.reading.set(at, reading);
    return reading;
  };

  const follow = async (stream: FollowedStream, from: number, onMore: () => void): Promise<LogCursor> => {
    const { id, name } = stream;
    if ((await stateOf(db, id, name)) === undefined) {
      throw new RunError("unknown-run", `there is no run ${JSON.stringify(id)}`, { where: objects.where });
    }
    if (isReleased) return { next: () => undefined, isOver: true, close: () => {} };
    // Its own: somebody may follow twice with one function.
    const follower = (): void => onMore();
    const watch = await join(stream, follower);
    let at = from;
    // Whoever has been at the end once is told what it misses; until then nothing is left out.
    let isLive = false;
    const earlier = async (): Promise<LogBatch | undefined> => {
      const batch = await before(watch, at);
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
      close: () => leave(watch, follower),
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

function keyOf({ id, name }: FollowedStream): string {
  return `${name}/${id}`;
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

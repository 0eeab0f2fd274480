import type { LogCursor } from "../../store/index.ts";
import type { EventStream } from "./event-stream.ts";
import type { BatchTeller } from "./log-events.ts";

/**
 * Tells what is followed until its run has ended, or nothing is told any more: as much as is taken, and nothing is kept for a listener who
 * takes nothing.
 * @param follow Begins to follow. @throws what it throws, before anything is told.
 */
export async function tellBatches(
  follow: (onMore: () => void) => Promise<LogCursor>,
  events: BatchTeller,
  stream: EventStream,
): Promise<void> {
  let go = () => {};
  const cursor = await follow(() => go());
  let isReading = false;
  /** Tells what is there, as far as it is taken. @returns Whether it is over. */
  const tell = (fail: (error: unknown) => void): boolean => {
    while (!stream.signal.aborted && !isReading && stream.isTaken) {
      const batch = cursor.next();
      if (batch === undefined) return cursor.isOver;
      if (batch instanceof Promise) {
        isReading = true;
        batch
          .then((earlier) => {
            if (earlier !== undefined) events.add(earlier);
            isReading = false;
            go();
          })
          .catch(fail);
      } else events.add(batch);
    }
    return stream.signal.aborted;
  };
  let forget = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      // Called for each piece of a log, for each who listens: no promise is made for it.
      go = () => {
        try {
          if (tell(reject)) resolve();
        } catch (error) {
          reject(error);
        }
      };
      forget = stream.onTaken(() => go());
      go();
    });
    events.end();
  } finally {
    forget();
    cursor.close();
  }
}

import type { Database } from "../../database/index.ts";
import { reviewChannel } from "../../reviews/index.ts";
import type { EventStream } from "./event-stream.ts";
import { encodeEvent } from "./sse.ts";

/** Pull requests that are told of one by one to a listener that takes none. */
const mostKept = 1_000;

/**
 * Hears from now on which pull requests or reviews have changed; of too many at once, that some have.
 * @returns What tells it, until the stream is over; to be called.
 */
export async function hearOfPulls(
  db: Pick<Database, "listen">,
  stream: EventStream,
): Promise<() => Promise<void>> {
  let changed = new Set<string>();
  let wake = (): void => {};
  const note = (id: string): void => {
    if (changed.size < mostKept) changed.add(id);
    wake();
  };
  const onAbort = (): void => wake();
  stream.signal.addEventListener("abort", onAbort, { once: true });
  // What was sent while the connection was lost is about any of them.
  const unlisten = await db.listen(reviewChannel, note, () => note(""));
  return async () => {
    try {
      while (!stream.signal.aborted) {
        if (changed.size === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const ids = changed;
        changed = new Set();
        for (const id of ids) {
          const data = JSON.stringify(id === "" ? {} : { id });
          stream.tell(encodeEvent({ event: "review", data }));
        }
        await stream.taken();
      }
    } finally {
      stream.signal.removeEventListener("abort", onAbort);
      await unlisten();
    }
  };
}

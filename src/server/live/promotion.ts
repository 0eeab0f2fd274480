import type { Database } from "../../database/index.ts";
import { onMatrixChange } from "../../matrix/index.ts";
import type { EventStream } from "./event-stream.ts";
import { encodeEvent } from "./sse.ts";

const changed = encodeEvent({ event: "promotion", data: "{}" });

/** Tells that the matrix of a run has changed, once for all changes while that is on its way; and at first, for nobody knows since when. */
export async function tellPromotion(
  db: Pick<Database, "listen">,
  id: string,
  stream: EventStream,
): Promise<void> {
  let isChanged = true;
  let wake = () => {};
  const stop = await onMatrixChange(db, (run) => {
    if (run !== undefined && run !== id) return;
    isChanged = true;
    wake();
  });
  const onAbort = () => wake();
  stream.signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (!stream.signal.aborted) {
      if (isChanged) {
        isChanged = false;
        stream.tell(changed);
        await stream.taken();
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    stream.signal.removeEventListener("abort", onAbort);
    await stop();
  }
}

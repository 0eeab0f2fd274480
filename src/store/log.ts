import { join } from "node:path";
import { openRecord } from "./files.ts";
import type { RecordedRun } from "./model.ts";
import { recordFiles } from "./read-run.ts";

/** Where the log of a run is, whether it is there or not. */
export function logFileOf({ folder }: Pick<RecordedRun, "folder">): string {
  return join(folder, recordFiles.log);
}

/** The log of a run, in pieces, as far as it is written by now; nothing when there is none. */
export async function* readLog(run: Pick<RecordedRun, "folder">): AsyncGenerator<Uint8Array, void> {
  const handle = await openRecord(logFileOf(run));
  if (handle === undefined) return;
  try {
    const buffer = Buffer.alloc(64 * 1024);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      yield Buffer.from(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

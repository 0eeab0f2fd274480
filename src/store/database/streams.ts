import { eventsArtifact } from "../model.ts";
import { recordFiles } from "../prow/record.ts";

/** What grows while a run goes on: its log, and its events. */
export type StreamName = "log" | "event";

/** Where a stream is kept: in the table of chunks, and below a run's place. */
interface StreamTraits {
  readonly number: number;
  readonly path: string;
  readonly bytes: "log_bytes" | "event_bytes";
  readonly kept: "kept_log_bytes" | "kept_event_bytes";
}

export const streams: Readonly<Record<StreamName, StreamTraits>> = {
  log: { number: 0, path: recordFiles.log, bytes: "log_bytes", kept: "kept_log_bytes" },
  event: {
    number: 1,
    path: `${recordFiles.artifacts}/${eventsArtifact}`,
    bytes: "event_bytes",
    kept: "kept_event_bytes",
  },
};

export const streamNames: readonly StreamName[] = ["log", "event"];

/** Bytes of a chunk at most. */
export const chunkBytes = 64 * 1024;

/** The channel that tells of runs whose log has grown, or which have ended, by their ids. */
export const logChannel = "waybill_log";

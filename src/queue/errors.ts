import { WaybillError } from "../errors/index.ts";
import type { StopReason } from "./model.ts";

/**
 * Why the queue does not do what it was asked for.
 * - `unknown-run`: no run has this id, or it is forgotten by now.
 * - `ended`: the run is over.
 * - `not-held`, `not-waiting`: it is not in the state that this takes.
 * - `invalid-run`: what is asked for cannot be queued.
 */
export type QueueErrorCode = "unknown-run" | "ended" | "not-held" | "not-waiting" | "invalid-run";

/** A run that is not there, or not as it would have to be. */
export class QueueError extends WaybillError<QueueErrorCode> {
  override readonly name = "QueueError";
}

const sentences: Readonly<Record<StopReason, string>> = {
  aborted: "the run was aborted",
  timeout: "the run took longer than its job allows",
  shutdown: "this worker stops; another one takes the run up",
  lost: "another worker may have this run by now",
};

/** The `reason` of a run's signal: why it is stopped. */
export class RunStopped extends WaybillError<StopReason> {
  override readonly name = "RunStopped";

  constructor(code: StopReason, message: string = sentences[code]) {
    super(code, message);
  }
}

import type { BuildEvent } from "../builds/index.ts";
import type { ForgeWait } from "../forge/index.ts";
import type { PromotionEvent, Traffic, VerificationEvent } from "../promotion/index.ts";
import type { RegistryEvent } from "../registry/index.ts";
import type { StepEvent } from "../release/index.ts";
import type { RunEnd, RunHead } from "../store/index.ts";

/** A recorded run begins. */
export interface StartedEvent {
  readonly type: "started";
  readonly head: RunHead;
}

/** It is over. */
export interface EndedEvent {
  readonly type: "ended";
  readonly result: RunEnd["result"];
  /** The exit code of the command; `undefined` when it was given up by an error. */
  readonly status: number | undefined;
  /** Requests and bytes, by host: what is too much to be told one by one. */
  readonly traffic: Traffic;
  /** Events that are not in the record, because it had as many as it may have. */
  readonly leftOut: number;
}

/** Everything that work tells while it goes on and that is recorded, of all rooms: told apart by `type`, which no two of them share but for one meaning. */
export type RunEvent =
  | StartedEvent
  | RegistryEvent
  | ForgeWait
  | PromotionEvent
  | VerificationEvent
  | StepEvent
  | BuildEvent
  | EndedEvent;

import { WaybillError } from "../errors/index.ts";

/** Why nothing is started. */
export type TriggerErrorCode = "unknown-ref" | "not-startable";

/** A job could not be asked for. */
export class TriggerError extends WaybillError<TriggerErrorCode> {
  override readonly name = "TriggerError";
}

import { WaybillError } from "../errors/index.ts";

/** Why a statement was not attached. */
export type ProvenanceErrorCode = "not-about-it" | "statement-too-large";

/** A statement that was not attached, and nothing was written. */
export class ProvenanceError extends WaybillError<ProvenanceErrorCode> {
  override readonly name = "ProvenanceError";
}

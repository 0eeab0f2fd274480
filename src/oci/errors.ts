import { WaybillError } from "../errors/index.ts";

/** Why text or bytes are not what the OCI specifications call them. */
export type OciErrorCode =
  | "invalid-digest"
  | "invalid-tag"
  | "invalid-reference"
  | "invalid-image-manifest"
  | "ambiguous-image-manifest"
  | "ambiguous-json"
  | "media-type-mismatch"
  | "too-large"
  | "digest-mismatch"
  | "size-mismatch";

/** Text or bytes that break the grammar or the limits of this room. */
export class OciError extends WaybillError<OciErrorCode> {
  override readonly name = "OciError";
}

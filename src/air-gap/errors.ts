import { WaybillError } from "../errors/index.ts";

/**
 * Why a bundle cannot be made or read.
 * - `bundle-unreadable`: there is no such file, or it is none that was written by `bundle create`.
 * - `bundle-damaged`: its bytes are not what it says of itself: it was cut off, or changed.
 * - `bundle-refused`: it holds what no bundle holds, such as links, or two files of one name.
 * - `bundle-taken`: something else has the name of the file that is to be made.
 * - `bundle-busy`: another process makes it.
 * - `bundle-unwritable`: the file system does not take it.
 * - `bundle-conflict`: two images of it would have the same tag at their destination.
 */
export type AirGapErrorCode =
  | "bundle-unreadable"
  | "bundle-damaged"
  | "bundle-refused"
  | "bundle-taken"
  | "bundle-busy"
  | "bundle-unwritable"
  | "bundle-conflict";

/** A bundle cannot be made or read. */
export class AirGapError extends WaybillError<AirGapErrorCode> {
  override readonly name = "AirGapError";
}

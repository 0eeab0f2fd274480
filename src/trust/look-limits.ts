import { sigstoreLimits } from "../sigstore/index.ts";

/** How much is looked at of what hangs on an image. Anybody who may push there may attach any number of anything. */
export interface AttachmentLimits {
  /** Manifests that hang on one manifest. */
  readonly each: number;
  /** Manifests in all. */
  readonly manifests: number;
  /** Images of an index. */
  readonly platforms: number;
  /** Levels of what hangs on what hangs on the image: a signature of a list of its parts is on the second. */
  readonly depth: number;
  /** Statements or signatures in one manifest. */
  readonly layers: number;
  /** Bytes of one statement or signature. */
  readonly contentBytes: number;
  /** Bytes of all of them together. */
  readonly allBytes: number;
  /** Bytes of memory, about, for what verified statements say. */
  readonly verifiedMemory: number;
  /** The same for what other statements say: it is told to people, and no policy asks for it. */
  readonly otherMemory: number;
}

/** More than any image has that nobody has flooded. */
export const attachmentLimits: AttachmentLimits = {
  each: 64,
  manifests: 512,
  platforms: 256,
  depth: 4,
  layers: 128,
  contentBytes: sigstoreLimits.bundleBytes,
  allBytes: 128 * 1024 * 1024,
  verifiedMemory: 32 * 1024 * 1024,
  otherMemory: 4 * 1024 * 1024,
};

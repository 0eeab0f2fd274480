import type { FailureRecord } from "../errors/index.ts";
import type { BuildOutcome, BuiltImage } from "./model.ts";

/** What a build tells of itself, and records. Its log is a stream beside. */
export type BuildEvent =
  | { readonly type: "build-started"; readonly build: string }
  | {
      readonly type: "build-ended";
      readonly build: string;
      readonly status: BuildOutcome["status"];
      readonly failure: FailureRecord | undefined;
    }
  /** An image was pushed, and its provenance attached. */
  | { readonly type: "image-built"; readonly image: BuiltImage };

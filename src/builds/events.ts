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
  /** A step begins; those before it need not be over. */
  | {
      readonly type: "build-step-started";
      readonly build: string;
      /** Counted from 0, and how many there are. */
      readonly step: number;
      readonly steps: number;
      readonly id: string | undefined;
      /** The image that it runs in, as the build file has it. */
      readonly name: string;
    }
  | {
      readonly type: "build-step-ended";
      readonly build: string;
      readonly step: number;
      /** `undefined` of one that was stopped, or that could not be carried out. */
      readonly exitCode: number | undefined;
      readonly milliseconds: number;
    }
  /** An image was pushed, and its provenance attached. */
  | { readonly type: "image-built"; readonly image: BuiltImage };

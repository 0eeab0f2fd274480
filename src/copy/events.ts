import type { Digest } from "../oci/index.ts";

/** What copying tells its listeners: progress bars, logs and reports count by these; the engine knows none of them. */
export type CopyEvent =
  /** It is known what an image consists of: its blobs are started next. */
  | { readonly type: "image-started"; readonly digest: Digest }
  | {
      readonly type: "blob-started";
      /** That it is brought for first: others may need it as well. */
      readonly image: Digest;
      readonly destination: string;
      readonly digest: Digest;
      readonly size: number;
    }
  /** Bytes read of a blob, once for all destinations that they go to. */
  | { readonly type: "read"; readonly source: string; readonly bytes: number }
  /** Bytes on their way to a destination. */
  | { readonly type: "bytes"; readonly destination: string; readonly digest: Digest; readonly bytes: number }
  /** A host that kept others waiting goes on at its own pace. */
  | { readonly type: "left-behind"; readonly host: string }
  | {
      readonly type: "blob-finished";
      readonly destination: string;
      readonly digest: Digest;
      readonly size: number;
      readonly outcome: BlobOutcome;
    }
  | {
      readonly type: "blob-failed";
      readonly destination: string;
      readonly digest: Digest;
      readonly size: number;
    }
  | {
      readonly type: "manifest-put";
      readonly destination: string;
      readonly digest: Digest;
      readonly tags: readonly string[];
    };

/**
 * How a blob came to be at the destination: it was there, it was mounted from a repository of the same host, it was
 * uploaded, or it is a foreign layer that the source does not hold either.
 */
export type BlobOutcome = "present" | "mounted" | "pushed" | "foreign";

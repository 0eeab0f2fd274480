import type { HostSettings } from "../../settings/index.ts";

/** In what a registry differs from the distribution specification, as far as it matters for what is asked of it. */
export interface Quirks {
  /**
   * How the bytes of a blob go out after the `POST` that begins the upload: `whole` in the `PUT` that ends it,
   * `one-patch` in one `PATCH` before an empty `PUT`.
   */
  readonly upload: "whole" | "one-patch";
  /** Bytes that one request may carry; a larger blob goes in chunks, of at most so many. Without it, any number. */
  readonly largestBody?: number;
  /** Whether it mounts blobs of its other repositories. */
  readonly mounts: boolean;
  /** It mounts a blob only once an image manifest of the repository it comes from refers to it. */
  readonly mountsOnlyCommitted: boolean;
  /** It takes a whole blob in one `POST` with `?digest=`, and answers that with 201. */
  readonly singlePost: boolean;
}

const usual: Quirks = { upload: "whole", mounts: true, mountsOnlyCommitted: false, singlePost: false };

/**
 * The quirks of a host.
 * @param _host `host[:port]` as {@link Endpoint} has it.
 * @param settings What the user says of it counts.
 */
export function quirksOf(_host: string, settings: HostSettings): Quirks {
  const { chunkBytes } = settings;
  return { ...usual, ...(chunkBytes === undefined ? {} : { largestBody: chunkBytes }) };
}

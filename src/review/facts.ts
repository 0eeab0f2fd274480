import type { Place } from "../diagnostics/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { ImageDescription } from "../inspect/index.ts";
import type { Digest, Tag } from "../oci/index.ts";
import type { Provenance } from "../provenance/index.ts";

/** What staging says of the image of a line: what nobody sees in hexadecimal digits. */
export interface LineFacts {
  /** Absent when staging does not have it. */
  readonly image?: ImageFacts;
  /** The version before it in the manifest, and what is different; absent when it is the only one. */
  readonly previous?: PreviousFacts | undefined;
  readonly attached: Attached;
  /** What a build recorded. Nobody has verified it, unless `verifiedBy` says who signed it. */
  readonly provenance?: Provenance | undefined;
  /** Who signed the provenance, in words, where the signature was verified. Whether they may build it is for policies to say. */
  readonly verifiedBy?: string | undefined;
}

/** An image, or an artifact that is none: of its description, what tells people which one it is. */
export interface ImageFacts
  extends Pick<
    ImageDescription,
    "mediaType" | "artifactType" | "created" | "size" | "platforms" | "isPartial"
  > {
  /** Number of layers, each counted once. */
  readonly layers: number;
  readonly labels: SourceLabels;
}

/** Labels and annotations that say where an image comes from, without `org.opencontainers.image.`. */
export interface SourceLabels {
  readonly revision?: string;
  readonly source?: string;
  readonly version?: string;
}

/** The version before an image. */
export interface PreviousFacts {
  readonly tag: Tag | null;
  readonly digest: Digest;
  readonly at: Place;
  /** Absent when staging does not have it any more, or when it could not be read. */
  readonly difference?: ImageDifference;
  readonly failure?: FailureRecord;
}

/** What tells two images apart. */
export interface ImageDifference {
  readonly layers: Readonly<
    Record<"added" | "removed" | "shared", { readonly count: number; readonly bytes: number }>
  >;
  readonly platforms: { readonly added: readonly string[]; readonly missing: readonly string[] };
  readonly labels: readonly {
    readonly name: keyof SourceLabels;
    readonly before: string | undefined;
    readonly after: string | undefined;
  }[];
}

/** What is attached to an image in staging. Only that it is there is known. */
export interface Attached {
  readonly signature: boolean;
  readonly attestation: boolean;
  readonly sbom: boolean;
  /** Artifact types of its referrers, each once. */
  readonly referrers: readonly string[];
  /** Why that is not all: something could not be read. */
  readonly failure?: FailureRecord | undefined;
}

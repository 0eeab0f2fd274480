import type { FailureRecord } from "../errors/index.ts";
import type { Descriptor, Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";

/** Images that a bundle is to hold. */
export interface BundleSource {
  /** The repositories that they are listed under: several for mirrors of each other. */
  readonly names: readonly RepositoryName[];
  /** Where they are read: from the first that has one. */
  readonly from: readonly Repository[];
  readonly images: readonly { readonly digest: Digest; readonly tags: readonly Tag[] }[];
}

/** A file that goes with the images: a policy, a public key, a trusted root, a promoter manifest. */
export interface CarriedFile {
  /** Relative, its parts joined by slashes. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A file that came with a bundle. */
export interface BundledFile {
  /** Relative, its parts joined by slashes. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Its bytes, hashed. */
  read(): Promise<Uint8Array>;
}

/** What a bundle lists: an image manifest or index in a repository, under a tag or by its digest. */
export interface ListedImage {
  readonly repository: RepositoryName;
  readonly tag: Tag | undefined;
  readonly manifest: Descriptor;
}

/**
 * What became of an image that a bundle is to hold.
 * - `bundled`: all of it is in the bundle, with what hangs on it.
 * - `missing`: no repository that was asked has it.
 * - `failed`: it could not be read, or not all of it; nothing of it is in the bundle.
 */
export interface BundledImage {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly tags: readonly Tag[];
  readonly result: "bundled" | "missing" | "failed";
  /** How many manifests hang on it. */
  readonly attached: number;
  readonly failure?: FailureRecord | undefined;
}

/** What making a bundle tells. */
export type BundleEvent =
  | { readonly type: "gathered"; readonly images: number; readonly bytes: number; readonly missing: number }
  | { readonly type: "written"; readonly digest: Digest; readonly bytes: number };

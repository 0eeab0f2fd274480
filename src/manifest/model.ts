import type { Diagnostic, TextPosition } from "../diagnostics/index.ts";
import type { Digest, Tag } from "../oci/index.ts";
import type { PoliciesBeside } from "./policy-file.ts";

/**
 * A promoter manifest that could be read: a thin one (`manifests/<project>/promoter-manifest.yaml` with
 * `images/<project>/images.yaml`) or a plain one, where both files are the same. Lines that are wrong are not in
 * here: they are in the diagnostics that came with it, and everything else stands.
 */
export interface PromoterManifest {
  /** Name of the folder of a thin manifest; the file's own name for a plain one. */
  readonly project: string;
  /** The file with `registries`, as a path that starts with the directory that was asked for. */
  readonly file: string;
  /** The file with the images. */
  readonly imagesFile: string;
  readonly source: RegistryEntry;
  readonly destinations: readonly RegistryEntry[];
  readonly images: readonly ImageEntry[];
  /** What has to be known of where images of {@link source}, and of registries below it, come from. */
  readonly provenance?: ProvenancePolicy | undefined;
}

/** The `provenance` of a promoter manifest: what has to be known of where its images come from. */
export interface ProvenancePolicy {
  /** `off` demands nothing, `warn` tells, `require` promotes nothing without it. */
  readonly mode: "off" | "warn" | "require";
  /** `sigstore::ISSUER::IDENTITY`, or `sigstore(identityMatch=regex)::ISSUER::EXPRESSION`, which fits an identity as a whole. */
  readonly signers: readonly string[];
  readonly builders: readonly PolicyBuilder[];
  /** Repositories of source code, such as `github.com/org/repository`. */
  readonly sources: readonly string[];
  readonly predicateTypes: readonly string[];
  /** The least level of SLSA's build track. */
  readonly level?: 2 | 3 | undefined;
  /** Images that have to reach a level: patterns of names below {@link PromoterManifest.source}. */
  readonly levels?: readonly PolicyImageLevel[] | undefined;
  /** Of the mode, in {@link PromoterManifest.file}. */
  readonly at: TextPosition;
}

/** A builder that is trusted, up to a level of SLSA's build track. */
export interface PolicyBuilder {
  readonly id: string;
  readonly level: 1 | 2 | 3;
  readonly signers?: readonly string[];
  /** Who may have called it: workflows, any when there is none, at revisions that one of the patterns fits. */
  readonly caller?: { readonly workflows: readonly string[]; readonly refs: readonly string[] };
}

/** Patterns of images (`charts/*`, as Go's `path.Match` has them), and the level that these have to reach. */
export interface PolicyImageLevel {
  readonly images: readonly string[];
  readonly level: 2 | 3;
}

/** One item of `registries`: a registry host with a path, such as `us.gcr.io/some-prod/sub`. */
export interface RegistryEntry {
  readonly name: string;
  readonly serviceAccount?: string | undefined;
  /** In {@link PromoterManifest.file}. */
  readonly at: TextPosition;
}

/** One item of the list of images. A name may occur in several items: together they mean their union. */
export interface ImageEntry {
  readonly name: string;
  readonly digests: readonly DigestEntry[];
  /** In {@link PromoterManifest.imagesFile}. */
  readonly at: TextPosition;
}

/** One line of a `dmap`. Without tags the digest is promoted by itself ("tagless"). */
export interface DigestEntry {
  readonly digest: Digest;
  readonly tags: readonly TagEntry[];
  readonly at: TextPosition;
}

/** One tag of a digest, in {@link PromoterManifest.imagesFile}. */
export interface TagEntry {
  readonly tag: Tag;
  readonly at: TextPosition;
}

/** What reading a directory (or one plain manifest) gave. */
export interface ManifestTree {
  /** As asked for, normalized. */
  readonly path: string;
  readonly manifests: readonly PromoterManifest[];
  /** All findings, in the order of file, line, column. */
  readonly diagnostics: readonly Diagnostic[];
  /** Projects that could not be read at all, each with at least one error among the diagnostics. */
  readonly unreadable: readonly string[];
  /** The `policy.yaml` beside the manifests, where there is one. */
  readonly policyFile?: PoliciesBeside;
  /**
   * The policies that the settings name, as they are in this state, where it is one of the repository that they are in: `none` where
   * it does not have them yet. Left out, they are what is on disk.
   */
  readonly namedPolicy?: PoliciesBeside | "none";
  /** Fingerprints of the texts that were read, by file: how a change of format alone shows. */
  readonly texts?: Readonly<Record<string, string>>;
}

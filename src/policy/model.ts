import type { Place } from "../diagnostics/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import type { SignatureReading } from "../sigstore/index.ts";

/** An image that policies are asked about. */
export interface JudgedImage {
  readonly digest: Digest;
  /** Where it comes from. */
  readonly source: RepositoryName;
  /** Where it goes, or is. */
  readonly destinations: readonly RepositoryName[];
  readonly project: string;
  /** All places that manifests name for it, and for which projects: what is about one of them is about the image. */
  readonly alsoFrom?: readonly Pick<JudgedImage, "source" | "project">[] | undefined;
}

/** All that was found of one manifest of an image: of the index, or of a platform. */
export interface Evidence {
  readonly digest: Digest;
  readonly items: readonly EvidenceItem[];
  /** What could not be read: it may be anything, so that nothing is missing as long as there is some. */
  readonly unread: readonly FailureRecord[];
  /**
   * `os/architecture[/variant]` of the images that an index lists, and their evidence; none for an image. Manifests that hold
   * attestations are no images, whatever an index says.
   */
  readonly platforms: readonly { readonly platform: string; readonly evidence: Evidence }[];
  /** `os/architecture[/variant]` of an image that is no index, where it is known. */
  readonly platform?: string | undefined;
  /** Those of the manifest itself; absent when it was not read. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Files that policies name: reports of scanners, VEX. Of the root alone. */
  readonly files?: readonly EvidenceFile[] | undefined;
}

/** A file beside a policy that says something of images: it was reviewed as the policy was, and needs no signature. */
export interface EvidenceFile {
  /** As the policy names it, or below the folder that it names. */
  readonly name: string;
  /** Its JSON. */
  readonly content: unknown;
}

/**
 * One statement that hangs on an image, signed or not. An SBOM that hangs there bare has its media type as the type of its
 * predicate.
 */
export interface EvidenceItem extends SignatureReading {
  /** The image manifest that holds it. */
  readonly manifest: Digest;
  /** What its layer is known by there, with its annotations: a manifest may hold statements of several people. */
  readonly layer: Digest;
  /** The digest of what was signed: of the bundle, or of the payload of what is under one of cosign's tags. */
  readonly content?: Digest | undefined;
  /** The tag of cosign's that it is under. */
  readonly tag?: string | undefined;
}

/** A statement that has satisfied a policy, by where it is. */
export type AcceptedStatement = Pick<EvidenceItem, "manifest" | "layer" | "content" | "tag">;

/**
 * What a policy says of an image. Missing, unreadable and failed are three outcomes.
 * - `satisfied`; `excepted`: not satisfied, and an exception that is not over covers it.
 * - `missing`: everything was read, and what it demands is not there.
 * - `unreadable`: something could not be read, so nobody knows.
 * - `failed`: what it demands is there, and is not true or not allowed.
 */
export type PolicyOutcome = "satisfied" | "excepted" | "missing" | "unreadable" | "failed";

/** What one policy says of one image. */
export interface PolicyVerdict {
  /** The name of the rule, or `provenance` for that of a promoter manifest. */
  readonly policy: string;
  readonly at: Place;
  readonly mode: "off" | "warn" | "require";
  readonly outcome: PolicyOutcome;
  /** One sentence: what was found, by whom, where; or what is missing. */
  readonly why: string;
  /** What to do next, where something is to be done. */
  readonly hint?: string | undefined;
  /** What could not be read. */
  readonly failure?: FailureRecord | undefined;
  /** Statements that satisfied it: what travels under `accepted`. */
  readonly accepted: readonly AcceptedStatement[];
  /**
   * The level of SLSA's build track that was verified; 0 where provenance is demanded and none was verified, so that nothing is
   * to be claimed. Absent where no provenance is demanded.
   */
  readonly level?: number | undefined;
}

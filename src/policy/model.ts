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
}

/** All that was found of one manifest of an image: of the index, or of a platform. */
export interface Evidence {
  readonly digest: Digest;
  readonly items: readonly EvidenceItem[];
  /** What could not be read: it may be anything, so that nothing is missing as long as there is some. */
  readonly unread: readonly FailureRecord[];
  /** `os/architecture[/variant]` of the images that an index lists, and their evidence; none for an image. */
  readonly platforms: readonly { readonly platform: string; readonly evidence: Evidence }[];
}

/** One statement that hangs on an image, signed or not. */
export interface EvidenceItem extends SignatureReading {
  /** The image manifest that holds it. */
  readonly manifest: Digest;
  /** What built the image, as SLSA provenance says, where the statement is one. */
  readonly provenance?:
    | {
        readonly builder?: string | undefined;
        readonly source?: string | undefined;
        readonly finishedAt?: string | undefined;
      }
    | undefined;
}

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
  /** Image manifests whose statements satisfied it: what travels under `accepted`. */
  readonly accepted: readonly Digest[];
}

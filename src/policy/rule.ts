import type { Place } from "../diagnostics/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import type { SbomFormat } from "./content.ts";
import type { NameGlob, TextPattern } from "./text-pattern.ts";
import type { VulnerabilitySeverity } from "./vulnerabilities/report.ts";

/** What a policy does with an image that it is not satisfied with: nothing is asked, it is told, or the image is stopped. */
export type PolicyMode = "off" | "warn" | "require";

/** What has to be known of some images. Plain data: it was written in a file, or by a program. */
export interface Policy {
  /** The name of the rule, or `provenance` for that of a promoter manifest. */
  readonly name: string;
  readonly at: Place;
  readonly mode: PolicyMode;
  readonly covers: PolicyScope;
  readonly demand: Demand;
  readonly exceptions: readonly PolicyException[];
}

/** The images that a policy is about: those that everything says which is said. */
export interface PolicyScope {
  /** Globs of repositories: of where an image comes from, or of any place that it goes to. */
  readonly images?: readonly NameGlob[];
  /** Globs of projects. */
  readonly projects?: readonly NameGlob[];
  /** The source is this, or below it. */
  readonly source?: RepositoryName;
}

/** What a policy demands of an image. */
export type Demand =
  | { readonly kind: "all" | "any"; readonly of: readonly Demand[] }
  | { readonly kind: "at-least"; readonly count: number; readonly of: readonly Demand[] }
  | SignatureDemand
  | AttestationDemand
  | ProvenanceDemand
  | SbomDemand
  | VulnerabilityDemand
  | PlatformsDemand
  | BaseImageDemand
  | BrokenDemand;

/** What is written there cannot be used, so that nobody knows what it would demand: it lets nothing pass. */
export interface BrokenDemand {
  readonly kind: "broken";
  readonly why: string;
}

/** An SBOM, as a statement or bare. */
export interface SbomDemand extends Freshness {
  readonly kind: "sbom";
  /** Who may have signed it; without it, one that nobody signed is enough. */
  readonly by?: readonly SignerPattern[] | undefined;
  /** Any when left out. */
  readonly formats?: readonly SbomFormat[] | undefined;
}

/** A report of a scanner without vulnerabilities that are too grave. */
export interface VulnerabilityDemand extends Freshness {
  readonly kind: "vulnerabilities";
  /** Whose statements count, reports and VEX alike. */
  readonly by: readonly SignerPattern[];
  /** Files and folders of reports, relative to the policy's. */
  readonly reports: readonly string[];
  /** Files and folders of VEX, relative to the policy's. */
  readonly vex: readonly string[];
  /** The first severity that is too much. */
  readonly below: VulnerabilitySeverity;
  /** What counts that a scanner does not know the severity of. */
  readonly unknown: VulnerabilitySeverity;
  /** Those without a fix stop nothing. What a report does not say counts as fixed. */
  readonly fixedOnly: boolean;
  /** Days in which a vulnerability stops nothing yet, by severity. */
  readonly graceDays?: Readonly<Partial<Record<VulnerabilitySeverity, number>>> | undefined;
  /** From when on: its publication, else when a report had it first; or its fix, where the report knows when that was. */
  readonly graceFrom: "published" | "fix";
}

/** Platforms that an image has to be for. */
export interface PlatformsDemand {
  readonly kind: "platforms";
  /** `os/architecture[/variant]`. */
  readonly platforms: readonly string[];
}

/** What an image may be built on. */
export interface BaseImageDemand extends Freshness {
  readonly kind: "base";
  /** Globs of repositories, with their host: `docker.io/library/alpine`. */
  readonly images: readonly NameGlob[];
  /** Any when left out. */
  readonly digests?: readonly Digest[] | undefined;
  /** Whose provenance is believed, and nothing else; where there is nobody, what the image says itself. */
  readonly by: readonly SignerPattern[];
}

/** A signature of the image itself, not of something that is said of it. */
export interface SignatureDemand extends Freshness {
  readonly kind: "signature";
  readonly by: readonly SignerPattern[];
}

/** A statement of a type, by somebody. */
export interface AttestationDemand extends Freshness {
  readonly kind: "attestation";
  readonly predicateType: string;
  readonly by: readonly SignerPattern[];
}

/** SLSA build provenance, and statements beside it, with the meaning that kpromo gives to `provenance`. */
export interface ProvenanceDemand extends Freshness {
  readonly kind: "provenance";
  readonly by: readonly SignerPattern[];
  readonly builders: readonly TrustedBuilder[];
  /** Repositories such as `github.com/org/repository`, any of them. */
  readonly sources: readonly string[];
  /** Types of statements that have to be there as well, by any of {@link by}. */
  readonly predicateTypes: readonly string[];
  /** The least level of SLSA's build track; without it everything is demanded that any level does. */
  readonly level?: 1 | 2 | 3 | undefined;
  /** Images that have to reach a level, by their names below the source that the policy covers; of several the highest counts. */
  readonly levels?: readonly ImageLevel[] | undefined;
}

/** A level that some images have to reach. Provenance of a lower one counts all the same, and is accepted. */
export interface ImageLevel {
  /** As `pathPattern` has them. */
  readonly images: readonly TextPattern[];
  readonly level: 2 | 3;
}

/** Who may have called a builder: workflows of GitHub's in a source of the policy. */
export interface CallerPattern {
  /** Their files in the repository; any when there is none. */
  readonly workflows: readonly string[];
  /** Revisions of Git that they ran for, as `pathPattern` has them. */
  readonly refs: readonly TextPattern[];
}

/** How old something may be. */
export interface Freshness {
  /** Seconds since a log or a timestamp authority saw the signature, else since the time that the statement gives. */
  readonly maxAge?: number | undefined;
}

/** A builder that is trusted, up to a level of SLSA's build track. */
export interface TrustedBuilder {
  /** As provenance names it; without an `@`, at whatever revision. */
  readonly id: string;
  /** 3 when nothing is said. */
  readonly level?: 1 | 2 | 3 | undefined;
  /** Who may claim it, by number in the demand's `by`; without it, those whom no builder names. */
  readonly signers?: readonly number[] | undefined;
  /** Who may have called it; whoever may sign when nothing is said. */
  readonly caller?: CallerPattern | undefined;
}

/** Somebody who may sign. */
export type SignerPattern =
  | {
      readonly kind: "key";
      /** What the policy calls it. */
      readonly name?: string | undefined;
      /** SHA-256 of the public key in SPKI's DER form, in hex; without it nobody knows the key here, and nothing fits. */
      readonly fingerprint?: string | undefined;
    }
  | {
      readonly kind: "identity";
      readonly name?: string | undefined;
      readonly identity: TextPattern;
      readonly issuer: TextPattern;
    };

/** What is let through for some time, although a policy is not satisfied. */
export interface PolicyException {
  readonly at: Place;
  /** Globs of repositories, as in {@link PolicyScope}; of all when left out. */
  readonly images?: readonly NameGlob[] | undefined;
  readonly digests?: readonly Digest[] | undefined;
  /** Only these vulnerabilities are let through; without them, all that the policy demands. */
  readonly vulnerabilities?: readonly string[] | undefined;
  /** The last day, as `2026-12-31`: it is over when that day has ended in UTC. */
  readonly until: string;
  readonly reason: string;
  readonly by: string;
}

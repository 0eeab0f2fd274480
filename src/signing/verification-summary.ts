import type { Digest } from "../oci/index.ts";
import { wholeSeconds } from "./promotion-record.ts";
import { type ImageStatement, statementAbout } from "./statement.ts";

/** The predicate type of a verification summary (SLSA, "Verification Summary Attestation"). */
export const summaryPredicate = "https://slsa.dev/verification_summary/v1";

/** What was verified of an image, and by which policy. */
export interface SummaryFacts {
  readonly digest: Digest;
  /** The name that the image has in production. */
  readonly name: string;
  /** Who verified: a URI, and versions of what did it by its name. */
  readonly verifier: { readonly id: string; readonly version: Readonly<Record<string, string>> };
  /** When. Written in whole seconds. */
  readonly time: Date;
  /** The policy: a URI, and digests by algorithm, such as `gitCommit`. */
  readonly policy: {
    readonly uri: string;
    readonly digest?: Readonly<Record<string, string>> | undefined;
    /** What was let through although a policy is not satisfied, each in words. Annotations of the resource descriptor (in-toto). */
    readonly exceptions?: readonly string[] | undefined;
  };
  readonly isPassed: boolean;
  /** What a passed summary claims, such as `SLSA_BUILD_LEVEL_3`: one of each track. */
  readonly levels: readonly string[];
  /** What the policy has accepted. */
  readonly inputs?: readonly { readonly uri: string; readonly digest: Readonly<Record<string, string>> }[];
}

/** The version of SLSA whose build levels are meant. */
const slsaVersion = "1.0";

/**
 * A verification summary: which policy was evaluated on what, and what came of it. A failed one claims nothing but `FAILED`, as
 * SLSA asks for.
 */
export function verificationSummary(facts: SummaryFacts): ImageStatement {
  const { digest, name, verifier, time, policy, isPassed, levels, inputs = [] } = facts;
  const { exceptions = [] } = policy;
  return statementAbout({ digest, name }, summaryPredicate, {
    verifier: { id: verifier.id, version: verifier.version },
    timeVerified: wholeSeconds(time),
    resourceUri: `${name}@${digest}`,
    policy: {
      uri: policy.uri,
      digest: policy.digest,
      annotations: exceptions.length === 0 ? undefined : { exceptions },
    },
    inputAttestations: inputs.length === 0 ? undefined : inputs,
    verificationResult: isPassed ? "PASSED" : "FAILED",
    verifiedLevels: isPassed ? levels : ["FAILED"],
    slsaVersion,
  });
}

import { algorithmOf, type Digest, hexOf } from "../../oci/index.ts";
import type { PolicyVerdict } from "../../policy/index.ts";
import {
  promotionRecord,
  type Signer,
  type SummaryFacts,
  signatureStatement,
  simpleSigningPayload,
  statementBytes,
  verificationSummary,
} from "../../signing/index.ts";
import type { LegacyLayer, SigningFacts } from "../../trust/index.ts";
import { inForce, summaryResult, unknownResult, unreadable } from "./judged.ts";
import type { PlannedSigning } from "./planned-signatures.ts";

/** What is signed of a promoted image, as bytes. */
export type PromotedImage = Pick<PlannedSigning, "digest" | "source" | "identity" | "named" | "byName"> & {
  readonly tags: readonly string[] /** Of the file that asks for it. */;
  readonly file: string;
};

/** What cosign 3 takes for a signature. It has a name where a rule says which, and holds for the digest alone otherwise. */
export function signatureBytes(subject: Digest, { identity, named }: PromotedImage): Uint8Array {
  return statementBytes(signatureStatement({ digest: subject, name: named ? identity : undefined }));
}

/**
 * The bytes of a promotion record. All of one run have the same time: mirrors of an image share one. That of an image by name has
 * neither a source nor a manifest, for nobody knows them.
 */
export function recordBytes(
  { digest, source, identity, tags, file, byName }: PromotedImage,
  { time, promoter, job, manifests }: SigningFacts,
): Uint8Array {
  const path = manifests?.pathOf(file) ?? file;
  const { repository, commit } = manifests ?? {};
  return statementBytes(
    promotionRecord({
      digest,
      ...(byName === true ? {} : { source, manifest: { path, repository, commit } }),
      destination: identity,
      tags,
      time,
      promoter,
      job,
    }),
  );
}

/**
 * The bytes of a verification summary: it is passed where nothing that a policy demands is missing or failed, also where the policy
 * only warns. Exceptions that let the image through are said in it.
 * @throws {WaybillError} `policy-unreadable` while nobody knows: that is neither passed nor failed.
 */
export function summaryBytes(
  { digest, source, identity, file }: PromotedImage,
  verdicts: readonly PolicyVerdict[],
  { time, verifier, manifests }: SigningFacts,
): Uint8Array {
  const result = summaryResult(verdicts);
  if (result === undefined) throw unknownResult(unreadable(verdicts)?.failure);
  const told = inForce(verdicts);
  const policyFile = told[0]?.at.file ?? file;
  const path = manifests?.pathOf(policyFile) ?? policyFile;
  const { repository, commit } = manifests ?? {};
  const accepted = new Set(told.flatMap((verdict) => verdict.accepted.map(({ manifest }) => manifest)));
  const facts: SummaryFacts = {
    digest,
    name: identity,
    verifier,
    time,
    policy: {
      uri: repository === undefined ? path : `git+${repository}#${path}`,
      digest: commit === undefined ? undefined : { gitCommit: commit },
      exceptions: told.flatMap(({ policy, outcome, why }) =>
        outcome === "excepted" ? [`${policy}: ${why}`] : [],
      ),
    },
    isPassed: result === "PASSED",
    levels: ["SLSA_BUILD_LEVEL_UNEVALUATED"],
    inputs: [...accepted].sort().map((each) => ({
      uri: `${source}@${each}`,
      digest: { [algorithmOf(each)]: hexOf(each) },
    })),
  };
  return statementBytes(verificationSummary(facts));
}

/** A signature of one image in cosign's older layout. */
export async function legacySignature(
  signer: Signer,
  subject: Digest,
  { identity }: PromotedImage,
): Promise<LegacyLayer> {
  const bytes = simpleSigningPayload(subject, identity);
  return { kind: "sig", bytes, annotations: await signer.simpleSigning(bytes) };
}

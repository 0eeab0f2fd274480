import { algorithmOf, type Digest, hexOf, type RepositoryName } from "../../oci/index.ts";
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
import { buildLevel, inForce, summaryResult, unknownResult, unreadable } from "./judged.ts";
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
 * only warns. It claims the lowest level that policies have verified. Exceptions that let the image through are said in it.
 * @throws {WaybillError} `policy-unreadable` while nobody knows: that is neither passed nor failed.
 */
export function summaryBytes(
  { digest, source, identity, file, byName }: PromotedImage,
  verdicts: readonly PolicyVerdict[],
  { time, verifier, manifests }: SigningFacts,
): Uint8Array {
  const result = summaryResult(verdicts);
  if (result === undefined) throw unknownResult(unreadable(verdicts)?.failure);
  const told = inForce(verdicts);
  const { repository, commit } = manifests ?? {};
  const files = told.length === 0 ? [file] : told.map(({ at }) => at.file);
  const paths = [...new Set(files.map((each) => manifests?.pathOf(each) ?? each))].sort();
  // Policies of several files are those of their repository.
  const path = paths.length > 1 && repository !== undefined ? "" : `#${paths.join(",")}`;
  const isReviewed = byName !== true && repository !== undefined && commit !== undefined;
  const facts: SummaryFacts = {
    digest,
    name: identity,
    verifier,
    time,
    policy: {
      uri: repository === undefined ? path.slice(1) : `git+${repository}${path}`,
      digest: commit === undefined ? undefined : { gitCommit: commit },
      exceptions: told.flatMap(({ policy, outcome, why }) =>
        outcome === "excepted" ? [`${policy}: ${why}`] : [],
      ),
    },
    isPassed: result === "PASSED",
    levels: [buildLevel(told), ...(isReviewed ? [manifestReviewed] : [])],
    inputs: inputsOf(source, told),
  };
  return statementBytes(verificationSummary(facts));
}

/** What kpromo's summaries claim beside a level: the image was promoted by a manifest that stands at a commit. */
const manifestReviewed = "K8S_PROMOTION_MANIFEST_REVIEWED";

/** What policies have accepted, each once: where it hangs, and the digest of its bundle, or of its payload under a tag. */
function inputsOf(
  source: RepositoryName,
  verdicts: readonly PolicyVerdict[],
): NonNullable<SummaryFacts["inputs"]> {
  const inputs = verdicts.flatMap(({ accepted }) =>
    accepted.map(({ manifest, tag, content = manifest }) => ({
      uri: tag === undefined ? `${source}@${manifest}` : `${source}:${tag}`,
      digest: { [algorithmOf(content)]: hexOf(content) },
    })),
  );
  const byPlace = new Map(inputs.map((input) => [JSON.stringify(input), input] as const));
  return [...byPlace].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, input]) => input);
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

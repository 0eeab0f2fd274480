import pLimit from "p-limit";
import { formatPlace, printable } from "../diagnostics/index.ts";
import type { DesiredImage } from "../edges/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { type NamedSigners, signerWords } from "../policy/index.ts";
import { cosignSignature } from "../sigstore/index.ts";
import type { Attachment, AttachmentTree, ImageTrust } from "../trust/index.ts";
import type { Finding } from "./finding.ts";
import { judgedImage } from "./judged-image.ts";
import { isHeldBack, type JudgedAt } from "./policies.ts";

/** What is said of who vouches for an image, without what image it is. */
export type SignatureFinding = Pick<Finding, "kind" | "message" | "failure" | "policy" | "hint">;

/** Who vouches for an image in production. */
export interface SignatureLook {
  readonly findings: readonly SignatureFinding[];
  /** What policies say; none where none applies. */
  readonly judged?: JudgedAt | undefined;
}

/** Images whose signatures are in memory at the same time. */
const imagesAtOnce = 32;

/**
 * Looks at what vouches for images where they are in production. What policies demand counts. Where none demands a signature, one
 * of the image itself is wanted, by a key of the settings or somebody whom a policy of the image names: an authority that is
 * trusted certifies everybody.
 */
export function createSignatureLook(
  trust: ImageTrust,
): (destination: RepositoryName, image: DesiredImage) => Promise<SignatureLook> {
  const limit = pLimit(imagesAtOnce);
  return (destination, wanted) =>
    limit(async () => {
      const [{ repository: source, project }] = wanted.sources;
      const { digest } = wanted;
      const image = judgedImage(wanted, { source, project }, destination);
      const { isDemanded, isNamed } = trust.signers(image);
      const own = isDemanded ? [] : signatureFindings(await trust.attachments(destination, digest), isNamed);
      if (!trust.applies(image)) return { findings: own };
      const policies = await trust.judge(image, destination);
      const findings = policies.filter(isHeldBack).map(({ policy, at, outcome, why, hint, failure }) => {
        const message = `the policy ${policy} is not satisfied: ${why}`;
        const place = formatPlace(at);
        return outcome === "unreadable"
          ? { kind: "unread" as const, message, policy: place, hint, failure }
          : { kind: "policy" as const, message, policy: place, hint };
      });
      return { findings: [...own, ...findings], judged: { digest, source, project, destination, policies } };
    });
}

function signatureFindings(
  { attachments, unread }: AttachmentTree,
  isNamed: NamedSigners["isNamed"],
): readonly SignatureFinding[] {
  const signatures = attachments.flatMap(signaturesIn);
  if (signatures.some((found) => found.state === "verified" && isNamed(found.by))) return [];
  const [failure] = [...unread, ...attachments.flatMap(({ failure }) => failure ?? [])];
  if (failure !== undefined) {
    const message = `what vouches for it could not be read: ${failure.message}`;
    return [{ kind: "unread", message, failure }];
  }
  const [first] = [...signatures].sort((one, other) => rankOf(one) - rankOf(other));
  if (first === undefined) return [{ kind: "unsigned", message: "nobody has signed it" }];
  const others = signatures.length === 1 ? "" : `, and ${signatures.length - 1} more`;
  const why = whyNot(first);
  return [{ kind: "not-verified", message: `its signature was not verified: ${why}${others}` }];
}

function whyNot(signature: SignatureState): string {
  if ("why" in signature) return printable(signature.why);
  if (signature.state !== "verified") return "nobody signed what is attached as its signature";
  return `it is by ${signerWords(signature.by)}, whom neither the settings nor a policy of the image name`;
}

type SignatureState = Attachment["readings"][number]["signature"];

/** What is false comes before what nobody can tell. */
function rankOf({ state }: SignatureState): number {
  return ["failed", "unverifiable", "unsigned", "verified"].indexOf(state);
}

/** A statement of anything else is no signature of the image, whoever signed it. */
function signaturesIn({ format, readings }: Attachment): readonly SignatureState[] {
  const isOwn = format === "notation" || format === "cosign-signature";
  return readings
    .filter(({ statement }) => isOwn || statement?.predicateType === cosignSignature)
    .map(({ signature }) => signature);
}

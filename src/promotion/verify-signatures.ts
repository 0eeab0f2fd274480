import pLimit from "p-limit";
import { formatPlace } from "../diagnostics/index.ts";
import type { DesiredImage } from "../edges/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { cosignSignature } from "../sigstore/index.ts";
import type { Attachment, AttachmentTree, ImageTrust } from "../trust/index.ts";
import { judgedImage } from "./judged-image.ts";
import { isHeldBack, type JudgedAt } from "./policies.ts";
import type { Finding } from "./verify.ts";

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
 * Looks at what vouches for images where they are in production. What policies demand counts; of an image that none is about, a
 * signature of its own is wanted that was verified, whoever made it: the keys and authorities of the settings say who can.
 */
export function createSignatureLook(
  trust: ImageTrust,
): (destination: RepositoryName, image: DesiredImage) => Promise<SignatureLook> {
  const limit = pLimit(imagesAtOnce);
  return (destination, wanted) =>
    limit(async () => {
      const {
        digest,
        sources: [{ repository: source, project }],
      } = wanted;
      const image = judgedImage(wanted, { source, project }, destination);
      if (!trust.applies(image)) {
        return { findings: signatureFindings(await trust.attachments(destination, digest)) };
      }
      const policies = await trust.judge(image, destination);
      const findings = policies.filter(isHeldBack).map(({ policy, at, outcome, why, hint, failure }) => {
        const message = `the policy ${policy} is not satisfied: ${why}`;
        const place = formatPlace(at);
        return outcome === "unreadable"
          ? { kind: "unread" as const, message, policy: place, hint, failure }
          : { kind: "policy" as const, message, policy: place, hint };
      });
      return { findings, judged: { digest, source, project, destination, policies } };
    });
}

function signatureFindings({ attachments, unread }: AttachmentTree): readonly SignatureFinding[] {
  const signatures = attachments.flatMap(signaturesIn);
  if (signatures.some(({ state }) => state === "verified")) return [];
  const [failure] = [...unread, ...attachments.flatMap(({ failure }) => failure ?? [])];
  if (failure !== undefined) {
    const message = `what vouches for it could not be read: ${failure.message}`;
    return [{ kind: "unread", message, failure }];
  }
  const [first] = [...signatures].sort((one, other) => rankOf(one) - rankOf(other));
  if (first === undefined) return [{ kind: "unsigned", message: "nobody has signed it" }];
  const others = signatures.length === 1 ? "" : `, and ${signatures.length - 1} more`;
  const why = "why" in first ? first.why : "nobody signed what is attached as its signature";
  return [{ kind: "not-verified", message: `its signature was not verified: ${why}${others}` }];
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

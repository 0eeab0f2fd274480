import { formatReference, splitRepository } from "../../oci/index.ts";
import type { SectionKind } from "../section.ts";
import { isWork } from "../verdicts.ts";
import { applySignatures } from "./apply.ts";
import { gatherSigning } from "./gather.ts";
import { planSignatures } from "./plan.ts";
import {
  type PlannedSignature,
  type PlannedSigning,
  plannedSigning,
  type SignatureDetails,
  type SignatureEdge,
  signatureKind,
} from "./planned-signatures.ts";

/** Signatures, promotion records and verification summaries of images in production, as rules ask for them. */
export const signatureSection: SectionKind<PlannedSigning, SignatureEdge, SignatureDetails> = {
  kind: signatureKind,
  schema: plannedSigning,
  plan: planSignatures,
  apply: applySignatures,

  *edges(items) {
    for (const image of items) {
      for (const destination of image.destinations) {
        for (const edge of image.edges) yield { destination, image, edge };
      }
    }
  },

  identity({ destinations, digest, source, identity, tags, edges }) {
    const head = `${digest} ${source} ${identity} ${tags.join(",")}\n`;
    const lines = edges.map(
      ({ what, layout, signer, verdict, reason, subjects }) =>
        `${what} ${layout} ${signer} ${verdict} ${reason} ${subjects.join(",")}\n`,
    );
    return { destinations, text: head + lines.join(""), decisions: edges };
  },

  withhold(items, saved) {
    const held = new Set(
      saved.flatMap((image) =>
        image.destinations.flatMap((destination) =>
          image.edges.flatMap((edge) => (isWork(edge.verdict) ? [keyOf(destination, image, edge)] : [])),
        ),
      ),
    );
    const gathering = gatherSigning();
    for (const { destinations, ...image } of items) {
      for (const destination of destinations) {
        const edges = image.edges.map(
          (edge): PlannedSignature =>
            !isWork(edge.verdict) || held.has(keyOf(destination, image, edge))
              ? edge
              : { ...edge, verdict: "withheld", reason: "not-in-saved-plan", subjects: [] },
        );
        gathering.add(destination, { ...image, edges });
      }
    }
    return gathering.items();
  },

  details({ destination, image: { digest, project }, edge: { what, layout, signer, subjects } }) {
    const platforms = subjects.filter((subject) => subject !== digest).length;
    return { destination, digest, project, what, layout, signer, platforms };
  },

  explain: () => undefined,

  name: ({ destination, digest, what, layout }) =>
    `${formatReference(destination, digest)} ${what}${layout === "legacy" ? " (legacy)" : ""}`,

  host: ({ destination }) => splitRepository(destination).host,

  cause: () => undefined,
};

/** What a saved plan has to hold: who signs what, and how; where it comes from is for the images of the plan to say. */
function keyOf(
  destination: string,
  { digest, identity }: Pick<PlannedSigning, "digest" | "identity">,
  { what, layout, signer }: PlannedSignature,
): string {
  return [destination, digest, identity, what, layout, signer].join(" ");
}

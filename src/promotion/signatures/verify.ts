import { formatPlace } from "../../diagnostics/index.ts";
import type { ImageSigning } from "../../trust/index.ts";
import type { Finding } from "../finding.ts";
import { imagesThere } from "../images-there.ts";
import type { SectionQuestion } from "../section.ts";
import { planSigningOf } from "./plan.ts";

/**
 * What rules ask to be signed and is not, of all images that are asked for: whether they are there is for others to say. What
 * policies stand against is left to what is found of policies.
 */
export async function signingFindings(
  question: Omit<SectionQuestion, "earlier" | "signing"> & { readonly signing: ImageSigning },
): Promise<readonly Finding[]> {
  const { items } = await planSigningOf(imagesThere(question.edges, []), { ...question, earlier: [] });
  return items.flatMap(({ destinations, digest, edges }) =>
    destinations.flatMap((destination) =>
      edges.flatMap(({ what, layout, signer, subjects, verdict, failure, at }): readonly Finding[] => {
        const base = { destination, digest, tag: null, at: formatPlace(at), place: at };
        if (failure !== undefined) {
          const message = `what ${signer} has signed of it could not be read: ${failure.message}`;
          return [{ ...base, kind: "unread", message, failure }];
        }
        if (verdict !== "sign") return [];
        const form = layout === "legacy" ? " under cosign's tag" : "";
        const platforms = subjects.filter((subject) => subject !== digest).length;
        const of = subjects.includes(digest) ? "it has" : `${platforms} of its platforms have`;
        const message = `${of} no ${what} by ${signer}${form}, which a rule of trust.sign asks for`;
        return [
          {
            ...base,
            kind: "unsigned",
            message,
            hint: "waybill sigcheck --manifests TREE --confirm signs what is not signed",
          },
        ];
      }),
    ),
  );
}

import { formatPlace } from "../../diagnostics/index.ts";
import type { Finding } from "../finding.ts";
import type { SectionQuestion } from "../section.ts";
import { planTravel } from "./plan.ts";

/**
 * What hangs on images at their source and is to hang on them in production, and does not. Nothing is asked about images of
 * projects whose settings do not say what travels.
 */
export async function attachmentFindings(
  question: Omit<SectionQuestion, "earlier">,
): Promise<readonly Finding[]> {
  const { items } = await planTravel({ ...question, earlier: [] });
  return items.flatMap(({ destinations, image, companions }) =>
    destinations.flatMap((destination) =>
      companions.map(({ digest, tag, says, at, failure }): Finding => {
        const base = { destination, digest: image, tag: null, at: formatPlace(at), place: at };
        if (failure !== undefined) {
          const message = `what hangs on it could not be read: ${failure.message}`;
          return { ...base, kind: "unread", message, failure };
        }
        const under = tag === undefined ? "" : ` under ${tag}`;
        const what = `${says ?? "what hangs on it"}${under}`;
        return {
          ...base,
          kind: "missing-attachment",
          missing: digest,
          message: `it lacks what hangs on it at staging: ${what}`,
        };
      }),
    ),
  );
}

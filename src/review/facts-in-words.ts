import { commitPage, originWords } from "../provenance/index.ts";
import type { ImageDifference, LineFacts } from "./facts.ts";
import type { ReviewedLine } from "./review.ts";
import { bytesInWords, countOf, dayOf, kindInWords, labelsInWords } from "./words.ts";

/** What is known of the image of a line, in words. */
export interface FactsInWords {
  /** Texts, and the commit among them where it has a page that is safe to lead to. */
  readonly what: readonly (string | CommitLink)[];
  readonly since: string;
  readonly attached: string;
}

/** A commit as people see it, and its page on a forge. */
export interface CommitLink {
  readonly commit: string;
  readonly page: string;
}

/** The facts of a line as people read them, in one line each. Where nothing is known, it says so. */
export function factsInWords({ facts, kind }: Pick<ReviewedLine, "facts" | "kind">): FactsInWords {
  if (facts === undefined) {
    const what = kind === "removed" ? "not looked at" : "nobody looked";
    return { what: [what], since: "", attached: "" };
  }
  if ("failure" in facts) return { what: ["not known"], since: "not known", attached: "not known" };
  return { what: whatItIs(facts), since: sinceBefore(facts), attached: attachedTo(facts) };
}

function whatItIs({ image, provenance, verifiedBy }: LineFacts): FactsInWords["what"] {
  if (image === undefined) return ["not in staging"];
  const { artifactType, created, size, platforms, labels, isPartial } = image;
  const description = [
    ...(artifactType === undefined ? [] : [kindInWords(artifactType)]),
    ...(created === undefined ? [] : [`built ${dayOf(created)}`]),
    `${isPartial ? "at least " : ""}${bytesInWords(size)}`,
    ...(platforms.length === 0 ? [] : [platforms.join(" ")]),
    ...labelsInWords(labels),
  ].join(", ");
  const origin = provenance && originWords({ ...provenance, verifiedBy });
  if (provenance === undefined || origin === undefined) return [description];
  const { builder, run } = provenance;
  const before = `${description}, ${origin.before}`;
  const after = `${origin.after}${builder === undefined || run === undefined ? "" : `, builder ${builder}`}`;
  const page = commitPage(provenance);
  if (page === undefined) return [`${before}${origin.commit}${after}`];
  return [before, { commit: origin.commit, page }, after];
}

function sinceBefore({ image, previous }: LineFacts): string {
  if (image === undefined) return "";
  if (previous === undefined) return "the first one";
  const name = previous.tag ?? previous.digest.slice(0, 19);
  if (previous.failure !== undefined) return `${name}: not known`;
  if (previous.difference === undefined) return `${name}: not in staging any more`;
  return `${name}: ${differenceInWords(previous.difference)}`;
}

function differenceInWords({ layers, platforms, labels }: ImageDifference): string {
  const { added, removed, shared } = layers;
  return [
    `${countOf(added.count, "layer")} new (${bytesInWords(added.bytes)})`,
    `${removed.count} gone`,
    `${shared.count} shared (${bytesInWords(shared.bytes)})`,
    ...(platforms.missing.length === 0 ? [] : [`lacks ${platforms.missing.join(" ")}`]),
    ...(platforms.added.length === 0 ? [] : [`new for ${platforms.added.join(" ")}`]),
    ...labels
      .filter(({ name }) => name === "source")
      .map(({ before, after }) => `source ${after ?? "none"} instead of ${before ?? "none"}`),
  ].join(", ");
}

function attachedTo({ image, attached, provenance, verifiedBy }: LineFacts): string {
  if (image === undefined) return "";
  const { signature, attestation, sbom, failure } = attached;
  const found = [
    ...(signature ? ["signature"] : []),
    ...(attestation ? ["attestation"] : []),
    ...(sbom ? ["SBOM"] : []),
    ...(provenance === undefined || verifiedBy !== undefined ? [] : ["provenance"]),
  ];
  const all = [
    ...(found.length === 0 ? [] : [`${found.join(", ")} (not verified)`]),
    ...(verifiedBy === undefined ? [] : [`provenance (verified: signed by ${verifiedBy})`]),
  ];
  const known = all.length === 0 ? "nothing" : all.join(", ");
  return failure === undefined ? known : `${known}; not all could be read`;
}

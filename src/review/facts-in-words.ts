import { commitPage, originInWords, shownDigits } from "../provenance/index.ts";
import type { ImageDifference, LineFacts } from "./facts.ts";
import type { ReviewedLine } from "./review.ts";
import { bytesInWords, countOf, dayOf, kindInWords } from "./words.ts";

/** What is known of the image of a line, in words. */
export interface FactsInWords {
  readonly what: string;
  /** Since the version before it. */
  readonly since: string;
  readonly attached: string;
  /** The commit as it stands among the words, and its page, where it has one that is safe to lead to. */
  readonly commit?: { readonly text: string; readonly page: string } | undefined;
}

/** The facts of a line as people read them, in one line each. Where nothing is known, it says so. */
export function factsInWords({ facts, kind }: Pick<ReviewedLine, "facts" | "kind">): FactsInWords {
  if (facts === undefined) {
    const what = kind === "removed" ? "not looked at" : "nobody looked";
    return { what, since: "", attached: "" };
  }
  if ("failure" in facts) return { what: "not known", since: "not known", attached: "not known" };
  const { provenance } = facts;
  const page = provenance && commitPage(provenance);
  return {
    what: whatItIs(facts),
    since: sinceBefore(facts),
    attached: attachedTo(facts),
    commit: page && provenance?.commit ? { text: provenance.commit.slice(0, shownDigits), page } : undefined,
  };
}

function whatItIs({ image, provenance }: LineFacts): string {
  if (image === undefined) return "not in staging";
  const { artifactType, created, size, platforms, labels, isPartial } = image;
  const origin = provenance === undefined ? undefined : originInWords(provenance);
  return [
    ...(artifactType === undefined ? [] : [kindInWords(artifactType)]),
    ...(created === undefined ? [] : [`built ${dayOf(created)}`]),
    `${isPartial ? "at least " : ""}${bytesInWords(size)}`,
    ...(platforms.length === 0 ? [] : [platforms.join(" ")]),
    ...(labels.version === undefined ? [] : [`version ${labels.version}`]),
    ...(labels.revision === undefined ? [] : [`revision ${labels.revision.slice(0, 12)}`]),
    ...(origin === undefined ? [] : [origin]),
    ...(provenance?.builder === undefined || provenance.run === undefined
      ? []
      : [`builder ${provenance.builder}`]),
  ].join(", ");
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

function attachedTo({ image, attached, provenance }: LineFacts): string {
  if (image === undefined) return "";
  const { signature, attestation, sbom, failure } = attached;
  const found = [
    ...(signature ? ["signature"] : []),
    ...(attestation ? ["attestation"] : []),
    ...(sbom ? ["SBOM"] : []),
    ...(provenance === undefined ? [] : ["provenance"]),
  ];
  const known = found.length === 0 ? "nothing" : `${found.join(", ")} (not verified)`;
  return failure === undefined ? known : `${known}; not all could be read`;
}

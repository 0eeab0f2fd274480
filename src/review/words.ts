import type { Place } from "../diagnostics/index.ts";
import type { ImageFacts } from "./facts.ts";
import type { Review, ReviewedLine } from "./review.ts";

/** An image with its tag, or with its digest where it has none. */
export function nameOf({ image, tag, digest }: Pick<ReviewedLine, "image" | "tag" | "digest">): string {
  return tag === null ? `${image}@${digest}` : `${image}:${tag}`;
}

/** Bytes as people say them, in powers of a thousand. */
export function bytesInWords(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** The day of a time in ISO 8601. */
export function dayOf(time: string): string {
  return time.slice(0, 10);
}

/** So many of something: `1 layer`, `2 layers`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun.replace(/y$/, "ie").concat("s")}`;
}

/** What an image is, in a few words, to tell it from another one. */
export function imageInWords({ created, size, platforms, artifactType, labels }: ImageFacts): string {
  return [
    ...(artifactType === undefined ? [] : [kindInWords(artifactType)]),
    created === undefined ? "built nobody knows when" : `built ${dayOf(created)}`,
    bytesInWords(size),
    ...(platforms.length === 0 ? [] : [countOf(platforms.length, "platform")]),
    ...labelsInWords(labels),
  ].join(", ");
}

/** What the labels of an image say of its source. */
export function labelsInWords({ version, revision }: ImageFacts["labels"]): readonly string[] {
  return [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(revision === undefined ? [] : [`revision ${revision.slice(0, 12)}`]),
  ];
}

/** What people call an artifact that is no image; what is not known by name, by its artifact type. */
export function kindInWords(artifactType: string): string {
  return artifactType === "application/vnd.cncf.helm.config.v1+json" ? "Helm chart" : artifactType;
}

/** That nothing has changed of what is looked at. */
export function unchangedInWords({ selection }: Pick<Review, "selection">): string {
  return selection === undefined
    ? "nothing else is asked for than before"
    : "of what is selected, nothing else is asked for than before";
}

/**
 * What is wrong, and no finding: it was so before in files that the change does not touch, or is not selected. As a sentence
 * without a full stop; `undefined` for nothing.
 */
export function outsideInWords({
  outside: { errors, warnings },
  selection,
}: Pick<Review, "outside" | "selection">): string | undefined {
  const found = [
    ...(errors === 0 ? [] : [countOf(errors, "error")]),
    ...(warnings === 0 ? [] : [countOf(warnings, "warning")]),
  ];
  if (found.length === 0) return undefined;
  const where = `from before in files that it does not touch${selection === undefined ? "" : ", or outside of what is selected"}`;
  return `${found.join(" and ")} ${where}: waybill check shows them`;
}

/** A place as findings have it. */
export function placed({ file, line, column }: Place) {
  return { file, at: { line, column } };
}

import { printable, type TextPosition } from "../diagnostics/index.ts";
import { type Digest, digestFault, isDigest, isReferrersTag, isTag, type Tag } from "../oci/index.ts";
import { isNullScalar, type YamlMapping, type YamlNode } from "../yaml/index.ts";
import type { ManifestFindings } from "./findings.ts";
import type { DigestEntry, TagEntry } from "./model.ts";

/**
 * Reads a `dmap`. A line with a fault is left out; a line that lists a wrong tag beside good ones keeps the good ones.
 * A digest whose only tags are wrong is left out, not promoted without a tag: that is not what its line asks for.
 */
export function readDigests(dmap: YamlMapping, findings: ManifestFindings): readonly DigestEntry[] {
  const entries = new Map<string, DigestEntry>();
  for (const { key, value } of dmap.entries) {
    const digest = readDigest(key.value, key.start, findings);
    // A line that is left out is told all of its faults, or mending one would only show the next.
    const tags = readTags(value, findings);
    if (digest === undefined) continue;
    const first = entries.get(digest);
    if (first !== undefined) {
      findings.report(
        "duplicate-digest",
        key.start,
        `the digest ${digest} stands twice in one dmap`,
        "this line is left out; write all tags of a digest on one line",
        findings.related(first.at, "here it stands first"),
      );
      continue;
    }
    if (tags !== undefined) entries.set(digest, { digest, tags, at: findings.placeOf(key.start) });
  }
  return [...entries.values()];
}

function readDigest(text: string, start: number, findings: ManifestFindings): Digest | undefined {
  if (isDigest(text) && text.startsWith("sha256:")) return text;
  const fault = isDigest(text) ? "promoter manifests know sha256 only" : digestFault(text);
  findings.report("invalid-digest", start, `invalid digest: ${printable(text)}`, fault);
  return undefined;
}

/** The tags of a digest; `undefined` when its line is to be left out. */
function readTags(node: YamlNode, findings: ManifestFindings): readonly TagEntry[] | undefined {
  if (isNullScalar(node)) return [];
  if (node.kind !== "sequence") {
    const example = node.kind === "scalar" ? `: ["${printable(node.value)}"]` : "";
    findings.report(
      "wrong-type",
      node.start,
      "the tags of a digest must be a list",
      `write brackets around them${example}`,
    );
    return undefined;
  }
  const tags = new Map<Tag, TextPosition>();
  for (const item of node.items) readTag(item, tags, findings);
  if (tags.size === 0 && node.items.length > 0) return undefined;
  return [...tags].map(([tag, at]) => ({ tag, at }));
}

function readTag(node: YamlNode, tags: Map<Tag, TextPosition>, findings: ManifestFindings): void {
  if (node.kind !== "scalar") {
    findings.report("wrong-type", node.start, "a tag must be text");
    return;
  }
  const { value, start } = node;
  if (isNullScalar(node) || !isTag(value)) {
    const shown = isNullScalar(node) ? "" : printable(value);
    findings.report("invalid-tag", start, `invalid tag: ${shown}`, tagHint(node));
    return;
  }
  const first = tags.get(value);
  if (first !== undefined) {
    findings.report(
      "duplicate-tag",
      start,
      `the tag ${value} stands twice in one list`,
      "it counts once",
      findings.related(first, "here it stands first"),
    );
    return;
  }
  if (value === "latest") {
    findings.report(
      "latest-tag",
      start,
      "latest is promoted once and never moves again",
      "production tags do not move: promote versions",
    );
  }
  if (isReferrersTag(value)) {
    findings.report(
      "referrers-tag",
      start,
      `${value} is where registries keep the list of an image's referrers`,
      "list the referrers themselves, by their digests: promoting one enters it into the list of its image",
    );
  }
  tags.set(value, findings.placeOf(start));
}

function tagHint(node: YamlNode & { kind: "scalar" }): string {
  if (isNullScalar(node)) {
    if (node.value === "")
      return "there is no tag here; leave the item out, or write [] to promote without tags";
    return `${node.value} means "no value"; a tag of this name needs quotes`;
  }
  if (node.value.includes(",")) return `quote each tag by itself: ["a", "b"]`;
  return "a tag has 1 to 128 of the characters A-Z a-z 0-9 _ . - and starts with none of . and -";
}

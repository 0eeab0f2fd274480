import { printable } from "../diagnostics/index.ts";
import { type Digest, isDigest, repositoryFault } from "../oci/index.ts";
import { type Fields, readFields } from "../schema/index.ts";
import { isNullScalar, type YamlMapping, type YamlNode } from "../yaml/index.ts";
import { readDigests } from "./digest-list.ts";
import { type ManifestFindings, readName } from "./findings.ts";
import { blocksByName } from "./image-blocks.ts";
import type { DigestEntry, ImageEntry } from "./model.ts";

/** Reads a list of images; what is wrong is reported and left out, everything else stands. */
export function readImageList(node: YamlNode, findings: ManifestFindings): readonly ImageEntry[] | undefined {
  if (isNullScalar(node)) return [];
  if (node.kind !== "sequence") {
    findings.report(
      "wrong-type",
      node.start,
      "images must be a list",
      "each image starts with a dash: - name: NAME",
    );
    return undefined;
  }
  const images = node.items.map((item) => readImage(item, findings)).filter((image) => image !== undefined);
  noteRepetitions(images, findings);
  return images;
}

function readImage(node: YamlNode, findings: ManifestFindings): ImageEntry | undefined {
  if (node.kind !== "mapping") {
    findings.report("wrong-type", node.start, "an image must have a name and a dmap");
    return undefined;
  }
  const fields = readFields(
    node,
    { known: ["name", "dmap"], what: "an image", advice: adviceOnKeys },
    findings,
  );
  const name = imageName(fields, node.start, findings);
  const dmap = readDmap(fields, node.start, findings);
  // Read for what is wrong with them, even where they come to nothing.
  const digests = dmap === undefined ? [] : readDigests(dmap, findings);
  // Two names or two dmaps: nobody can tell which one was meant.
  if (name === undefined || fields.repeated.size > 0) return undefined;
  return { name, digests, at: findings.placeOf(node.start) };
}

function adviceOnKeys(key: string): string | undefined {
  if (isDigest(key)) return "digests stand below dmap: indent them further";
  if (key === "tags") return "tags stand behind their digest, within dmap";
  return undefined;
}

function imageName(fields: Fields, start: number, findings: ManifestFindings): string | undefined {
  const node = readName(fields, start, findings, { what: "an image", list: "images" });
  if (node === undefined) return undefined;
  const fault = repositoryFault(`localhost/${node.value}`);
  if (fault === undefined) return node.value;
  findings.report(
    "invalid-image-name",
    node.start,
    `invalid image name: ${printable(node.value)} (${fault})`,
  );
  return undefined;
}

function readDmap(fields: Fields, start: number, findings: ManifestFindings): YamlMapping | undefined {
  const node = fields.value("dmap");
  if (node === undefined && fields.misspelt.has("dmap")) return undefined;
  if (node?.kind === "mapping" && node.entries.length > 0) return node;
  if (node === undefined || node.kind === "mapping" || isNullScalar(node)) {
    findings.report(
      "missing-dmap",
      node?.start ?? start,
      "images: 'dmap' field cannot be empty",
      "list a digest, or leave the image out until there is one",
    );
    return undefined;
  }
  findings.report(
    "wrong-type",
    node.start,
    "dmap must map digests to lists of tags",
    `write "sha256:<64 hexadecimal digits>": ["v1.0"]`,
  );
  return undefined;
}

/** Blocks of one name count as one image. That is allowed, and worth knowing: other tools keep only the last block. */
function noteRepetitions(images: readonly ImageEntry[], findings: ManifestFindings): void {
  for (const [name, blocks] of blocksByName(images)) {
    const [first, second] = blocks;
    if (first === undefined || second === undefined) continue;
    findings.report(
      "duplicate-image",
      second.at,
      `image ${name} is listed in ${blocks.length} blocks`,
      "together they mean their union; cip-mm and kpromo pr keep only the last block of a name",
      findings.related(first.at, "here is its first block"),
    );
    noteRepeatedDigests(blocks, findings);
  }
}

function noteRepeatedDigests(blocks: readonly ImageEntry[], findings: ManifestFindings): void {
  const known = new Map<Digest, DigestEntry>();
  for (const { name, digests } of blocks) {
    for (const entry of digests) {
      const first = known.get(entry.digest);
      if (first === undefined) known.set(entry.digest, entry);
      else {
        findings.report(
          "repeated-digest",
          entry.at,
          `another block of ${name} lists ${entry.digest}`,
          "its tags are those of both lines",
          findings.related(first.at, "here it is listed first"),
        );
      }
    }
  }
}

import type { Diagnostic } from "../diagnostics/index.ts";
import { type Fields, readDocument, readFields } from "../schema/index.ts";
import { isNullScalar, type YamlDocument, type YamlNode } from "../yaml/index.ts";
import { findingsOf, type ManifestFindings } from "./findings.ts";
import { readImageList } from "./image-list.ts";
import type { ImageEntry } from "./model.ts";
import { readProvenancePolicy } from "./provenance-policy.ts";
import { type RegistryList, readRegistryList, reportNoRegistries } from "./registry-list.ts";

/** What the text of an `images.yaml` lists. */
export interface ParsedImages {
  /** `undefined` when the text as a whole cannot be read: then it has at least one error. */
  readonly images: readonly ImageEntry[] | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** What the text of a `promoter-manifest.yaml` says. */
export interface ParsedRegistries {
  /** `undefined` when the text cannot be read or names no source: then it has at least one error. */
  readonly registries: RegistryList | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** What the text of a plain manifest says. */
export interface ParsedPlainManifest {
  readonly registries: RegistryList | undefined;
  readonly images: readonly ImageEntry[] | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads the text of an `images.yaml` of a thin manifest: a list of images. Never throws: everything that is wrong is
 * among the diagnostics, and left out.
 * @param file how diagnostics name the text.
 */
export function parseImages(text: string, file: string): ParsedImages {
  const findings = findingsOf(text, file);
  const document = documentOf(findings);
  const images = document === undefined ? undefined : imagesOf(document.root, findings);
  return { images, diagnostics: findings.diagnostics };
}

function imagesOf(root: YamlNode | undefined, findings: ManifestFindings): readonly ImageEntry[] | undefined {
  if (root === undefined) return [];
  if (root.kind === "mapping" && root.entries.some(({ key }) => key.value === "images")) {
    findings.report(
      "wrong-type",
      root.start,
      "images.yaml must be a list, without a key around it",
      "leave out images: here; only plain manifests have it",
    );
    return undefined;
  }
  return readImageList(root, findings);
}

/**
 * Reads the text of a `promoter-manifest.yaml` of a thin manifest: its registries. Never throws.
 * @param file how diagnostics name the text.
 */
export function parseRegistries(text: string, file: string): ParsedRegistries {
  const findings = findingsOf(text, file);
  const top = readTop(["registries", "imagesPath", "provenance"], "a thin promoter manifest", findings);
  return { registries: top?.registries, diagnostics: findings.diagnostics };
}

/**
 * Reads the text of a plain manifest: registries and images in one file. Never throws.
 * @param file how diagnostics name the text.
 */
export function parsePlainManifest(text: string, file: string): ParsedPlainManifest {
  const findings = findingsOf(text, file);
  const top = readTop(["registries", "images", "provenance"], "a plain manifest", findings);
  return { registries: top?.registries, images: top?.images, diagnostics: findings.diagnostics };
}

interface Top {
  readonly registries: RegistryList | undefined;
  readonly images: readonly ImageEntry[] | undefined;
}

function readTop(known: readonly string[], what: string, findings: ManifestFindings): Top | undefined {
  const document = documentOf(findings);
  if (document === undefined) return undefined;
  const { root } = document;
  if (root === undefined || isNullScalar(root)) {
    reportNoRegistries(root?.start ?? 0, findings);
    return undefined;
  }
  if (root.kind !== "mapping") {
    findings.report("wrong-type", root.start, `${what} must have the key registries`);
    return undefined;
  }
  const fields = readFields(root, { known, what, advice: adviceOnKeys }, findings);
  const imagesPath = fields.known.get("imagesPath")?.key;
  if (imagesPath !== undefined) {
    findings.report(
      "deprecated-images-path",
      imagesPath.start,
      "imagesPath has no meaning; leave it out",
      "the images of manifests/<project> are always read from images/<project>/images.yaml",
    );
  }
  const registries = fields.value("registries");
  const images = fields.value("images");
  if (registries === undefined && !fields.misspelt.has("registries"))
    reportNoRegistries(root.start, findings);
  const list = registries === undefined ? undefined : readRegistryList(registries, findings);
  const lists = {
    registries: withPolicy(list, fields, findings),
    images: images === undefined ? [] : readImageList(images, findings),
  };
  // Two lists under one name: nobody can tell which one was meant.
  if (fields.repeated.size > 0) return undefined;
  return fields.misspelt.has("images") ? { ...lists, images: undefined } : lists;
}

/** The registries under their policy; none where nobody knows what it demands. */
function withPolicy(
  list: RegistryList | undefined,
  fields: Fields,
  findings: ManifestFindings,
): RegistryList | undefined {
  const node = fields.value("provenance");
  if (fields.misspelt.has("provenance")) return undefined;
  if (node === undefined || isNullScalar(node)) return list;
  const provenance = readProvenancePolicy(node, findings);
  if (provenance === undefined) return undefined;
  return list === undefined ? undefined : { ...list, provenance };
}

function adviceOnKeys(key: string): string | undefined {
  switch (key) {
    case "srcregistry":
    case "filepath":
      return "older tools accept this key by accident and ignore it; leave it out";
    case "images":
      return "a thin manifest has its images in images/<project>/images.yaml";
    default:
      return undefined;
  }
}

function documentOf(findings: ManifestFindings): YamlDocument | undefined {
  const document = readDocument(findings, "older tools ignore it silently; keep one document in a file");
  return document?.secondDocument === undefined ? document : undefined;
}

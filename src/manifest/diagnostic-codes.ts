import type { DiagnosticCodes } from "../diagnostics/index.ts";
import { policyCodes } from "../policy/index.ts";
import { documentCodes, shapeCodes } from "../schema/index.ts";

/**
 * Every code a finding about promoter manifests can have. Codes are stable: scripts and code hosts rely on them. What
 * has an error is left out, down to the smallest thing that makes sense by itself: a tag, a digest, a registry, a
 * project. Warnings and infos change nothing.
 */
export const diagnosticCodes = {
  "missing-directory": {
    severity: "error",
    summary: "A directory of thin manifests lacks images/ or manifests/.",
  },
  "no-manifests": { severity: "error", summary: "The directory has no promoter manifest at all." },
  "missing-images-file": { severity: "error", summary: "A thin manifest has no images.yaml." },
  "unexpected-manifest-path": {
    severity: "error",
    summary: "A promoter-manifest.yaml does not stand at manifests/<project>/promoter-manifest.yaml.",
  },
  "misplaced-promoter-manifest": {
    severity: "warning",
    summary: "A promoter-manifest.yaml stands under images/, where nothing reads it.",
  },
  "misplaced-policy": {
    severity: "warning",
    summary: "A policy file stands where nothing reads it, or under another name than policy.yaml.",
  },
  "missing-promoter-manifest": {
    severity: "warning",
    summary: "A folder under manifests/ has no promoter-manifest.yaml, so its project is not promoted.",
  },
  "images-without-manifest": {
    severity: "warning",
    summary: "A folder under images/ has no counterpart under manifests/, so its project is not promoted.",
  },
  ...documentCodes,
  ...policyCodes,
  "wrong-type": shapeCodes["wrong-type"],
  "unknown-key": shapeCodes["unknown-key"],
  "duplicate-key": shapeCodes["duplicate-key"],
  "deprecated-images-path": { severity: "info", summary: "imagesPath has no meaning any more." },
  "no-registries": { severity: "error", summary: "A promoter manifest names no registries." },
  "no-source": { severity: "error", summary: "No registry is marked as the source." },
  "several-sources": { severity: "error", summary: "More than one registry is marked as the source." },
  "no-destinations": { severity: "info", summary: "The only registry is the source: nothing is promoted." },
  "missing-name": { severity: "error", summary: "A registry or an image has no name." },
  "invalid-registry": { severity: "error", summary: "A registry name is not a host with an optional path." },
  "duplicate-registry": { severity: "warning", summary: "A destination is listed twice." },
  "destination-is-source": { severity: "error", summary: "A destination is the manifest's own source." },
  "destination-is-staging": {
    severity: "info",
    summary: "A destination is the source of another manifest: promotion in several steps.",
  },
  "invalid-image-name": { severity: "error", summary: "An image name is no repository path." },
  "missing-dmap": { severity: "error", summary: "An image lists no digests." },
  "invalid-digest": { severity: "error", summary: "A digest is not sha256: and 64 hexadecimal digits." },
  "duplicate-digest": { severity: "error", summary: "A digest stands twice in one dmap." },
  "invalid-tag": { severity: "error", summary: "A tag is empty, null or against the grammar of tags." },
  "duplicate-tag": { severity: "warning", summary: "A tag stands twice in one list." },
  "latest-tag": {
    severity: "warning",
    summary: "The tag latest is promoted, although production tags never move.",
  },
  "referrers-tag": {
    severity: "info",
    summary:
      "A tag is one under which registries keep lists of referrers: promoted, such a list cannot grow.",
  },
  "duplicate-image": {
    severity: "info",
    summary: "An image is listed in several blocks, which count as one.",
  },
  "repeated-digest": { severity: "info", summary: "Several blocks of an image list the same digest." },
  "invalid-provenance": { severity: "error", summary: "A policy of provenance is not one." },
  "provenance-off": {
    severity: "warning",
    summary: "A policy of provenance has no mode, so that it demands nothing.",
  },
  "provenance-unmatched": {
    severity: "warning",
    summary: "A pattern of images that have to reach a level of provenance means none.",
  },
  "provenance-differs": {
    severity: "error",
    summary: "Two manifests with the same staging registry have different policies of provenance.",
  },
  overlap: { severity: "error", summary: "One production tag is asked for with two digests." },
} as const satisfies DiagnosticCodes;

/** A code of {@link diagnosticCodes}. */
export type DiagnosticCode = keyof typeof diagnosticCodes;

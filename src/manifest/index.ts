export * from "./at-commit.ts";
export { type ManifestChange, readManifestChange } from "./change.ts";
export type { CommitOptions } from "./committed-files.ts";
export { type DiagnosticCode, diagnosticCodes } from "./diagnostic-codes.ts";
export { unifiedDiff } from "./edit/diff.ts";
export {
  addToImages,
  edgeKey,
  type ImageAddition,
  type ImagesEdit,
  imagesAdded,
  type ListedEdge,
} from "./edit/edit.ts";
export { ManifestEditError, type ManifestEditErrorCode, type TagCollision } from "./edit/error.ts";
export { readTextFileOf } from "./file-source.ts";
export { diagnostic } from "./findings.ts";
export { type FoundSince, foundSince } from "./found-since.ts";
export { blocksByName } from "./image-blocks.ts";
export * from "./model.ts";
export * from "./parse.ts";
export { type PoliciesBeside, readPolicyFile } from "./policy-file.ts";
export { type PromotedFrom, promotedFrom } from "./promoted-from.ts";
export { policyMeaning } from "./provenance-policy.ts";
export { readBothManifests, readManifests, readManifestTree, readPlainManifest } from "./read.ts";
export { type ReadOptions, readImagesOf } from "./read-project.ts";
export type { RegistryList } from "./registry-list.ts";
export { decodeText, type TextFileFault } from "./text-file.ts";
export { type ImageListFormat, type ImageListing, listImages, writeImages } from "./write-images.ts";

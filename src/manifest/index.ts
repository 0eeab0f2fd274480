export { addToImages, type ImageAddition, type ImagesEdit, type ListedEdge } from "./edit.ts";
export { unifiedDiff } from "./edit-diff.ts";
export { ManifestEditError, type ManifestEditErrorCode, type TagCollision } from "./edit-error.ts";
export type {
  Diagnostic,
  DigestEntry,
  ImageEntry,
  ManifestTree,
  PromoterManifest,
  RegistryEntry,
  TagEntry,
} from "./model.ts";

export type {
  Diagnostic,
  DigestEntry,
  ImageEntry,
  ManifestTree,
  PromoterManifest,
  RegistryEntry,
  TagEntry,
} from "./model.ts";

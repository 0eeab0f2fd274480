export { type CreatedBundle, type CreateOptions, createBundle } from "./create.ts";
export { AirGapError, type AirGapErrorCode } from "./errors.ts";
export { type LoadedImage, type LoadOptions, type LoadTarget, loadBundle } from "./load.ts";
export type {
  BundledFile,
  BundledImage,
  BundleEvent,
  BundleSource,
  CarriedFile,
  ListedImage,
} from "./model.ts";
export { type Bundle, openBundle } from "./open.ts";
export { type AskedSources, askedSources } from "./sources.ts";
export type { WrittenFile } from "./write-file.ts";

export { contentOfFile } from "./content.ts";
export { ObjectError, type ObjectErrorCode } from "./errors.ts";
export type {
  ListedObject,
  ListOptions,
  ObjectContent,
  ObjectRange,
  ObjectReader,
  ObjectStore,
  StoredObject,
} from "./model.ts";
export { openBucket, openObjects } from "./open.ts";
export type { ObjectAccess } from "./wire.ts";

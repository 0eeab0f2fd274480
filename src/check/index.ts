export { checkFile, checkManifests, type FileCheck } from "./check.ts";
export type { FileKind } from "./kind.ts";

export { checkFile, checkManifests, type FileCheck } from "./check.ts";
export { type FileKind, fileKinds } from "./kind.ts";

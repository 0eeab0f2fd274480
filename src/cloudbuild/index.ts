export * from "./file.ts";
export {
  type CloudBuildCode,
  CloudBuildError,
  type CloudBuildErrorCode,
  cloudBuildCodes,
} from "./findings.ts";
export { type Glob, matchesWhole, parseGlob } from "./glob.ts";
export { imageNameFault } from "./image-name.ts";
export type { BuiltInValues, ResolvedBuild, ResolvedStep, SecretSource } from "./model.ts";
export { parseCloudBuild } from "./read.ts";
export { type CloudBuildResolution, type GivenValues, resolveCloudBuild } from "./resolve.ts";

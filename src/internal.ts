// What the doors of the rooms export: the command line uses it, and whoever needs more than src/index.ts has.
// There is no promise about it: any release may change it.

export * from "./access/index.ts";
export * from "./air-gap/index.ts";
export * from "./builds/index.ts";
export * from "./chatops/index.ts";
export * from "./check/index.ts";
export * from "./client/index.ts";
export * from "./cloudbuild/index.ts";
export * from "./clouds/index.ts";
export * from "./comparison/index.ts";
export * from "./database/index.ts";
export * from "./deliveries/index.ts";
export * from "./demo/index.ts";
export * from "./diagnostics/index.ts";
export * from "./disk/index.ts";
export * from "./edges/index.ts";
export * from "./errors/index.ts";
export * from "./events/index.ts";
export * from "./forge/index.ts";
export * from "./git/index.ts";
// Lists of images and tags have the names that other rooms have for theirs.
export {
  findInRegistry,
  findInTree,
  type ImageLife,
  isThere,
  type StationState,
  traceInTree,
} from "./history/index.ts";
export * from "./index.ts";
export * from "./inspect/index.ts";
export * from "./jobs/index.ts";
export * from "./manifest/index.ts";
export * from "./matrix/index.ts";
export * from "./merge/index.ts";
export * from "./notifications/index.ts";
export * from "./objects/index.ts";
export * from "./oci/index.ts";
export * from "./owners/index.ts";
export * from "./pages/index.ts";
export * from "./policy/index.ts";
export * from "./production/index.ts";
export * from "./programs/index.ts";
export * from "./promotion/index.ts";
export * from "./provenance/index.ts";
export * from "./queue/index.ts";
export * from "./recording/index.ts";
export * from "./registry/index.ts";
// Diagnostics have a place of that name as well, which only the rooms need.
export { placeOf } from "./registry/index.ts";
export * from "./registry-server/index.ts";
export * from "./release/index.ts";
export * from "./review/index.ts";
export * from "./secrets/index.ts";
export * from "./serve/index.ts";
export * from "./server/index.ts";
export * from "./settings/index.ts";
export * from "./signing/index.ts";
export * from "./sigstore/index.ts";
export * from "./snapshot/index.ts";
export * from "./staging/index.ts";
export * from "./store/index.ts";
export * from "./transfer/index.ts";
export * from "./triggers/index.ts";
export * from "./trust/index.ts";
export * from "./webhooks/index.ts";
export * from "./work/index.ts";

export {
  type BadHealth,
  badHealths,
  type EdgeHealth,
  type EdgeTrouble,
} from "./health.ts";
export {
  type HostCounts,
  type HostSample,
  hostHistory,
  listHosts,
  type ProductionSample,
  productionHistory,
  type SampleRange,
} from "./history.ts";
export { productionMigrations } from "./migrations.ts";
export type { ManifestPlace, ProductionLook, SeenTrouble, TroubleCounts } from "./model.ts";
export {
  type AskedEdge,
  type AskedImage,
  askedOf,
  type DriftPlace,
  driftPlace,
  type ImageFilter,
  isAskedFor,
  listAskedImages,
  listDrift,
  listProjects,
  listTrees,
  type ProductionCell,
  type ProductionProject,
  type ProductionTree,
  type ShownTrouble,
} from "./read.ts";
export { type LookOutcome, recordLook } from "./record-look.ts";
export { promotedBy, troublesOfReport, troublesOfVerification } from "./seen.ts";
export { type RunTraffic, recordTraffic } from "./traffic.ts";

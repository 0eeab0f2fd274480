// What the rooms export to the command line, which uses nothing else, and to whoever needs more than src/index.ts has.
// There is no promise about it: any release may change it.

export * from "./builds/index.ts";
export * from "./check/index.ts";
export {
  type CloudBuildCode,
  CloudBuildError,
  type CloudBuildErrorCode,
  cloudBuildCodes,
} from "./cloudbuild/index.ts";
export { comparisonAsDocument, comparisonAsText, differs, type TextOptions } from "./comparison/index.ts";
export * from "./demo/index.ts";
export {
  didYouMeanOneOf,
  formatPlace,
  inLines,
  likeliest,
  nearest,
  type RoughPlace,
} from "./diagnostics/index.ts";
export {
  asJson,
  type Content,
  type DiskFault,
  diskFaultOf,
  errorCodeOf,
  makeFolder,
  type NamedFile,
  type Output,
  openOutput,
  readNamed,
  readNamedInPieces,
} from "./disk/index.ts";
export * from "./edges/index.ts";
export {
  type CauseStyle,
  causeInLines,
  failureRecord,
  harmless,
  messageOf,
  type Problem,
  problemOf,
} from "./errors/index.ts";
export * from "./forge/index.ts";
export {
  type CommitHash,
  checkoutPush,
  type DescribedCheckout,
  describeCheckout,
  GitError,
  type GitErrorCode,
  type Push,
  type PushedFiles,
  type PushQuestion,
  placeInRemote,
  readPush,
} from "./git/index.ts";
export * from "./index.ts";
export { fetchDocument, type IdentifyOptions, identifyImage } from "./inspect/index.ts";
export * from "./jobs/index.ts";
export {
  type CommitChange,
  type DiagnosticCode,
  diagnosticCodes,
  type ImageListing,
  listImages,
  type PromotedFrom,
  promotedFrom,
  readBothManifests,
  readManifestsBeforeDate,
  readManifestsOfCommit,
  readManifestTree,
  readPlainManifest,
  writeImages,
} from "./manifest/index.ts";
export * from "./merge/index.ts";
export {
  type Checkpoint,
  type DigestHasher,
  isDigest,
  isTag,
  OciError,
  type OciErrorCode,
} from "./oci/index.ts";
export {
  type FileOwners,
  type OwnersCode,
  type OwnersRules,
  ownersCodes,
  ownersFolder,
  type RepositoryFiles,
  readOwners,
} from "./owners/index.ts";
export {
  causesOfAbsence,
  causesOfFindings,
  createTrafficMeter,
  type Decision,
  edgeName,
  type ImageDetails,
  type ImageEdge,
  type Immutable,
  isAboutImage,
  junitParts,
  type Outcome,
  type PlanLimits,
  type PlannedEdge,
  type PlannedImage,
  type PlannedRepositories,
  type PlannedRepository,
  plannedImages,
  type ReportedImage,
  reportedWords,
  SavedPlanError,
  type SavedPlanErrorCode,
  type SectionEdge,
  type TrafficMeter,
} from "./promotion/index.ts";
export {
  attachStatement,
  type BuildFacts,
  originInWords,
  ProvenanceError,
  type ProvenanceErrorCode,
  type Statement,
  type StatementSubject,
  slsaStatement,
} from "./provenance/index.ts";
export * from "./recording/index.ts";
export * from "./registry/index.ts";
export * from "./registry-server/index.ts";
export * from "./release/index.ts";
export * from "./review/index.ts";
export {
  findSettings,
  parseSettings,
  readByteSize,
  SettingsError,
  type SettingsErrorCode,
} from "./settings/index.ts";
export * from "./snapshot/index.ts";
export * from "./staging/index.ts";
export * from "./store/index.ts";
export * from "./transfer/index.ts";

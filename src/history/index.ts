export { noteAsked } from "./asked.ts";
export {
  keepContents,
  keptContents,
  predecessorOf,
  readContents,
  type SizedDigest,
  sizesOf,
} from "./contents.ts";
export { forgetHistory, noteToldRun, retellRuns, tellEndedRuns } from "./keep.ts";
export {
  type AskingLine,
  type ImageLife,
  isThere,
  type LifeEvent,
  type LifeSources,
  lifeOf,
  type MirrorLife,
  type ProductionState,
  type PullLife,
  type Station,
  type StationName,
  type StationState,
  textOfEvent,
} from "./life.ts";
export { historyMigrations } from "./migrations.ts";
export type * from "./model.ts";
export {
  type EventQuery,
  eventsOf,
  findImage,
  hasImage,
  type ImageQuery,
  listEvents,
  listImages,
  listTags,
  mirrorsOf,
  placeOfEvent,
  placeOfTag,
  type TagQuery,
  tagsOfDigest,
} from "./read.ts";
export {
  type FoundInHistory,
  type FoundType,
  findInHistory,
  foundTypes,
  type HistoryQuery,
} from "./search.ts";
export { pullArtifact, pullFormat, type ReviewedPull } from "./story.ts";
export { findInRegistry, findInTree, type TracedImage, type TreeSources, traceInTree } from "./trace-tree.ts";

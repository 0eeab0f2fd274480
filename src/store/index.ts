export { defaultDataFolder } from "./data-folder.ts";
export { RunError, type RunErrorCode } from "./errors.ts";
export { openRunFolder } from "./folder/folder.ts";
export {
  eventsArtifact,
  eventsFormat,
  type RecordedRun,
  type Run,
  type RunEnd,
  type RunHead,
  type RunName,
  type RunPage,
  type RunQuery,
  type RunRefs,
  type RunRequest,
  type RunStore,
  type RunType,
  type StoredRun,
} from "./model.ts";

export { RunError, type RunErrorCode } from "./errors.ts";
export { defaultDataFolder, openRunFolder } from "./folder/folder.ts";
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

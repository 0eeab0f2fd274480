export { StagingError, type StagingErrorCode } from "./errors.ts";
export { type NewStaging, type NewStagingOptions, newStaging } from "./new-staging.ts";

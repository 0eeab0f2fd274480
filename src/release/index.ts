export { ReleaseProfileError } from "./profiles.ts";
export {
  type ReleaseTag,
  type ReleaseTags,
  type ReleaseTagsOptions,
  releaseTags,
  VersionError,
} from "./tag-set.ts";
export { type Look, type Waiting, type WaitOptions, waitForProduction } from "./wait.ts";

export { ReleaseProfileError } from "./profiles.ts";
export {
  type ReleaseTag,
  type ReleaseTags,
  type ReleaseTagsOptions,
  releaseTags,
  VersionError,
} from "./tag-set.ts";

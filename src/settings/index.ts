export { SettingsError, type SettingsErrorCode, type SettingsProblem } from "./errors.ts";
export { findSettings } from "./find.ts";
export { locate } from "./locate.ts";
export {
  type CredentialRule,
  defaultSettings,
  type HostSettings,
  type Location,
  type ReleaseCut,
  type ReleaseProfile,
  type Settings,
} from "./model.ts";
export { longestPrefix, restBelow } from "./prefix.ts";
export { parseSettings, readSettings } from "./read.ts";
export { expandTagTemplate, type VersionNumbers } from "./tag-template.ts";

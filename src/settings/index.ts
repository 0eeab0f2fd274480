export { SettingsError, type SettingsErrorCode } from "./errors.ts";
export { folderPrefix, locate } from "./locate.ts";
export {
  type CredentialRule,
  type DestinationSet,
  type DestinationTemplate,
  defaultSettings,
  type HostSettings,
  type Location,
  type ReleaseCut,
  type ReleaseProfile,
  type RunSettings,
  type Settings,
} from "./model.ts";
export { checkSettings, findSettings, parseSettings, readSettings, settingsCodes } from "./read.ts";
export { expandNameTemplate, expandTagTemplate, type VersionNumbers } from "./templates.ts";
export { readByteSize } from "./values.ts";

export { SettingsError, type SettingsErrorCode } from "./errors.ts";
export { folderPrefix, locate } from "./locate.ts";
export * from "./model.ts";
export { checkSettings, findSettings, parseSettings, readSettings, settingsCodes } from "./read.ts";
export { expandNameTemplate, expandTagTemplate, type VersionNumbers } from "./templates.ts";
export { readByteSize } from "./values.ts";

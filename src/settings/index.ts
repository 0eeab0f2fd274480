export { readByteSize } from "./byte-size.ts";
export { SettingsError, type SettingsErrorCode } from "./errors.ts";
export { folderPrefix, locate } from "./locate.ts";
export * from "./model.ts";
export { checkSettings, parseSettings, settingsCodes } from "./parse.ts";
export { findSettings, readSettings } from "./read.ts";
export { readSection, type SectionShapes } from "./serve.ts";
export { expandNameTemplate, expandTagTemplate, type VersionNumbers } from "./templates.ts";
export { filePath } from "./values.ts";

export { readByteSize } from "./byte-size.ts";
export { SettingsError, type SettingsErrorCode } from "./errors.ts";
export { folderPrefix, locate } from "./locate.ts";
export * from "./model.ts";
export { checkSettings, parseSettings, settingsCodes } from "./parse.ts";
export { findSettings, readSettings } from "./read.ts";
export { secretReference } from "./secrets.ts";
export { readSection, type SectionShapes } from "./serve.ts";
export {
  expandNameTemplate,
  expandTagTemplate,
  identityPlace,
  identityTemplateFault,
  type VersionNumbers,
} from "./templates.ts";
export type * from "./trust-model.ts";
export { filePath } from "./values.ts";

export { createFile, createFiles, type NewFile } from "./create.ts";
export { type Content, type Draft, startDraft } from "./draft.ts";
export { type DiskFault, diskFaultOf, errorCodeOf } from "./fault.ts";
export { flushFile, flushFolder, makeFolder } from "./flush.ts";
export { type Output, openOutput } from "./output.ts";
export { type NamedFile, readNamed } from "./read.ts";
export { type ReplaceOptions, replaceFile } from "./replace.ts";

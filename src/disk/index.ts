export { type GrowingFile, openGrowing } from "./append.ts";
export { createFile, createFiles, type NewFile } from "./create.ts";
export { type Content, type Draft, writeAll } from "./draft.ts";
export { type DurableFiles, durableFiles } from "./durable.ts";
export { type DiskFault, diskFaultOf, errorCodeOf, ifPresent } from "./fault.ts";
export { flushFile, flushFolder, makeFolder } from "./flush.ts";
export { asJson, gathered } from "./json.ts";
export { type HeldLock, holdingLock, holdingOneOf, type LockOptions } from "./lock.ts";
export { bootMark, isKnownToHaveEnded, isOfEarlierBoot, markedName, processMark } from "./mark.ts";
export { type Output, openOutput } from "./output.ts";
export {
  type NamedFile,
  openRegular,
  readAt,
  readNamed,
  readNamedInPieces,
  readRegular,
  readRegularSync,
} from "./read.ts";
export { type ReplaceOptions, replaceFile } from "./replace.ts";
export { type Left, makeTemporaryFolder, removeTree, sweep } from "./sweep.ts";
export { type OutputTarget, targetOf } from "./target.ts";

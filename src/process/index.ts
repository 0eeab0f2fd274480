export { type HeldLock, holdingLock, holdingOneOf, type LockOptions } from "./lock.ts";
export { bootMark, isKnownToHaveEnded, isOfEarlierBoot, processMark } from "./mark.ts";
export { makeTemporaryFolder, removeTemporaryFolder } from "./temporary-folder.ts";

export { type HeldLock, holdingLock, type LockOptions } from "./lock.ts";
export { bootMark, isKnownToHaveEnded, isOfEarlierBoot, processMark } from "./mark.ts";

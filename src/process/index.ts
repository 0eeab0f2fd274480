export { type HeldLock, holdingLock, type LockOptions } from "./lock.ts";
export { isKnownToHaveEnded, processMark } from "./mark.ts";

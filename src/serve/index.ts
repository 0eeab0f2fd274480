export { backupServer, restoreServer, type ServerBackup } from "./backup.ts";
export { checkServer } from "./check.ts";
export type { ServeCheck } from "./checked.ts";
export { ServeError, type ServeErrorCode } from "./errors.ts";
export { jsonLog, type Log, type LogFields, type LogLevel, textLog } from "./log.ts";
export { type ServeOptions, type ServerRole, serverRoles } from "./options.ts";
export { previewNotifications } from "./senders.ts";
export { type RunningServer, startServer } from "./serve.ts";
export { type GivenOptions, settleDatabase, settleOptions } from "./settle.ts";

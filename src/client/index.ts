export { auditVerdict } from "./audit-log.ts";
export { type FetchedBackup, fetchBackup } from "./backup.ts";
export type { AnsweredRun, AskedDocument, ServedRun } from "./documents.ts";
export { ClientError, type ClientErrorCode } from "./errors.ts";
export { type AnsweredHistory, serverHistory } from "./history.ts";
export { type ServerJobs, serverJobs, serverNotifications, startJob } from "./jobs.ts";
export { abortRun, releaseRun, rerun, type ServerRuns, serverRuns } from "./runs.ts";
export { openServer, type Server, type ServerOptions } from "./server.ts";
export { serverToken } from "./token.ts";

export {
  type AuditFault,
  type AuditLook,
  type AuditQuery,
  type AuditVerdict,
  appendAudit,
  auditHead,
  listAudit,
  verifyAuditLog,
} from "./audit/audit-log.ts";
export { type AuditCheck, checkAuditLog, lastAuditCheck } from "./audit/check.ts";
export { type AuditEntry, type AuditedAct, type AuditHead, formatHead, parseHead } from "./audit/entry.ts";
export type { Json } from "./audit/json.ts";
export { AccessError, type AccessErrorCode } from "./errors.ts";
export { openProviderFetch, type ProviderFetch, type ProviderRequest } from "./fetch.ts";
export { type ForgeAccount, forgeAccountOf } from "./forge-account.ts";
export { type Identified, identify, type Shown } from "./identify.ts";
export { type Logins, localPath, loginWithin, openLogins, refuseUnsafe } from "./login/logins.ts";
export { type Machines, machineTokenLife, openMachines } from "./machines/machines.ts";
export { grantedRole, type JobRights, type Leave, mayDo, type ServedAct } from "./may.ts";
export { type Memberships, withCurrentGroups } from "./memberships.ts";
export { accessMigrations } from "./migrations.ts";
export * from "./model.ts";
export {
  keepPerson,
  type ListedPerson,
  listPeople,
  type PersonIdentity,
  type PersonQuery,
} from "./people.ts";
export { isOwnRequest, type RequestSource } from "./same-origin.ts";
export {
  beginSession,
  endSession,
  endSessionOf,
  endSessionsOf,
  findSession,
  listSessions,
  type SessionOwner,
  type SessionQuery,
  type SessionRecord,
  sessionLife,
  sweepSessions,
} from "./sessions.ts";
export { accessShape } from "./shape.ts";
export {
  issueToken,
  keepAdminToken,
  listTokens,
  maxTokenLife,
  revokeToken,
  sweepTokens,
  type TokenQuery,
  type TokenRecord,
  type TokenRequest,
  tokenPrefix,
} from "./tokens.ts";

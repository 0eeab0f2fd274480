export type {
  AuditCheckDocument,
  DestinationDocument,
  ReceiverDocument,
  ServedState,
  ServerDocument,
} from "./about.ts";
export { createApp } from "./app.ts";
export type { ServerErrorCode } from "./errors.ts";
export { safeHeaders } from "./headers.ts";
export { type Listening, listen } from "./listen.ts";
export { csvOfRows } from "./lists/csv.ts";
export type { ListPage } from "./lists/list.ts";
export type {
  App,
  BackupToSend,
  PromotionState,
  RequestOrigin,
  ServedJobs,
  ServerParts,
} from "./model.ts";
export type { ApiProblem } from "./problems.ts";
export type {
  JudgedReviewDocument,
  ReviewedLineDocument,
  ReviewedPullDocument,
  ReviewFindingDocument,
  ShownPullDocument,
} from "./reviews/documents.ts";
export type {
  AuditDocument,
  GrantDocument,
  MeDocument,
  NewTokenDocument,
  PersonDocument,
  SessionDocument,
  TokenDocument,
} from "./routes/access.ts";
export type {
  ArchiveDocument,
  ArchivedRunDocument,
  ShownArchivedRunDocument,
} from "./routes/archives.ts";
export type { HostSampleDocument, HostTrafficDocument } from "./routes/hosts.ts";
export type {
  ImageContentsDocument,
  ImageEventDocument,
  ImageSizeDocument,
  ImageTagDocument,
  ListedImageDocument,
} from "./routes/images.ts";
export type { JobSourceDocument, ListedJobDocument, ShownJobDocument } from "./routes/jobs.ts";
export type { LogLinesDocument, LogMatchesDocument, LogOutlineDocument } from "./routes/log-lines.ts";
export type { DeliveryDocument, NotificationDocument } from "./routes/messages.ts";
export type { NeedDocument, RetryDocument } from "./routes/needs.ts";
export type {
  DriftDocument,
  ProductionImageDocument,
  ProductionProjectDocument,
  ProductionSampleDocument,
  ProductionTreeDocument,
} from "./routes/production.ts";
export type {
  PromotionDocument,
  PromotionEdgeDocument,
  PromotionRowDocument,
} from "./routes/promotion.ts";
export type { ComparedWorkDocument, PromotionApprovalDocument } from "./routes/promotion-approval.ts";
export type { QueueDocument } from "./routes/queue.ts";
export type { RemoteDocument } from "./routes/remotes.ts";
export type { RunEventDocument } from "./routes/run-events.ts";
export type { RunTotalDocument } from "./routes/runs.ts";
export type { HitDocument } from "./routes/search.ts";
export type { RunDocument, ShownRunDocument, TryDocument } from "./schemas.ts";

export { ForgeError, type ForgeErrorCode } from "./errors.ts";
export type {
  Approval,
  Comment,
  CommitStatus,
  CommitStatuses,
  Conversation,
  Forge,
  ForgeKind,
  ForgeProject,
  ForgeRepository,
  Proposal,
  PullRequest,
  PullRequests,
} from "./forge.ts";

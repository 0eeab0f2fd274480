export type { CommitFiles } from "./commit-files.ts";
export { GitError, type GitErrorCode } from "./errors.ts";
export { type CommitHash, type GitRepository, openGitRepository } from "./repository.ts";
export type { TreeEntry } from "./tree-object.ts";

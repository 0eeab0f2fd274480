export { fetchBeside, type TemporaryFiles } from "./beside.ts";
export * from "./clone.ts";
export type { CommitFiles, TreeEntry } from "./commit-files.ts";
export type { GitCredential } from "./credential.ts";
export { type DescribedCheckout, describeCheckout, placeInRemote } from "./describe.ts";
export { GitError, type GitErrorCode } from "./errors.ts";
export { withoutPassword } from "./password.ts";
export { checkoutPush, type Push, type PushQuestion, readPush } from "./push.ts";
export { type CommitHash, type GitRepository, openGitRepository } from "./repository.ts";

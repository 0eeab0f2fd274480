export { type OwnersCode, ownersCodes } from "./findings.ts";
export type { FileOwners, OwnersRules } from "./owners.ts";
export { checkOwners, ownersFolder, type RepositoryFiles, readOwners } from "./read.ts";

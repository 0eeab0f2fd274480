/** Variables that a run is given by whoever starts it, by Prow as well as by us: a job does not set them. */
export function isVariableOfProw(name: string): boolean {
  return /^(?:CI|JOB_(?:NAME|TYPE|SPEC)|BUILD_(?:ID|NUMBER)|PROW_JOB_ID|ARTIFACTS|REPO_(?:OWNER|NAME)|PULL_[A-Z_]+)$/.test(
    name,
  );
}

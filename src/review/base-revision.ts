/** A revision to compare with, and who named it. */
export interface BaseRevision {
  readonly revision: string;
  readonly from: string;
}

/**
 * The base of the change that a CI system is asked about, as its environment names it: Prow's `PULL_BASE_SHA`, the
 * target branch on GitHub, where the merge base counts, and the merge base that GitLab has worked out.
 */
export function baseOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): BaseRevision | undefined {
  const { PULL_BASE_SHA, GITHUB_BASE_REF, CI_MERGE_REQUEST_DIFF_BASE_SHA } = environment;
  if (PULL_BASE_SHA) return { revision: PULL_BASE_SHA, from: "PULL_BASE_SHA" };
  if (GITHUB_BASE_REF) return { revision: `origin/${GITHUB_BASE_REF}...`, from: "GITHUB_BASE_REF" };
  if (CI_MERGE_REQUEST_DIFF_BASE_SHA) {
    return { revision: CI_MERGE_REQUEST_DIFF_BASE_SHA, from: "CI_MERGE_REQUEST_DIFF_BASE_SHA" };
  }
  return undefined;
}

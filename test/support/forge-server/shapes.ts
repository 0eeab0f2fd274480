import type { request } from "@octokit/request";

/**
 * Any part of a type, however deep: an object with a name that the type does not have is refused. The descriptions are not exact
 * about `null`, so it is allowed everywhere.
 */
export type PartOf<T> = T extends readonly (infer Item)[]
  ? readonly PartOf<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: PartOf<T[Key]> | null }
    : T;

/** What GitHub's own description says of its answers: replies of the test server are held against it. */
export type GitHubPull = PartOf<
  Awaited<ReturnType<typeof request<"GET /repos/{owner}/{repo}/pulls/{pull_number}">>>["data"]
>;
export type GitHubRepository = PartOf<
  Awaited<ReturnType<typeof request<"GET /repos/{owner}/{repo}">>>["data"]
>;
export type GitHubReview = PartOf<
  Awaited<ReturnType<typeof request<"GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews">>>["data"][number]
>;
export type GitHubComment = PartOf<
  Awaited<ReturnType<typeof request<"POST /repos/{owner}/{repo}/issues/{issue_number}/comments">>>["data"]
>;
export type GitHubStatus = PartOf<
  Awaited<
    ReturnType<typeof request<"GET /repos/{owner}/{repo}/commits/{ref}/status">>
  >["data"]["statuses"][number]
>;

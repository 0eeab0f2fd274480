import { z } from "zod";
import { allPages, answered, unwrapped } from "../answers.ts";
import { openOrFind } from "../existing.ts";
import type { Proposal, PullRequest, PullRequests } from "../forge.ts";
import { ownerAndName } from "../remote.ts";
import { type KnownReviewers, requestReviewsOf } from "../review-requests.ts";
import { fittingTitle } from "../title.ts";
import { type GitHubClient, graphql } from "./client.ts";

const pullSchema = z.object({
  node_id: z.string(),
  number: z.number(),
  html_url: z.string(),
  title: z.string(),
  body: z.string().nullable(),
  state: z.enum(["open", "closed"]),
  merged_at: z.string().nullish(),
  merge_commit_sha: z.string().nullish(),
  draft: z.boolean().optional(),
  user: z.object({ login: z.string() }).nullable(),
  labels: z.array(z.object({ name: z.string() })),
  head: z.object({
    ref: z.string(),
    sha: z.string(),
    // Absent once the fork has been deleted.
    repo: z.object({ full_name: z.string() }).nullable(),
  }),
  base: z.object({ ref: z.string() }),
});

const requestedSchema = z.object({
  requested_reviewers: z.array(z.object({ login: z.string() })).nullish(),
  requested_teams: z.array(z.object({ slug: z.string() })).nullish(),
});

const givenSchema = z.object({ user: z.object({ login: z.string() }).nullable() });

type Pull = z.infer<typeof pullSchema>;

/** https://docs.github.com/rest/pulls/pulls */
export function openPullRequests(client: GitHubClient, api: string, path: string): PullRequests {
  const repository = (): { owner: string; repo: string } => ownerAndName(path);
  const isHere = (other: string): boolean => other.toLowerCase() === path.toLowerCase();

  const readPull = (number: number): Promise<Pull> =>
    answered(
      client("GET /repos/{owner}/{repo}/pulls/{pull_number}", { ...repository(), pull_number: number }),
      pullSchema,
    );

  const find = async (head: Proposal["head"], base: string): Promise<PullRequest | undefined> => {
    const { owner } = ownerAndName(head.repository);
    const pulls = await allPages(
      (page) =>
        client("GET /repos/{owner}/{repo}/pulls", {
          ...repository(),
          ...{ state: "open", head: `${owner}:${head.branch}`, base, per_page: 100, page },
        }),
      z.array(pullSchema),
    );
    // An owner may have several forks, and the branch in each of them.
    const found = pulls.find(
      (pull) =>
        pull.head.ref === head.branch &&
        pull.head.repo?.full_name.toLowerCase() === head.repository.toLowerCase(),
    );
    return found === undefined ? undefined : pullRequestOf(found);
  };

  const open = async ({ title, body, head, base, draft }: Proposal): Promise<PullRequest> => {
    const from = ownerAndName(head.repository);
    const sameOwner = from.owner.toLowerCase() === repository().owner.toLowerCase();
    const asked = client("POST /repos/{owner}/{repo}/pulls", {
      ...repository(),
      ...{ title: fittingTitle("github", title), body, base, draft: draft ?? false },
      head: isHere(head.repository) ? head.branch : `${from.owner}:${head.branch}`,
      // Within one organization the owner does not tell which repository is meant.
      ...(sameOwner && !isHere(head.repository) ? { head_repo: from.repo } : {}),
    });
    return pullRequestOf(await answered(asked, pullSchema));
  };

  const setDraft = async (number: number, draft: boolean): Promise<void> => {
    const pull = await readPull(number);
    if ((pull.draft ?? false) === draft) return;
    const mutation = draft ? "convertPullRequestToDraft" : "markPullRequestReadyForReview";
    const query = `mutation($id: ID!) { ${mutation}(input: { pullRequestId: $id }) { pullRequest { isDraft } } }`;
    await graphql(client, api, query, { id: pull.node_id });
  };

  const knownReviewers = async (number: number): Promise<KnownReviewers> => {
    const route = "GET /repos/{owner}/{repo}/pulls/{pull_number}";
    const asked = client(route, { ...repository(), pull_number: number });
    const { requested_reviewers: users, requested_teams: teams } = await answered(asked, requestedSchema);
    const reviews = await allPages(
      (page) =>
        client("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", {
          ...repository(),
          ...{ pull_number: number, per_page: 100, page },
        }),
      z.array(givenSchema),
    );
    return {
      users: (users ?? []).map(({ login }) => login),
      teams: (teams ?? []).map(({ slug }) => slug),
      reviewed: reviews.flatMap(({ user }) => (user === null ? [] : [user.login])),
    };
  };

  return {
    find,
    async read(number) {
      return pullRequestOf(await readPull(number));
    },
    open: (proposal) => openOrFind(open, find, proposal),
    async update(number, { title, body, draft, labels }) {
      if (title !== undefined || body !== undefined) {
        const change = {
          ...(title === undefined ? {} : { title: fittingTitle("github", title) }),
          ...(body === undefined ? {} : { body }),
        };
        await unwrapped(
          client("PATCH /repos/{owner}/{repo}/pulls/{pull_number}", {
            ...repository(),
            ...{ pull_number: number, ...change },
          }),
        );
      }
      if (labels !== undefined) {
        await unwrapped(
          client("PUT /repos/{owner}/{repo}/issues/{issue_number}/labels", {
            ...repository(),
            ...{ issue_number: number, labels: [...labels] },
          }),
        );
      }
      if (draft !== undefined) await setDraft(number, draft);
      return pullRequestOf(await readPull(number));
    },
    requestReviews: (number, reviewers) =>
      requestReviewsOf(
        reviewers,
        () => knownReviewers(number),
        (asked) =>
          unwrapped(
            client("POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", {
              ...repository(),
              ...{ pull_number: number, ...asked },
            }),
          ),
      ),
  };
}

function pullRequestOf(pull: Pull): PullRequest {
  const merged = typeof pull.merged_at === "string";
  return {
    number: pull.number,
    url: pull.html_url,
    title: pull.title,
    body: pull.body ?? "",
    state: merged ? "merged" : pull.state,
    draft: pull.draft ?? false,
    author: pull.user?.login ?? "ghost",
    labels: pull.labels.map(({ name }) => name),
    head: { repository: pull.head.repo?.full_name ?? "", branch: pull.head.ref, commit: pull.head.sha },
    base: { branch: pull.base.ref },
    // Of an open one it is the commit of a merge on trial.
    ...(merged && pull.merge_commit_sha ? { mergeCommit: pull.merge_commit_sha } : {}),
  };
}

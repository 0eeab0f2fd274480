import { z } from "zod";
import { allPages, answered, unwrapped } from "../answers.ts";
import { changedTitle, draftTitle, giteaDrafts, type TitleAndDraft, withoutPrefix } from "../draft-title.ts";
import { ForgeError } from "../errors.ts";
import { openOrFind } from "../existing.ts";
import type { Proposal, PullRequest, PullRequests } from "../forge.ts";
import { type KnownReviewers, type Reviewers, requestReviewsOf } from "../review-requests.ts";
import { fittingTitle } from "../title.ts";
import { type GiteaClient, ownerThenName } from "./client.ts";
import { openLabels } from "./labels.ts";

const pullSchema = z.object({
  number: z.number(),
  html_url: z.string(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.enum(["open", "closed"]),
  merged: z.boolean().optional(),
  merge_commit_sha: z.string().nullish(),
  draft: z.boolean().optional(),
  user: z.object({ login: z.string() }).nullish(),
  labels: z.array(z.object({ name: z.string() })).nullish(),
  head: z.object({
    ref: z.string(),
    sha: z.string(),
    // Absent once the fork has been deleted.
    repo: z.object({ full_name: z.string() }).nullish(),
  }),
  base: z.object({ ref: z.string() }),
});

const requestedSchema = z.object({
  requested_reviewers: z.array(z.object({ login: z.string() })).nullish(),
  requested_reviewers_teams: z.array(z.object({ name: z.string() })).nullish(),
});

const givenSchema = z.object({ user: z.object({ login: z.string() }).nullish(), state: z.string() });

type Pull = z.infer<typeof pullSchema>;

/** Pull requests of Gitea and Forgejo. */
export function openPullRequests(client: GiteaClient, path: string): PullRequests {
  const here = (): readonly [string, string] => ownerThenName(path);
  const labelsHere = openLabels(client, path);

  const read = (number: number): Promise<Pull> =>
    answered(client.repos.repoGetPullRequest(...here(), number), pullSchema);

  const current = async (number: number): Promise<TitleAndDraft> => {
    const found = await read(number);
    return { title: found.title, draft: isDraft(found) };
  };

  // There is a search by base and head, whose branches older versions cannot tell apart when they have a slash in them.
  const find = async (head: Proposal["head"], base: string): Promise<PullRequest | undefined> => {
    const pulls = await allPages(
      (page) => client.repos.repoListPullRequests(...here(), { state: "open", limit: 50, page }),
      z.array(pullSchema),
    );
    const found = pulls.find(
      (pull) =>
        pull.head.ref === head.branch &&
        pull.base.ref === base &&
        pull.head.repo?.full_name.toLowerCase() === head.repository.toLowerCase(),
    );
    return found === undefined ? undefined : pullRequestOf(found);
  };

  const open = async ({ title, body, head, base, draft = false }: Proposal): Promise<PullRequest> => {
    const isHere = head.repository.toLowerCase() === path.toLowerCase();
    const [owner] = ownerThenName(head.repository);
    const asked = client.repos.repoCreatePullRequest(...here(), {
      title: draftTitle(giteaDrafts, fittingTitle("gitea", title), draft),
      body,
      base,
      head: isHere ? head.branch : `${owner}:${head.branch}`,
    });
    return pullRequestOf(await answered(asked, pullSchema));
  };

  /** Teams are left out without a word where the owner is a user, so that somebody has to look. */
  const request = async (number: number, asked: Reviewers): Promise<void> => {
    // The client's own description of this call does not say that there is an answer.
    const answer = client.repos.repoCreatePullReviewRequests(...here(), number, asked, { format: "json" });
    const before = await answered(answer, z.array(z.unknown()).nullish());
    const teams = asked.team_reviewers;
    if (teams.length === 0) return;
    const { requested_reviewers_teams: requested } = await answered(
      client.repos.repoGetPullRequest(...here(), number),
      requestedSchema,
    );
    // Versions before 1.22 do not tell; of them it is enough that somebody was asked.
    const known = requested?.map(({ name }) => name.toLowerCase());
    const missing = teams.filter((team) => known?.includes(team.toLowerCase()) === false);
    if (missing.length > 0 || (known === undefined && !before?.length)) {
      throw new ForgeError("refused", `there is no team ${missing.join(", ")} here`);
    }
  };

  const knownReviewers = async (number: number): Promise<KnownReviewers> => {
    const asked = client.repos.repoGetPullRequest(...here(), number);
    const { requested_reviewers: users, requested_reviewers_teams: teams } = await answered(
      asked,
      requestedSchema,
    );
    const reviews = await allPages(
      (page) => client.repos.repoListPullReviews(...here(), number, { limit: 50, page }),
      z.array(givenSchema),
    );
    return {
      users: (users ?? []).map(({ login }) => login),
      teams: (teams ?? []).map(({ name }) => name),
      // A request stands in this list, too.
      reviewed: reviews.flatMap(({ user, state }) =>
        user && state !== "REQUEST_REVIEW" ? [user.login] : [],
      ),
    };
  };

  const fitting = (title: string | undefined): string | undefined =>
    title === undefined ? undefined : fittingTitle("gitea", title);

  return {
    find,
    async read(number) {
      return pullRequestOf(await read(number));
    },
    open: (proposal) => openOrFind(open, find, proposal),
    async update(number, { title, body, draft, labels }) {
      const change = {
        ...(await changedTitle(giteaDrafts, { title: fitting(title), draft }, () => current(number))),
        ...(body === undefined ? {} : { body }),
      };
      if (Object.keys(change).length > 0) {
        await unwrapped(client.repos.repoEditPullRequest(...here(), number, change));
      }
      if (labels !== undefined) await labelsHere.set(number, labels);
      return pullRequestOf(await read(number));
    },
    requestReviews: (number, reviewers) =>
      requestReviewsOf(
        reviewers,
        () => knownReviewers(number),
        (asked) => request(number, asked),
      ),
  };
}

function isDraft({ title, draft }: Pull): boolean {
  return draft ?? giteaDrafts.read.test(title);
}

function pullRequestOf(pull: Pull): PullRequest {
  const merged = pull.merged === true;
  return {
    number: pull.number,
    url: pull.html_url,
    title: withoutPrefix(giteaDrafts, pull.title),
    body: pull.body ?? "",
    state: merged ? "merged" : pull.state,
    draft: isDraft(pull),
    author: pull.user?.login ?? "ghost",
    labels: (pull.labels ?? []).map(({ name }) => name),
    head: { repository: pull.head.repo?.full_name ?? "", branch: pull.head.ref, commit: pull.head.sha },
    base: { branch: pull.base.ref },
    ...(merged && pull.merge_commit_sha ? { mergeCommit: pull.merge_commit_sha } : {}),
  };
}

import { z } from "zod";
import { allPages, answered } from "../answers.ts";
import { changedTitle, draftTitle, gitlabDrafts, type TitleAndDraft, withoutPrefix } from "../draft-title.ts";
import { ForgeError } from "../errors.ts";
import { openOrFind } from "../existing.ts";
import type { Proposal, PullRequest, PullRequests } from "../forge.ts";
import { fittingTitle } from "../title.ts";
import { type GitLabClient, projectPath } from "./client.ts";
import type { Projects } from "./projects.ts";
import { requestReviewsOfUsers } from "./reviewers.ts";

const mergeRequestSchema = z.object({
  iid: z.number(),
  web_url: z.string(),
  title: z.string(),
  description: z.string().nullish(),
  state: z.enum(["opened", "closed", "locked", "merged"]),
  draft: z.boolean().optional(),
  author: z.object({ username: z.string() }).nullable(),
  labels: z.array(z.string()),
  source_project_id: z.number().nullish(),
  target_project_id: z.number(),
  source_branch: z.string(),
  target_branch: z.string(),
  sha: z.string().nullish(),
  merge_commit_sha: z.string().nullish(),
  squash_commit_sha: z.string().nullish(),
});

type MergeRequest = z.infer<typeof mergeRequestSchema>;

/** https://docs.gitlab.com/api/merge_requests/ */
export function openMergeRequests(client: GitLabClient, projects: Projects, path: string): PullRequests {
  const at = (number: number): string => `${projectPath(path)}/merge_requests/${number}`;

  const shown = async (found: MergeRequest): Promise<PullRequest> => {
    const { source_project_id: source, target_project_id: target } = found;
    const repository =
      source === target ? path : typeof source === "number" ? await projects.pathOf(source) : "";
    return pullRequestOf(found, repository);
  };

  const read = (number: number): Promise<MergeRequest> =>
    answered(client("GET", at(number)), mergeRequestSchema);

  const current = async (number: number): Promise<TitleAndDraft> => {
    const found = await read(number);
    return { title: found.title, draft: isDraft(found) };
  };

  const find = async (head: Proposal["head"], base: string): Promise<PullRequest | undefined> => {
    const source = await projects.idOf(head.repository);
    const wanted = { state: "opened", source_branch: head.branch, target_branch: base, per_page: 100 };
    const list = `${projectPath(path)}/merge_requests`;
    const all = await allPages(
      (page) => client("GET", list, { query: { ...wanted, page } }),
      z.array(mergeRequestSchema),
    );
    const found = all.find(({ source_project_id: id }) => id === source);
    return found === undefined ? undefined : pullRequestOf(found, head.repository);
  };

  const open = async ({ title, body, head, base, draft = false }: Proposal): Promise<PullRequest> => {
    // It is opened from where the branch is, and names by number where it goes.
    const asked = client("POST", `${projectPath(head.repository)}/merge_requests`, {
      body: {
        source_branch: head.branch,
        target_branch: base,
        target_project_id: await projects.idOf(path),
        title: draftTitle(gitlabDrafts, fittingTitle("gitlab", title), draft),
        description: body,
      },
    });
    return pullRequestOf(await answered(asked, mergeRequestSchema), head.repository);
  };

  const fitting = (title: string | undefined): string | undefined =>
    title === undefined ? undefined : fittingTitle("gitlab", title);

  return {
    find,
    async read(number) {
      return shown(await read(number));
    },
    open: (proposal) => openOrFind(open, find, proposal),
    async update(number, { title, body, draft, labels }) {
      const change = {
        ...(await changedTitle(gitlabDrafts, { title: fitting(title), draft }, () => current(number))),
        ...(body === undefined ? {} : { description: body }),
        ...(labels === undefined ? {} : { labels: listOf(labels) }),
      };
      if (Object.keys(change).length === 0) return shown(await read(number));
      return shown(await answered(client("PUT", at(number), { body: change }), mergeRequestSchema));
    },
    requestReviews: (number, reviewers) => requestReviewsOfUsers(client, at(number), reviewers),
  };
}

/** Labels go as one text, with commas between them. */
function listOf(labels: readonly string[]): string {
  const split = labels.find((label) => label.includes(","));
  if (split === undefined) return labels.join(",");
  throw new ForgeError("refused", `GitLab has no labels with a comma: ${JSON.stringify(split)}`);
}

function isDraft({ title, draft }: MergeRequest): boolean {
  return draft ?? gitlabDrafts.read.test(title);
}

function pullRequestOf(found: MergeRequest, repository: string): PullRequest {
  const { state, sha } = found;
  // A fast-forward has no commit of its own.
  const mergeCommit = found.merge_commit_sha ?? found.squash_commit_sha ?? sha;
  return {
    number: found.iid,
    url: found.web_url,
    title: withoutPrefix(gitlabDrafts, found.title),
    body: found.description ?? "",
    // Locked is one that is being merged.
    state: state === "opened" || state === "locked" ? "open" : state,
    draft: isDraft(found),
    author: found.author?.username ?? "ghost",
    labels: found.labels,
    head: { repository, branch: found.source_branch, commit: sha ?? "" },
    base: { branch: found.target_branch },
    ...(state === "merged" && mergeCommit ? { mergeCommit } : {}),
  };
}

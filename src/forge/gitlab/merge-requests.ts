import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { ForgeError } from "../errors.ts";
import { openOrFind } from "../existing.ts";
import type { Proposal, PullRequest, PullRequests } from "../forge.ts";
import { checkedPath } from "../remote.ts";
import { changedTitle, isDraft, sentTitle, withoutMark } from "../title.ts";
import type { Projects } from "./forge.ts";
import { requestReviewsOfUsers } from "./reviewers.ts";

const mergeRequestSchema = z.object({
  iid: z.number(),
  web_url: z.string(),
  title: z.string(),
  description: z.nullish(z.string()),
  state: z.enum(["opened", "closed", "locked", "merged"]),
  draft: z.optional(z.boolean()),
  author: z.nullable(z.object({ username: z.string() })),
  labels: z.array(z.string()),
  source_project_id: z.nullish(z.number()),
  target_project_id: z.number(),
  source_branch: z.string(),
  target_branch: z.string(),
  sha: z.nullish(z.string()),
  merge_commit_sha: z.nullish(z.string()),
  squash_commit_sha: z.nullish(z.string()),
  // Of a single one: lists are without it.
  diff_refs: z.nullish(z.object({ base_sha: z.nullish(z.string()) })),
  updated_at: z.string(),
  has_conflicts: z.nullish(z.boolean()),
  discussion_locked: z.nullish(z.boolean()),
});

type MergeRequest = z.infer<typeof mergeRequestSchema>;

const all = "/projects/{id}/merge_requests";
const one = `${all}/{iid}`;

/** https://docs.gitlab.com/api/merge_requests/ */
export function openMergeRequests(client: ForgeClient, projects: Projects, path: string): PullRequests {
  const at = (iid: number) => ({ id: checkedPath(path), iid });
  const read = async (number: number): Promise<MergeRequest> =>
    client.ask(`GET ${one}`, at(number), mergeRequestSchema);

  const shown = async (found: MergeRequest): Promise<PullRequest> => {
    const { source_project_id: source, target_project_id: target } = found;
    const repository =
      source === target ? path : typeof source === "number" ? await projects.pathOf(source) : "";
    return pullRequestOf(found, repository);
  };

  const find = async (head: Proposal["head"], base: string): Promise<PullRequest | undefined> => {
    const source = await projects.idOf(head.repository);
    const wanted = { state: "opened", source_branch: head.branch, target_branch: base };
    const list = await client.list(`GET ${all}`, { id: checkedPath(path), ...wanted }, mergeRequestSchema);
    const found = list.find(({ source_project_id: id }) => id === source);
    return found && pullRequestOf(found, head.repository);
  };

  const open = async ({ title, body, head, base, draft = false }: Proposal): Promise<PullRequest> => {
    // It is opened from where the branch is, and names by number where it goes.
    const asked = {
      id: checkedPath(head.repository),
      source_branch: head.branch,
      target_branch: base,
      target_project_id: await projects.idOf(path),
      title: sentTitle("gitlab", title, draft),
      description: body,
    };
    return pullRequestOf(await client.ask(`POST ${all}`, asked, mergeRequestSchema), head.repository);
  };

  return {
    find,
    async listOpen(etag) {
      const asked = { id: checkedPath(path), state: "opened" };
      const listed = await client.listUnless(`GET ${all}`, asked, mergeRequestSchema, etag);
      if (listed === "unchanged") return listed;
      const pulls: PullRequest[] = [];
      for (const found of listed.items) pulls.push(await shown(found));
      return { pulls, etag: listed.etag };
    },
    async read(number) {
      return shown(await read(number));
    },
    open: (proposal) => openOrFind(open, find, proposal),
    async update(number, { title, body, draft, labels }) {
      const change = {
        title: await changedTitle("gitlab", { title, draft }, () => read(number)),
        description: body,
        labels: labels && listOf(labels),
      };
      if (Object.values(change).every((value) => value === undefined)) return shown(await read(number));
      return shown(await client.ask(`PUT ${one}`, { ...at(number), ...change }, mergeRequestSchema));
    },
    requestReviews: async (number, reviewers) => requestReviewsOfUsers(client, at(number), reviewers),
  };
}

/** Labels go as one text, with commas between them. */
function listOf(labels: readonly string[]): string {
  const split = labels.find((label) => label.includes(","));
  if (split === undefined) return labels.join(",");
  throw new ForgeError("refused", `GitLab has no labels with a comma: ${JSON.stringify(split)}`);
}

function pullRequestOf(found: MergeRequest, repository: string): PullRequest {
  const { state, sha } = found;
  // A fast-forward has no commit of its own.
  const mergeCommit = found.merge_commit_sha ?? found.squash_commit_sha ?? sha;
  return {
    number: found.iid,
    url: found.web_url,
    title: withoutMark("gitlab", found.title),
    body: found.description ?? "",
    // Locked is one that is being merged.
    state: state === "opened" || state === "locked" ? "open" : state,
    draft: isDraft("gitlab", found),
    author: found.author?.username ?? "ghost",
    labels: found.labels,
    head: { repository, branch: found.source_branch, commit: sha ?? "" },
    base: { branch: found.target_branch, commit: found.diff_refs?.base_sha ?? undefined },
    mergeCommit: (state === "merged" && mergeCommit) || undefined,
    hasConflicts: found.has_conflicts ?? undefined,
    isLocked: found.discussion_locked ?? undefined,
    updatedAt: found.updated_at,
  };
}

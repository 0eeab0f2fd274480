import { z } from "zod";
import { allPages, answered } from "../answers.ts";
import { putComment } from "../comment.ts";
import type { Comment, Conversation } from "../forge.ts";
import { type PullRequestReview, standingApprovals } from "../last-word.ts";
import { ownerAndName } from "../remote.ts";
import type { GitHubClient } from "./client.ts";

const commentSchema = z.object({
  id: z.number(),
  user: z.object({ login: z.string() }).nullable(),
  body: z.string().nullish(),
  created_at: z.string(),
});

const reviewSchema = z.object({
  user: z.object({ login: z.string() }).nullable(),
  state: z.string(),
  commit_id: z.string().nullish(),
  submitted_at: z.string().nullish(),
});

/** https://docs.github.com/rest/issues/comments and https://docs.github.com/rest/pulls/reviews */
export function openConversation(
  client: GitHubClient,
  path: string,
  user: () => Promise<string>,
): Conversation {
  const repository = (): { owner: string; repo: string } => ownerAndName(path);

  const comments = async (number: number): Promise<readonly Comment[]> => {
    const found = await allPages(
      (page) =>
        client("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
          ...repository(),
          ...{ issue_number: number, per_page: 100, page },
        }),
      z.array(commentSchema),
    );
    return found.map(commentOf);
  };

  return {
    comments,
    async put(number, marker, body) {
      const box = {
        list: () => comments(number),
        async post(text: string) {
          const asked = { ...repository(), issue_number: number, body: text };
          const route = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
          return commentOf(await answered(client(route, asked), commentSchema));
        },
        async edit(id: string, text: string) {
          const asked = { ...repository(), comment_id: Number(id), body: text };
          const route = "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}";
          return commentOf(await answered(client(route, asked), commentSchema));
        },
      };
      return putComment(box, await user(), marker, body);
    },
    async approvals(number) {
      const reviews = await allPages(
        (page) =>
          client("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", {
            ...repository(),
            ...{ pull_number: number, per_page: 100, page },
          }),
        z.array(reviewSchema),
      );
      return standingApprovals(reviews.flatMap(reviewOf));
    },
  };
}

/** A remark takes nothing back, and is left out. */
function reviewOf({
  user,
  state,
  commit_id: commit,
  submitted_at: at,
}: z.infer<typeof reviewSchema>): PullRequestReview[] {
  if (user === null || !/^(?:APPROVED|CHANGES_REQUESTED|DISMISSED)$/.test(state)) return [];
  return [{ user: user.login, says: state === "APPROVED" ? "approved" : "withdrawn", commit, at }];
}

function commentOf(comment: z.infer<typeof commentSchema>): Comment {
  return {
    id: String(comment.id),
    author: comment.user?.login ?? "ghost",
    body: comment.body ?? "",
    createdAt: comment.created_at,
  };
}

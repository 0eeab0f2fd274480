import { z } from "zod";
import { allPages, answered } from "../answers.ts";
import { putComment } from "../comment.ts";
import type { Comment, Conversation } from "../forge.ts";
import { type PullRequestReview, standingApprovals } from "../last-word.ts";
import { type GiteaClient, ownerThenName } from "./client.ts";

const commentSchema = z.object({
  id: z.number(),
  user: z.object({ login: z.string() }).nullish(),
  body: z.string(),
  created_at: z.string(),
});

const reviewSchema = z.object({
  user: z.object({ login: z.string() }).nullish(),
  state: z.string(),
  dismissed: z.boolean().optional(),
  commit_id: z.string().nullish(),
  submitted_at: z.string().nullish(),
});

/** Comments and reviews of Gitea and Forgejo. */
export function openConversation(
  client: GiteaClient,
  path: string,
  user: () => Promise<string>,
): Conversation {
  const here = (): readonly [string, string] => ownerThenName(path);

  const comments = async (number: number): Promise<readonly Comment[]> => {
    // All of them at once: this list has no pages.
    const found = await answered(client.repos.issueGetComments(...here(), number), z.array(commentSchema));
    return found.map(commentOf);
  };

  return {
    comments,
    async put(number, marker, body) {
      const box = {
        list: () => comments(number),
        async post(text: string) {
          const asked = client.repos.issueCreateComment(...here(), number, { body: text });
          return commentOf(await answered(asked, commentSchema));
        },
        async edit(id: string, text: string) {
          const asked = client.repos.issueEditComment(...here(), Number(id), { body: text });
          return commentOf(await answered(asked, commentSchema));
        },
      };
      return putComment(box, await user(), marker, body);
    },
    async approvals(number) {
      const reviews = await allPages(
        (page) => client.repos.repoListPullReviews(...here(), number, { limit: 50, page }),
        z.array(reviewSchema),
      );
      return standingApprovals(reviews.flatMap(reviewOf));
    },
  };
}

/**
 * A remark takes nothing back, and is left out. An approval of an older commit stands, as on the other forges, and names the
 * commit.
 */
function reviewOf(review: z.infer<typeof reviewSchema>): PullRequestReview[] {
  const { user, state, dismissed, commit_id: commit, submitted_at: at } = review;
  if (!user || !/^(?:APPROVED|REQUEST_CHANGES)$/.test(state)) return [];
  const stands = state === "APPROVED" && dismissed !== true;
  return [{ user: user.login, says: stands ? "approved" : "withdrawn", commit, at }];
}

function commentOf(comment: z.infer<typeof commentSchema>): Comment {
  return {
    id: String(comment.id),
    author: comment.user?.login ?? "ghost",
    body: comment.body,
    createdAt: comment.created_at,
  };
}

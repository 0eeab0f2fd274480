import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { isNameOfBot, isOtherTime, putComment } from "../comment.ts";
import type { Approval, Comment, Conversation } from "../forge.ts";
import { ownerAndName } from "../remote.ts";

const userSchema = z.nullish(z.object({ login: z.string(), type: z.nullish(z.string()) }));

const commentSchema = z.object({
  id: z.number(),
  user: userSchema,
  body: z.nullish(z.string()),
  created_at: z.string(),
  updated_at: z.nullish(z.string()),
});

const reviewSchema = z.object({
  user: userSchema,
  state: z.string(),
  // Gitea's: GitHub makes a state of it.
  dismissed: z.optional(z.boolean()),
  commit_id: z.nullish(z.string()),
  submitted_at: z.nullish(z.string()),
});

/** https://docs.github.com/rest/issues/comments and https://docs.github.com/rest/pulls/reviews */
export function openConversation(
  client: ForgeClient,
  path: string,
  user: () => Promise<string>,
): Conversation {
  const comments = async (number: number): Promise<readonly Comment[]> => {
    const route = "GET /repos/{owner}/{repo}/issues/{number}/comments";
    return (await client.list(route, { ...ownerAndName(path), number }, commentSchema)).map(commentOf);
  };
  return {
    comments,
    async put(number, marker, body) {
      const write = async (id: string | undefined, text: string): Promise<Comment> => {
        const route =
          id === undefined
            ? "POST /repos/{owner}/{repo}/issues/{number}/comments"
            : "PATCH /repos/{owner}/{repo}/issues/comments/{id}";
        const about = id === undefined ? { number } : { id };
        return commentOf(
          await client.ask(route, { ...ownerAndName(path), ...about, body: text }, commentSchema),
        );
      };
      return putComment(await comments(number), await user(), marker, body, write);
    },
    async approvals(number) {
      const route = "GET /repos/{owner}/{repo}/pulls/{number}/reviews";
      return standingApprovals(await client.list(route, { ...ownerAndName(path), number }, reviewSchema));
    },
  };
}

/**
 * The approvals that stand, of reviews that come oldest first: the last word of each counts. A remark takes nothing back, and is
 * left out. An approval of an older commit stands, and names the commit.
 */
function standingApprovals(reviews: readonly z.infer<typeof reviewSchema>[]): readonly Approval[] {
  const last = new Map<string, Approval | undefined>();
  for (const { user, state, dismissed, commit_id: commit, submitted_at: at } of reviews) {
    if (!user || !/^(?:APPROVED|CHANGES_REQUESTED|REQUEST_CHANGES|DISMISSED)$/.test(state)) continue;
    const stands = state === "APPROVED" && dismissed !== true;
    last.delete(user.login);
    last.set(
      user.login,
      stands ? { user: user.login, commit: commit || undefined, at: at || undefined } : undefined,
    );
  }
  return [...last.values()].filter((approval) => approval !== undefined);
}

function commentOf(comment: z.infer<typeof commentSchema>): Comment {
  return {
    id: String(comment.id),
    author: comment.user?.login ?? "ghost",
    body: comment.body ?? "",
    createdAt: comment.created_at,
    isByBot: comment.user?.type === "Bot" || isNameOfBot(comment.user?.login ?? ""),
    isEdited: isOtherTime(comment.created_at, comment.updated_at),
  };
}

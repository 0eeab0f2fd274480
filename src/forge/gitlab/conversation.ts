import { z } from "zod";
import { allPages, answered } from "../answers.ts";
import { putComment } from "../comment.ts";
import type { Comment, Conversation } from "../forge.ts";
import { type GitLabClient, projectPath } from "./client.ts";

const noteSchema = z.object({
  id: z.number(),
  author: z.object({ username: z.string() }).nullable(),
  body: z.string(),
  created_at: z.string(),
  system: z.boolean().optional(),
});

const approvalsSchema = z.object({
  approved_by: z.array(
    z.object({ user: z.object({ username: z.string() }), approved_at: z.string().nullish() }),
  ),
});

/** https://docs.gitlab.com/api/notes/ and https://docs.gitlab.com/api/merge_request_approvals/ */
export function openConversation(
  client: GitLabClient,
  path: string,
  user: () => Promise<string>,
): Conversation {
  const at = (number: number): string => `${projectPath(path)}/merge_requests/${number}`;

  const comments = async (number: number): Promise<readonly Comment[]> => {
    const query = { sort: "asc", order_by: "created_at", per_page: 100 };
    const notes = await allPages(
      (page) => client("GET", `${at(number)}/notes`, { query: { ...query, page } }),
      z.array(noteSchema),
    );
    // What GitLab itself remarks, such as that somebody has pushed, is no comment.
    return notes.filter(({ system }) => system !== true).map(commentOf);
  };

  return {
    comments,
    async put(number, marker, body) {
      const notes = `${at(number)}/notes`;
      const box = {
        list: () => comments(number),
        async post(text: string) {
          return commentOf(await answered(client("POST", notes, { body: { body: text } }), noteSchema));
        },
        async edit(id: string, text: string) {
          return commentOf(
            await answered(client("PUT", `${notes}/${id}`, { body: { body: text } }), noteSchema),
          );
        },
      };
      return putComment(box, await user(), marker, body);
    },
    async approvals(number) {
      const { approved_by: approved } = await answered(
        client("GET", `${at(number)}/approvals`),
        approvalsSchema,
      );
      return approved.map(({ user: { username }, approved_at: time }) => ({
        user: username,
        ...(time ? { at: time } : {}),
      }));
    },
  };
}

function commentOf(note: z.infer<typeof noteSchema>): Comment {
  return {
    id: String(note.id),
    author: note.author?.username ?? "ghost",
    body: note.body,
    createdAt: note.created_at,
  };
}

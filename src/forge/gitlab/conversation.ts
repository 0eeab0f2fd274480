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

const versionSchema = z.object({ head_commit_sha: z.string(), created_at: z.string() });

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

  const versionsOf = (number: number): Promise<readonly Version[]> =>
    allPages(
      (page) => client("GET", `${at(number)}/versions`, { query: { per_page: 100, page } }),
      z.array(versionSchema),
    );

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
      const times = approved.flatMap(({ approved_at: time }) => time ?? []);
      const versions = times.length === 0 ? [] : await versionsOf(number);
      return approved.map(({ user: { username }, approved_at: time }) => {
        if (!time) return { user: username };
        const commit = commitAt(versions, time);
        return { user: username, at: time, ...(commit === undefined ? {} : { commit }) };
      });
    },
  };
}

type Version = z.infer<typeof versionSchema>;

/**
 * What a merge request stood at when it was approved: GitLab does not say that of an approval, but when it was given, and
 * when each version was pushed. https://docs.gitlab.com/api/merge_requests/#get-merge-request-diff-versions
 */
function commitAt(versions: readonly Version[], time: string): string | undefined {
  const approved = Date.parse(time);
  const before = versions
    .map((version) => ({ commit: version.head_commit_sha, pushed: Date.parse(version.created_at) }))
    .filter(({ pushed }) => pushed <= approved);
  return before.sort((one, other) => other.pushed - one.pushed)[0]?.commit;
}

function commentOf(note: z.infer<typeof noteSchema>): Comment {
  return {
    id: String(note.id),
    author: note.author?.username ?? "ghost",
    body: note.body,
    createdAt: note.created_at,
  };
}

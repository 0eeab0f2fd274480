import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { isNameOfBot, isOtherTime, putComment } from "../comment.ts";
import type { Comment, Conversation } from "../forge.ts";
import { checkedPath } from "../remote.ts";

const noteSchema = z.object({
  id: z.number(),
  author: z.nullable(z.object({ username: z.string() })),
  body: z.string(),
  created_at: z.string(),
  updated_at: z.nullish(z.string()),
  system: z.optional(z.boolean()),
});

const approvalsSchema = z.object({
  approved_by: z.array(
    z.object({ user: z.object({ username: z.string() }), approved_at: z.nullish(z.string()) }),
  ),
});

const versionSchema = z.object({ head_commit_sha: z.string(), created_at: z.string() });

const mergeRequest = "/projects/{id}/merge_requests/{iid}";

/** https://docs.gitlab.com/api/notes/ and https://docs.gitlab.com/api/merge_request_approvals/ */
export function openConversation(
  client: ForgeClient,
  path: string,
  user: () => Promise<string>,
): Conversation {
  const at = (iid: number) => ({ id: checkedPath(path), iid });

  const comments = async (number: number): Promise<readonly Comment[]> => {
    const values = { ...at(number), sort: "asc", order_by: "created_at" };
    const notes = await client.list(`GET ${mergeRequest}/notes`, values, noteSchema);
    // What GitLab itself remarks, such as that somebody has pushed, is no comment.
    return notes.filter(({ system }) => system !== true).map(commentOf);
  };

  return {
    comments,
    async put(number, marker, body) {
      const write = async (note: string | undefined, text: string): Promise<Comment> => {
        const route = note === undefined ? `POST ${mergeRequest}/notes` : `PUT ${mergeRequest}/notes/{note}`;
        return commentOf(await client.ask(route, { ...at(number), note, body: text }, noteSchema));
      };
      return putComment(await comments(number), await user(), marker, body, write);
    },
    async approvals(number) {
      const route = `GET ${mergeRequest}/approvals`;
      const { approved_by: approved } = await client.ask(route, at(number), approvalsSchema);
      const isTimed = approved.some(({ approved_at: time }) => time);
      const versions = isTimed
        ? await client.list(`GET ${mergeRequest}/versions`, at(number), versionSchema)
        : [];
      return approved.map(({ user: { username }, approved_at: time }) =>
        time ? { user: username, at: time, commit: commitAt(versions, time) } : { user: username },
      );
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
    isByBot: isNameOfBot(note.author?.username ?? ""),
    isEdited: isOtherTime(note.created_at, note.updated_at),
  };
}

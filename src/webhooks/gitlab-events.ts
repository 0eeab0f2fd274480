import * as z from "zod/mini";
import {
  addressesOf,
  commentId,
  name,
  nothingSaid,
  type PayloadContent,
  pullNumber,
  type Reader,
  reader,
  text,
} from "./forge-events.ts";

const project = z.object({ git_http_url: text, git_ssh_url: text, web_url: text });

function inProject({ git_http_url, git_ssh_url, web_url }: z.infer<typeof project>): PayloadContent {
  return { ...nothingSaid, repositoryUrls: addressesOf([git_http_url, web_url, git_ssh_url]) };
}

const push = reader(z.object({ ref: name, project }), (found) => ({
  ...inProject(found.project),
  refs: [found.ref],
}));

/** What a system hook tells of a push: all its refs at once. */
const update = reader(z.object({ refs: z.array(name), project }), (found) => ({
  ...inProject(found.project),
  refs: found.refs,
}));

const mergeRequest = reader(
  z.object({ object_attributes: z.object({ iid: pullNumber }), project }),
  (found) => ({
    ...inProject(found.project),
    pull: found.object_attributes.iid,
  }),
);

/** Servers before 16.11 tell of new notes alone, and name no action. What GitLab itself remarks is no comment. */
const note = reader(
  z.object({
    object_attributes: z.object({
      id: commentId,
      noteable_type: text,
      action: text,
      system: z.nullish(z.boolean()),
    }),
    merge_request: z.nullish(z.object({ iid: pullNumber })),
    project,
  }),
  (found) => {
    const { id, noteable_type: type, action, system } = found.object_attributes;
    const isNew = (action ?? "create") === "create" && system !== true;
    if (type !== "MergeRequest" || !found.merge_request || !isNew) return nothingSaid;
    return { ...inProject(found.project), pull: found.merge_request.iid, comment: { id: String(id) } };
  },
);

/** By `object_kind`, or `event_name` of a system hook: https://docs.gitlab.com/user/project/integrations/webhook_events/ */
export const gitlabEvents: ReadonlyMap<string, Reader> = new Map(
  Object.entries({
    push,
    tag_push: push,
    repository_update: update,
    merge_request: mergeRequest,
    note,
  }),
);

/** What a payload says that it is: the header names all system hooks alike. */
export const gitlabKind = z.object({
  object_kind: text,
  event_name: text,
});

import { z } from "zod";
import { answered } from "../answers.ts";
import type { Forge, ForgeRepository } from "../forge.ts";
import type { Wire } from "../wire.ts";
import { openClient, ownerAndName } from "./client.ts";
import { openConversation } from "./conversation.ts";
import { openPullRequests } from "./pull-requests.ts";
import { openStatuses } from "./statuses.ts";

const userSchema = z.object({ login: z.string() });

const repositorySchema = z.object({
  full_name: z.string(),
  default_branch: z.string(),
  clone_url: z.string(),
  ssh_url: z.string(),
  html_url: z.string(),
  parent: z.object({ full_name: z.string() }).nullish(),
  permissions: z.object({ push: z.boolean() }).nullish(),
});

/** What a Gitea or Forgejo is asked. */
export function openGitea(api: string, wire: Wire): Pick<Forge, "user" | "repository" | "project"> {
  const client = openClient(api, wire);
  const user = async (): Promise<string> => (await answered(client.user.userGetCurrent(), userSchema)).login;
  return {
    user,
    async repository(path) {
      return repositoryOf(await answered(client.repos.repoGet(...ownerAndName(path)), repositorySchema));
    },
    project: (path) => ({
      path,
      pullRequests: openPullRequests(client, path),
      conversation: openConversation(client, path, user),
      statuses: openStatuses(client, path),
    }),
  };
}

function repositoryOf(found: z.infer<typeof repositorySchema>): ForgeRepository {
  const { parent, permissions } = found;
  return {
    path: found.full_name,
    defaultBranch: found.default_branch,
    cloneUrl: found.clone_url,
    sshUrl: found.ssh_url,
    webUrl: found.html_url,
    ...(parent ? { forkOf: parent.full_name } : {}),
    ...(permissions ? { mayPush: permissions.push } : {}),
  };
}

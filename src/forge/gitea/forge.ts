import { z } from "zod";
import { answered } from "../answers.ts";
import type { Forge } from "../forge.ts";
import { repositoryOf, repositorySchema } from "../repository-answer.ts";
import type { Wire } from "../wire.ts";
import { openClient, ownerThenName } from "./client.ts";
import { openConversation } from "./conversation.ts";
import { openPullRequests } from "./pull-requests.ts";
import { openStatuses } from "./statuses.ts";

const userSchema = z.object({ login: z.string() });

/** What a Gitea or Forgejo is asked. */
export function openGitea(api: string, wire: Wire): Pick<Forge, "user" | "repository" | "project"> {
  const client = openClient(api, wire);
  const user = async (): Promise<string> => (await answered(client.user.userGetCurrent(), userSchema)).login;
  return {
    user,
    async repository(path) {
      return repositoryOf(await answered(client.repos.repoGet(...ownerThenName(path)), repositorySchema));
    },
    project: (path) => ({
      path,
      pullRequests: openPullRequests(client, path),
      conversation: openConversation(client, path, user),
      statuses: openStatuses(client, path),
    }),
  };
}

import { z } from "zod";
import { answered } from "../answers.ts";
import { ForgeError } from "../errors.ts";
import type { Forge } from "../forge.ts";
import { ownerAndName } from "../remote.ts";
import { repositoryOf, repositorySchema } from "../repository-answer.ts";
import type { Wire } from "../wire.ts";
import { type GitHubClient, graphql, openClient } from "./client.ts";
import { openConversation } from "./conversation.ts";
import { openPullRequests } from "./pull-requests.ts";
import { openStatuses } from "./statuses.ts";

const userSchema = z.object({ login: z.string() });
const viewerSchema = z.object({ viewer: userSchema });

/** What a GitHub is asked. */
export function openGitHub(api: string, wire: Wire): Pick<Forge, "user" | "repository" | "project"> {
  const client = openClient(api, wire);
  const user = (): Promise<string> => userOf(client, api);
  return {
    user,
    async repository(path) {
      const found = await answered(client("GET /repos/{owner}/{repo}", ownerAndName(path)), repositorySchema);
      return repositoryOf(found);
    },
    project: (path) => ({
      path,
      pullRequests: openPullRequests(client, api, path),
      conversation: openConversation(client, path, user),
      statuses: openStatuses(client, path),
    }),
  };
}

/** The token of a workflow may not ask for its user, and is told by the other API. */
async function userOf(client: GitHubClient, api: string): Promise<string> {
  try {
    return (await answered(client("GET /user"), userSchema)).login;
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code !== "forbidden") throw error;
    const viewer = viewerSchema.safeParse(await graphql(client, api, "query { viewer { login } }", {}));
    if (!viewer.success) throw error;
    return viewer.data.viewer.login;
  }
}

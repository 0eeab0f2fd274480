import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { ForgeError } from "../errors.ts";
import type { Forge, ForgeKind } from "../forge.ts";
import { ownerAndName } from "../remote.ts";
import { openConversation } from "./conversation.ts";
import { graphql } from "./graphql.ts";
import { openHooks } from "./hooks.ts";
import { accountOf, isMemberOf, permissionOf } from "./people.ts";
import { openPullRequests } from "./pull-requests.ts";
import { openStatuses } from "./statuses.ts";

/** GitHub, and those whose API is made after its own: what they are asked is the same but for a few things. */
export type GitHubKind = Exclude<ForgeKind, "gitlab">;

const userSchema = z.object({ login: z.string() });
const viewerSchema = z.object({ viewer: userSchema });
const repositorySchema = z.object({
  full_name: z.string(),
  default_branch: z.string(),
  clone_url: z.string(),
  ssh_url: z.string(),
  html_url: z.string(),
  parent: z.nullish(z.object({ full_name: z.string() })),
  permissions: z.nullish(z.object({ push: z.boolean() })),
});

/** What a GitHub is asked, a Gitea or a Forgejo. */
export function openGitHub(
  client: ForgeClient,
  kind: GitHubKind,
  api: string,
  asApp?: ForgeClient,
): Pick<Forge, "user" | "repository" | "project" | "isMember" | "accountOf"> {
  const user = async (): Promise<string> => {
    try {
      return (await client.ask("GET /user", {}, userSchema)).login;
    } catch (error) {
      if (kind !== "github" || !(error instanceof ForgeError) || error.code !== "forbidden") throw error;
      // The token of a workflow may not ask for its user, and is told by the other API.
      const viewer = viewerSchema.safeParse(await graphql(client, api, "query { viewer { login } }", {}));
      if (!viewer.success) throw error;
      return viewer.data.viewer.login;
    }
  };
  return {
    user,
    async repository(path) {
      const found = await client.ask("GET /repos/{owner}/{repo}", ownerAndName(path), repositorySchema);
      return {
        path: found.full_name,
        defaultBranch: found.default_branch,
        cloneUrl: found.clone_url,
        sshUrl: found.ssh_url,
        webUrl: found.html_url,
        forkOf: found.parent?.full_name,
        mayPush: found.permissions?.push,
      };
    },
    project: (path) => ({
      path,
      pullRequests: openPullRequests(client, kind, api, path),
      conversation: openConversation(client, path, user),
      statuses: openStatuses(client, kind, path),
      hooks: openHooks(client, kind, path, asApp),
      permission: (name) => permissionOf(client, path, name),
    }),
    accountOf: (name) => accountOf(client, name),
    isMember: (name, group) => isMemberOf(client, kind, name, group, user),
  };
}

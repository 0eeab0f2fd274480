import { z } from "zod";
import type { ForgeRepository } from "./forge.ts";

/** A repository as GitHub describes it, and Gitea after it. */
export const repositorySchema = z.object({
  full_name: z.string(),
  default_branch: z.string(),
  clone_url: z.string(),
  ssh_url: z.string(),
  html_url: z.string(),
  parent: z.object({ full_name: z.string() }).nullish(),
  permissions: z.object({ push: z.boolean() }).nullish(),
});

export function repositoryOf(found: z.infer<typeof repositorySchema>): ForgeRepository {
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

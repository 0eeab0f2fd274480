import { z } from "zod";
import type { ForgeClient } from "../client.ts";
import type { Forge } from "../forge.ts";
import { openConversation } from "./conversation.ts";
import { openMergeRequests } from "./merge-requests.ts";
import { openProjects } from "./projects.ts";
import { openStatuses } from "./statuses.ts";

const userSchema = z.object({ username: z.string() });

/** What a GitLab is asked. Projects go by their paths, as they are checked. */
export function openGitLab(client: ForgeClient): Pick<Forge, "user" | "repository" | "project"> {
  const projects = openProjects(client);
  const user = async (): Promise<string> => (await client.ask("GET /user", {}, userSchema)).username;
  return {
    user,
    repository: projects.repository,
    project: (path) => ({
      path,
      pullRequests: openMergeRequests(client, projects, path),
      conversation: openConversation(client, path, user),
      statuses: openStatuses(client, path),
    }),
  };
}

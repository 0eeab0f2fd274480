import { z } from "zod";
import { answered } from "../answers.ts";
import type { Forge } from "../forge.ts";
import type { Wire } from "../wire.ts";
import { openClient } from "./client.ts";
import { openConversation } from "./conversation.ts";
import { openMergeRequests } from "./merge-requests.ts";
import { openProjects } from "./projects.ts";
import { openStatuses } from "./statuses.ts";

const userSchema = z.object({ username: z.string() });

/** What a GitLab is asked. */
export function openGitLab(api: string, wire: Wire): Pick<Forge, "user" | "repository" | "project"> {
  const client = openClient(api, wire);
  const projects = openProjects(client);
  const user = async (): Promise<string> => (await answered(client("GET", "/user"), userSchema)).username;
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

import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { ForgeError } from "../errors.ts";
import type { Forge, ForgeRepository } from "../forge.ts";
import { isName } from "../people.ts";
import { checkedPath } from "../remote.ts";
import { openConversation } from "./conversation.ts";
import { openHooks } from "./hooks.ts";
import { openMergeRequests } from "./merge-requests.ts";
import { isMemberOf, permissionOf } from "./people.ts";
import { userIdOf } from "./reviewers.ts";
import { openStatuses } from "./statuses.ts";

const userSchema = z.object({ username: z.string() });

/** What a GitLab is asked. Projects go by their paths, as they are checked. */
export function openGitLab(
  client: ForgeClient,
): Pick<Forge, "user" | "repository" | "project" | "isMember" | "accountOf"> {
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
      hooks: openHooks(client, path),
      permission: (name) => permissionOf(client, path, name),
    }),
    accountOf: async (name) => (isName(name) ? (await userIdOf(client, name))?.toString() : undefined),
    isMember: (name, group) => isMemberOf(client, name, group),
  };
}

const access = z.nullish(z.object({ access_level: z.number() }));

const projectSchema = z.object({
  id: z.number(),
  path_with_namespace: z.string(),
  default_branch: z.nullish(z.string()),
  http_url_to_repo: z.string(),
  ssh_url_to_repo: z.string(),
  web_url: z.string(),
  forked_from_project: z.nullish(z.object({ path_with_namespace: z.string() })),
  permissions: z.nullish(z.object({ project_access: access, group_access: access })),
});

type Project = z.infer<typeof projectSchema>;

/** Developer: the least role that may push (https://docs.gitlab.com/user/permissions/). */
const mayPushFrom = 30;

/** Projects by path and by number: merge requests name them by number alone. */
export interface Projects {
  repository(path: string): Promise<ForgeRepository>;
  /** @throws {ForgeError} `not-found`. */
  idOf(path: string): Promise<number>;
  /** The path of a project; empty for one that was deleted, or that the token may not see. */
  pathOf(id: number): Promise<string>;
}

/** Projects keep their numbers, so that each is asked for once. */
export function openProjects(client: ForgeClient): Projects {
  const ids = new Map<string, number>();
  const paths = new Map<number, string>();

  const read = async (id: string | number): Promise<Project> => {
    const project = await client.ask("GET /projects/{id}", { id }, projectSchema);
    ids.set(project.path_with_namespace.toLowerCase(), project.id);
    paths.set(project.id, project.path_with_namespace);
    return project;
  };

  return {
    async repository(path) {
      return repositoryOf(await read(checkedPath(path)));
    },
    async idOf(path) {
      return ids.get(path.toLowerCase()) ?? (await read(checkedPath(path))).id;
    },
    async pathOf(id) {
      const known = paths.get(id);
      if (known !== undefined) return known;
      try {
        return (await read(id)).path_with_namespace;
      } catch (error) {
        if (error instanceof ForgeError && error.code === "not-found") return "";
        throw error;
      }
    },
  };
}

function repositoryOf(project: Project): ForgeRepository {
  const { forked_from_project: origin, permissions } = project;
  const levels = [permissions?.project_access, permissions?.group_access].map(
    (held) => held?.access_level ?? 0,
  );
  return {
    path: project.path_with_namespace,
    defaultBranch: project.default_branch ?? "",
    cloneUrl: project.http_url_to_repo,
    sshUrl: project.ssh_url_to_repo,
    webUrl: project.web_url,
    forkOf: origin?.path_with_namespace,
    mayPush: permissions ? Math.max(...levels) >= mayPushFrom : undefined,
  };
}

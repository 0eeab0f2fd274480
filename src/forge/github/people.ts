import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import type { Permission } from "../forge.ts";
import { isName, unlessNotFound } from "../people.ts";
import { ownerAndName } from "../remote.ts";
import type { GitHubKind } from "./forge.ts";

const permissionSchema = z.object({ permission: z.string() });
const membershipSchema = z.object({ state: z.string() });
const teamsSchema = z.object({ data: z.array(z.object({ id: z.number(), name: z.string() })) });

/** https://docs.github.com/rest/collaborators/collaborators; what a role of an organization's own allows is rounded down by the forge. */
export async function permissionOf(client: ForgeClient, path: string, username: string): Promise<Permission> {
  if (!isName(username)) return "none";
  const route = "GET /repos/{owner}/{repo}/collaborators/{username}/permission";
  const found = await unlessNotFound(
    client.ask(route, { ...ownerAndName(path), username }, permissionSchema),
  );
  const { permission } = found ?? { permission: "none" };
  if (permission === "admin" || permission === "owner") return "admin";
  return permission === "write" || permission === "read" ? permission : "none";
}

/** Members of an organization or of one of its teams; an invitation is no membership. */
export async function isMemberOf(
  client: ForgeClient,
  kind: GitHubKind,
  username: string,
  group: string,
): Promise<boolean> {
  const [org = "", team, ...rest] = group.split("/");
  if (![username, org, ...(team === undefined ? [] : [team])].every(isName) || rest.length > 0) return false;
  if (team === undefined) {
    const asked = client.send("GET /orgs/{org}/members/{username}", { org, username });
    return (await unlessNotFound(asked.then(() => true))) ?? false;
  }
  if (kind === "github") {
    const route = "GET /orgs/{org}/teams/{team}/memberships/{username}";
    const found = await unlessNotFound(client.ask(route, { org, team, username }, membershipSchema));
    return found?.state === "active";
  }
  const search = client.ask("GET /orgs/{org}/teams/search", { org, q: team, limit: 50 }, teamsSchema);
  const teams = (await unlessNotFound(search))?.data ?? [];
  const id = teams.find(({ name }) => name.toLowerCase() === team.toLowerCase())?.id;
  if (id === undefined) return false;
  const asked = client.send("GET /teams/{id}/members/{username}", { id, username });
  return (await unlessNotFound(asked.then(() => true))) ?? false;
}

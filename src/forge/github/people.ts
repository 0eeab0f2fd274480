import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { isNameOfBot } from "../comment.ts";
import type { Permission } from "../forge.ts";
import { isName, unlessHidden, unlessNotFound } from "../people.ts";
import { ownerAndName } from "../remote.ts";
import type { GitHubKind } from "./forge.ts";

const permissionSchema = z.object({ permission: z.string() });
const membershipSchema = z.object({ state: z.string() });
const accountSchema = z.object({ id: z.number() });
const usersSchema = z.object({ data: z.array(z.object({ login: z.string() })) });
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
  self: () => Promise<string>,
): Promise<boolean | undefined> {
  const [org = "", team, ...rest] = group.split("/");
  if (![username, org, ...(team === undefined ? [] : [team])].every(isName) || rest.length > 0) return false;
  if (team === undefined) return isMemberOfOrg(client, kind, username, org, self);
  return unlessHidden(
    kind === "github"
      ? isMemberOfTeam(client, username, org, team)
      : isMemberOfTeamOfGitea(client, username, org, team),
  );
}

/** Who is no member of an organization themselves is shown those members alone who want everybody to know. */
async function isMemberOfOrg(
  client: ForgeClient,
  kind: GitHubKind,
  username: string,
  org: string,
  self: () => Promise<string>,
): Promise<boolean | undefined> {
  const isShown = async (name: string): Promise<boolean> => {
    const asked = client.send("GET /orgs/{org}/members/{username}", { org, username: name });
    return (await unlessNotFound(asked.then(() => true))) ?? false;
  };
  return unlessHidden(
    (async () => {
      if (await isShown(username)) return true;
      const isOrg = await unlessNotFound(client.send("GET /orgs/{org}", { org }).then(() => true));
      if (isOrg !== true) return kind === "github" || (await isUserOfGitea(client, org)) ? false : undefined;
      const own = await self();
      // An app that may not read members is refused, and shown all of them else.
      return isNameOfBot(own) || (await isShown(own)) ? false : undefined;
    })(),
  );
}

async function isMemberOfTeam(client: ForgeClient, username: string, org: string, team: string) {
  const route = "GET /orgs/{org}/teams/{team}/memberships/{username}";
  const found = await unlessNotFound(client.ask(route, { org, team, username }, membershipSchema));
  if (found !== undefined) return found.state === "active";
  // The same is said of teams that the token may not see.
  const isTeam = await unlessNotFound(
    client.send("GET /orgs/{org}/teams/{team}", { org, team }).then(() => true),
  );
  return isTeam === true ? false : undefined;
}

async function isMemberOfTeamOfGitea(client: ForgeClient, username: string, org: string, team: string) {
  const search = client.ask("GET /orgs/{org}/teams/search", { org, q: team, limit: 50 }, teamsSchema);
  const teams = (await unlessNotFound(search))?.data ?? [];
  const id = teams.find(({ name }) => name.toLowerCase() === team.toLowerCase())?.id;
  // Those teams alone are listed that the token's user belongs to or administers.
  if (id === undefined) return undefined;
  const asked = client.send("GET /teams/{id}/members/{username}", { id, username });
  return (await unlessNotFound(asked.then(() => true))) ?? false;
}

async function isUserOfGitea(client: ForgeClient, name: string): Promise<boolean> {
  const { data } = await client.ask("GET /users/search", { q: name, limit: 50 }, usersSchema);
  return data.some(({ login }) => login.toLowerCase() === name.toLowerCase());
}

/** https://docs.github.com/rest/users/users */
export async function accountOf(client: ForgeClient, username: string): Promise<string | undefined> {
  if (!isName(username)) return undefined;
  const found = await unlessNotFound(client.ask("GET /users/{username}", { username }, accountSchema));
  return found?.id.toString();
}

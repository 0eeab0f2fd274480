import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import type { Permission } from "../forge.ts";
import { isName, unlessHidden, unlessNotFound } from "../people.ts";
import { checkedPath } from "../remote.ts";
import { userIdOf } from "./reviewers.ts";

const memberSchema = z.object({ access_level: z.number(), state: z.nullish(z.string()) });

/** https://docs.gitlab.com/api/members/: inherited memberships count, blocked users and invitations do not. */
async function levelIn(client: ForgeClient, kind: "projects" | "groups", id: string, username: string) {
  if (!isName(username)) return 0;
  const user = await userIdOf(client, username);
  if (user === undefined) return 0;
  const asked = client.ask(`GET /${kind}/{id}/members/all/{user}`, { id, user }, memberSchema);
  const member = await unlessNotFound(asked);
  return member === undefined || (member.state ?? "active") !== "active" ? 0 : member.access_level;
}

/** By the least role that may read code, push, and administer (https://docs.gitlab.com/user/permissions/). */
export async function permissionOf(client: ForgeClient, path: string, username: string): Promise<Permission> {
  const level = await levelIn(client, "projects", checkedPath(path), username);
  if (level >= 40) return "admin";
  if (level >= 30) return "write";
  return level >= 20 ? "read" : "none";
}

/** Whether somebody is a member of a group; a group that the token may not see looks as one that is not there. */
export async function isMemberOf(
  client: ForgeClient,
  username: string,
  group: string,
): Promise<boolean | undefined> {
  if (!group.split("/").every(isName)) return false;
  return unlessHidden(
    (async () => {
      if ((await levelIn(client, "groups", group, username)) > 0) return true;
      const isGroup = await unlessNotFound(client.send("GET /groups/{id}", { id: group }).then(() => true));
      if (isGroup === true) return false;
      const isUser = !group.includes("/") && (await userIdOf(client, group)) !== undefined;
      return isUser ? false : undefined;
    })(),
  );
}

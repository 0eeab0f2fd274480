import type { Forge, ForgeProject, PullRequest } from "../forge/index.ts";
import { trustLabel } from "./decide.ts";

/** What a forge says of somebody and a repository, now. */
export interface Standing {
  readonly permission: Awaited<ReturnType<ForgeProject["permission"]>>;
  readonly isMember: boolean;
}

/** Asks what somebody may do, and whether they are a member of what the repository belongs to. @throws {ForgeError} */
export async function standingOf(
  forge: Pick<Forge, "isMember">,
  project: Pick<ForgeProject, "path" | "permission">,
  who: string,
): Promise<Standing> {
  const permission = await project.permission(who);
  if (permission === "write" || permission === "admin") return { permission, isMember: false };
  const owner = project.path.split("/").slice(0, -1).join("/");
  return { permission, isMember: await forge.isMember(who, owner) };
}

/**
 * Whether jobs may be run for a pull request: its author belongs to the repository, it is our own, or somebody who belongs there has said
 * `/ok-to-test`.
 * @throws {ForgeError}: what is not known is not trusted.
 */
export async function isTrusted(
  forge: Pick<Forge, "user" | "isMember">,
  project: Pick<ForgeProject, "path" | "permission">,
  { author, labels }: Pick<PullRequest, "author" | "labels">,
): Promise<boolean> {
  if (labels.includes(trustLabel)) return true;
  if (author.toLowerCase() === (await forge.user()).toLowerCase()) return true;
  const { permission, isMember } = await standingOf(forge, project, author);
  return permission === "write" || permission === "admin" || isMember;
}

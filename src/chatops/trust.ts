import { type Forge, ForgeError, type ForgeProject, type PullRequest } from "../forge/index.ts";
import { trustLabel } from "./decide.ts";

/** What a forge says of somebody and a repository, now. */
export interface Standing {
  readonly permission: Awaited<ReturnType<ForgeProject["permission"]>>;
  readonly isMember: boolean;
}

/**
 * Asks whether somebody is a member of what the repository belongs to, or else what they may do in it. What the forge does not let us
 * know is no right: Gitea tells of others' permissions to administrators of a repository alone.
 * @throws {ForgeError}
 */
export async function standingOf(
  forge: Pick<Forge, "isMember">,
  project: Pick<ForgeProject, "path" | "permission">,
  who: string,
): Promise<Standing> {
  const owner = project.path.split("/").slice(0, -1).join("/");
  if (await unlessForbidden(forge.isMember(who, owner), false)) return { permission: "none", isMember: true };
  return { permission: await unlessForbidden(project.permission(who), "none"), isMember: false };
}

async function unlessForbidden<Answer>(asked: Promise<Answer>, otherwise: Answer): Promise<Answer> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ForgeError && error.code === "forbidden") return otherwise;
    throw error;
  }
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

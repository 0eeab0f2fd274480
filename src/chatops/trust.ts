import { type Forge, ForgeError, type ForgeProject, type PullRequest } from "../forge/index.ts";
import { trustLabel } from "./decide.ts";

/** What a forge says of somebody and a repository, now. */
export interface Standing {
  readonly permission: Awaited<ReturnType<ForgeProject["permission"]>>;
  readonly isMember: boolean;
  /** What of it the forge does not tell our token, as a sentence: that is no right, and no proof that there is none. */
  readonly unread: string | undefined;
}

/**
 * Asks whether somebody is a member of what the repository belongs to, or else what they may do in it. What the forge does not let us
 * know counts as no right, and is said to be unread: Gitea tells of others' permissions to administrators of a repository alone.
 * @throws {ForgeError}
 */
export async function standingOf(
  forge: Pick<Forge, "kind" | "isMember">,
  project: Pick<ForgeProject, "path" | "permission">,
  who: string,
): Promise<Standing> {
  const owner = project.path.split("/").slice(0, -1).join("/");
  const isMember = await forge.isMember(who, owner);
  if (isMember === true) return { permission: "none", isMember, unread: undefined };
  const permission = await unlessForbidden(project.permission(who));
  if (permission === "write" || permission === "admin")
    return { permission, isMember: false, unread: undefined };
  const hidden = [
    ...(permission === undefined ? [hiddenPermissions[forge.kind]] : []),
    ...(isMember === undefined ? [`who is a member of ${owner}`] : []),
  ];
  const unread = hidden.length === 0 ? undefined : hidden.join(", nor ");
  return { permission: permission ?? "none", isMember: false, unread };
}

const hiddenPermissions: Readonly<Record<Forge["kind"], string>> = {
  github: "what others may do in the repository",
  gitlab: "what others may do in the project",
  gitea: "what others may do in the repository, which is told to its administrators alone",
};

async function unlessForbidden<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ForgeError && error.code === "forbidden") return undefined;
    throw error;
  }
}

/** Whether jobs may be run for a pull request; where not, what of its author could not be read. */
export interface Trust {
  readonly isTrusted: boolean;
  readonly unread: string | undefined;
}

/**
 * Whether jobs may be run for a pull request: its author belongs to the repository, it is our own, or somebody who belongs there has said
 * `/ok-to-test`.
 * @throws {ForgeError}: what is not known is not trusted.
 */
export async function trustIn(
  forge: Pick<Forge, "kind" | "user" | "isMember">,
  project: Pick<ForgeProject, "path" | "permission">,
  { author, labels }: Pick<PullRequest, "author" | "labels">,
): Promise<Trust> {
  const trusted = { isTrusted: true, unread: undefined };
  if (labels.includes(trustLabel)) return trusted;
  if (author.toLowerCase() === (await forge.user()).toLowerCase()) return trusted;
  const { permission, isMember, unread } = await standingOf(forge, project, author);
  return permission === "write" || permission === "admin" || isMember
    ? trusted
    : { isTrusted: false, unread };
}

import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import type { ReviewRequests } from "../forge.ts";
import { ForgeRefusal, reasonAndHint } from "../refusal.ts";
import type { RefusedReviewer } from "../review-requests.ts";

const usersSchema = z.array(z.object({ id: z.number(), username: z.string() }));
/** A project's path, and the number of a merge request there. */
type MergeRequestPlace = Readonly<Record<"id" | "iid", string | number>>;

const mergeRequest = "/projects/{id}/merge_requests/{iid}";
const reviewedSchema = z.object({ reviewers: usersSchema });

/**
 * Adds reviewers to a merge request. GitLab knows users alone, by number, and leaves out without a word whom it does not accept:
 * who is not in its answer was refused.
 * @param at Which merge request.
 */
export async function requestReviewsOfUsers(
  client: ForgeClient,
  at: MergeRequestPlace,
  names: readonly string[],
): Promise<ReviewRequests> {
  const wanted = [...new Set(names)];
  if (wanted.length === 0) return { requested: [], refused: [] };
  const refused: RefusedReviewer[] = [];
  const ids = new Map<string, number>();
  for (const name of wanted) {
    const id = name.includes("/") ? undefined : await userIdOf(client, name);
    const reason = name.includes("/")
      ? "GitLab requests reviews of users, not of groups"
      : "there is no such user";
    if (id === undefined) refused.push({ reviewer: name, reason });
    else ids.set(name, id);
  }
  const { reviewers } = await client.ask(`GET ${mergeRequest}`, at, reviewedSchema);
  const before = reviewers.map(({ id }) => id);
  const all = [...new Set([...before, ...ids.values()])];
  if (all.length === before.length) return { requested: [], refused };
  const asked = [...ids].filter(([, id]) => !before.includes(id));
  const after = await put(client, at, all);
  if (after instanceof ForgeRefusal) {
    const reason = reasonAndHint(after);
    return {
      requested: [],
      refused: [...refused, ...asked.map(([reviewer]) => ({ reviewer, reason }))],
    };
  }
  const reason =
    "GitLab leaves it out: it may not read the project, or the license allows no more than one reviewer";
  const leftOut = asked.filter(([, id]) => !after.has(id));
  return {
    requested: asked.flatMap(([reviewer, id]) => (after.has(id) ? [reviewer] : [])),
    refused: [...refused, ...leftOut.map(([reviewer]) => ({ reviewer, reason }))],
  };
}

/** Sets all reviewers: the numbers of those who are, or why none of them was set. */
async function put(
  client: ForgeClient,
  at: MergeRequestPlace,
  all: readonly number[],
): Promise<ReadonlySet<number> | ForgeRefusal> {
  try {
    const { reviewers } = await client.ask(
      `PUT ${mergeRequest}`,
      { ...at, reviewer_ids: all },
      reviewedSchema,
    );
    return new Set(reviewers.map(({ id }) => id));
  } catch (error) {
    if (error instanceof ForgeRefusal && (error.code === "forbidden" || error.code === "refused"))
      return error;
    throw error;
  }
}

export async function userIdOf(client: ForgeClient, username: string): Promise<number | undefined> {
  const found = await client.ask("GET /users", { username }, usersSchema);
  return found.find((user) => user.username.toLowerCase() === username.toLowerCase())?.id;
}

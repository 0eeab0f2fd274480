import { ForgeError } from "./errors.ts";
import type { ReviewRequests } from "./forge.ts";
import { reasonAndHint, reasonOf } from "./refusal.ts";

/** Whom a review is requested of, as GitHub and Gitea want it. */
export interface Reviewers {
  readonly reviewers: string[];
  readonly team_reviewers: string[];
}

/** Somebody of whom no review could be requested. */
export type RefusedReviewer = ReviewRequests["refused"][number];

/** Whose reviews a pull request has, and of whom they are requested. */
export interface KnownReviewers {
  readonly users: readonly string[];
  readonly teams: readonly string[];
  readonly reviewed: readonly string[];
}

/** Those who are neither asked nor have answered. For a team, anybody may have. */
function notYetAsked(
  names: readonly string[],
  { users, teams, reviewed }: KnownReviewers,
): readonly string[] {
  const has = (list: readonly string[], name: string): boolean =>
    list.some((one) => one.toLowerCase() === name.toLowerCase());
  return [...new Set(names)].filter((name) => {
    if (!name.includes("/") && (has(users, name) || has(reviewed, name))) return false;
    if (has(teams, name.slice(name.lastIndexOf("/") + 1))) return false;
    return !name.includes("/") || reviewed.length === 0;
  });
}

/**
 * Requests reviews of those who are not asked yet, of all at once; where that is refused, of each alone, because one name that is wrong makes a forge refuse all of
 * them. A name alone is tried as a user's first, then as a team's.
 * @throws {ForgeError} What has nothing to do with who was named.
 */
export async function requestReviewsOf(
  names: readonly string[],
  known: () => Promise<KnownReviewers>,
  request: (reviewers: Reviewers) => Promise<unknown>,
): Promise<ReviewRequests> {
  if (names.length === 0) return { requested: [], refused: [] };
  // A pull request that is not there is nobody's fault among them, and shows itself here.
  const wanted = notYetAsked(names, await known());
  if (wanted.length === 0) return { requested: [], refused: [] };
  const whole = await refusalOfRequest(request, asReviewers(wanted));
  if (whole === undefined) return { requested: wanted, refused: [] };
  if (whole.code === "forbidden") {
    const reason = reasonAndHint(whole);
    return { requested: [], refused: wanted.map((reviewer) => ({ reviewer, reason })) };
  }
  const refused: RefusedReviewer[] = [];
  for (const name of wanted) {
    const refusal = wanted.length === 1 ? whole : await refusalOfRequest(request, asReviewers([name]));
    if (refusal === undefined) continue;
    const asTeam = { reviewers: [], team_reviewers: [name] };
    const isTeam = !name.includes("/") && (await refusalOfRequest(request, asTeam)) === undefined;
    if (!isTeam) refused.push({ reviewer: name, reason: reasonOf(refusal) });
  }
  const requested = wanted.filter((name) => !refused.some(({ reviewer }) => reviewer === name));
  return { requested, refused };
}

/** Teams go by their names alone; their organization is that of the repository. */
function asReviewers(names: readonly string[]): Reviewers {
  const teams = names.filter((name) => name.includes("/"));
  return {
    reviewers: names.filter((name) => !name.includes("/")),
    team_reviewers: teams.map((team) => team.slice(team.lastIndexOf("/") + 1)),
  };
}

async function refusalOfRequest(
  request: (reviewers: Reviewers) => Promise<unknown>,
  reviewers: Reviewers,
): Promise<ForgeError | undefined> {
  try {
    await request(reviewers);
    return undefined;
  } catch (thrown) {
    const isOfTheNames =
      thrown instanceof ForgeError && ["refused", "not-found", "forbidden"].includes(thrown.code);
    if (!isOfTheNames) throw thrown;
    return thrown;
  }
}

import { ForgeError } from "./errors.ts";
import { reasonAndHint, reasonOf } from "./refusal.ts";

/** Whom a review is requested of, as GitHub and Gitea want it. */
export interface Reviewers {
  readonly reviewers: string[];
  readonly team_reviewers: string[];
}

/** Somebody of whom no review could be requested. */
export interface RefusedReviewer {
  readonly reviewer: string;
  readonly reason: string;
}

/**
 * Requests reviews of all at once; where that is refused, of each alone, because one name that is wrong makes a forge refuse all of
 * them. A name alone is tried as a user's first, then as a team's.
 * @throws {ForgeError} What has nothing to do with who was named.
 */
export async function requestReviewsOf(
  names: readonly string[],
  request: (reviewers: Reviewers) => Promise<unknown>,
  mustExist: () => Promise<unknown>,
): Promise<readonly RefusedReviewer[]> {
  const wanted = [...new Set(names)];
  if (wanted.length === 0) return [];
  const whole = await refusalOfRequest(request, asReviewers(wanted));
  if (whole === undefined) return [];
  // A pull request that is not there is nobody's fault among them.
  await mustExist();
  if (whole.code === "forbidden") {
    return wanted.map((reviewer) => ({ reviewer, reason: reasonAndHint(whole) }));
  }
  const refused: RefusedReviewer[] = [];
  for (const name of wanted) {
    const refusal = await refusalOfRequest(request, asReviewers([name]));
    if (refusal === undefined) continue;
    const asTeam = { reviewers: [], team_reviewers: [name] };
    const isTeam = !name.includes("/") && (await refusalOfRequest(request, asTeam)) === undefined;
    if (!isTeam) refused.push({ reviewer: name, reason: reasonOf(refusal) });
  }
  return refused;
}

/** Teams go by their names alone; their organisation is that of the repository. */
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

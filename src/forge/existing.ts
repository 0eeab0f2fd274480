import type { Proposal, PullRequest, PullRequests } from "./forge.ts";
import { ForgeRefusal } from "./refusal.ts";

/** Opens a pull request, or gives the one that the forge says it has already. Nobody's is changed. */
export async function openOrFind(
  open: (proposal: Proposal) => Promise<PullRequest>,
  find: PullRequests["find"],
  proposal: Proposal,
): Promise<PullRequest> {
  try {
    return await open(proposal);
  } catch (error) {
    const existing = saysItExists(error) ? await find(proposal.head, proposal.base) : undefined;
    if (existing === undefined) throw error;
    return existing;
  }
}

/** GitHub says it with 422, as it says much else; the others with 409. */
function saysItExists(thrown: unknown): boolean {
  return (
    thrown instanceof ForgeRefusal &&
    (thrown.status === 409 || thrown.status === 422) &&
    /already exists/i.test(thrown.reason)
  );
}

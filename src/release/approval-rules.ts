import type { Forge, ForgeProject } from "../forge/index.ts";
import type { GitCredential } from "../git/index.ts";
import type { OwnersRules } from "../owners/index.ts";
import { filesOf, type Review } from "../review/index.ts";
import { approvedEdges } from "./approved-edges.ts";
import type { ApprovalRules } from "./post-review.ts";

/** A review whose approvals count, and where it is. */
export interface ApprovedReview {
  /** Where the reviewed manifests are, in a repository that has the base. */
  readonly path: string;
  readonly review: Review;
  /** As the base has them. */
  readonly owners: OwnersRules;
  readonly forge: Pick<Forge, "origin">;
  readonly project: Pick<ForgeProject, "path">;
  readonly credential?: GitCredential | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** Who has to approve what a review is about: those whom the owners of its files name, and each edge that they have seen. */
export function approvalRules({ path, review, owners, ...place }: ApprovedReview): ApprovalRules {
  const { forge, project, credential, environment } = place;
  const files = filesOf(review);
  const approvers = new Set(
    owners.ownersOf(files).flatMap((file) => file.approvers.map((name) => name.toLowerCase())),
  );
  return {
    uncovered: (users) => owners.uncovered(files, users),
    mayApprove: (user) => approvers.has(user.toLowerCase()),
    edgesHashAt: (commit, { head }) =>
      approvedEdges(commit, {
        ...{ path, review, environment },
        urls: [...new Set([project.path, head.repository])].flatMap((repository) =>
          repository === "" ? [] : [`${forge.origin}/${repository}.git`],
        ),
        credential,
      }),
  };
}

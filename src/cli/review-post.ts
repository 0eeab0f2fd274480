import type { Listener } from "../events/index.ts";
import type { ForgeWait } from "../forge/index.ts";
import type { OwnersRules } from "../owners/index.ts";
import type { PostResult } from "../release/index.ts";
import type { Review } from "../review/index.ts";
import { type ForgeFlags, openPullRequest } from "./forge.ts";
import type { Session } from "./session.ts";

interface PostOptions extends ForgeFlags {
  readonly post: string;
  readonly context?: string;
  readonly targetUrl?: string;
  readonly requireApproval?: boolean;
  readonly listener?: Listener<ForgeWait>;
}

/** Says a review under its pull request. @throws {ReleaseError}, {@link ForgeError}. */
export async function sayReview(
  session: Session,
  review: Review,
  path: string,
  owners: OwnersRules,
  options: PostOptions,
): Promise<PostResult> {
  const { approvalRules, postReview, usualHold } = await import("../release/index.ts");
  const { terminal, env } = session;
  const place = await openPullRequest(session, options.post, options);
  const { forge, project, number } = place;
  const url = options.targetUrl ?? runUrl(env);
  const result = await postReview({
    project,
    number,
    review,
    context: options.context,
    url,
    hold: usualHold(forge.kind),
    ...(options.requireApproval
      ? { approval: approvalRules({ path, review, owners, ...place, environment: env }) }
      : {}),
  });
  for (const { approval, reason } of result.approvals?.void ?? []) {
    terminal.note(`the approval of ${approval.user} does not count: ${reason}`);
  }
  for (const file of result.approvals?.uncovered ?? []) terminal.say(`not approved: ${file}`);
  terminal.note(`said under ${options.post}`);
  return result;
}

/** The page of the run, where a CI system names it. */
function runUrl(env: Session["env"]): string | undefined {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID, CI_JOB_URL } = env;
  if (GITHUB_SERVER_URL && GITHUB_REPOSITORY && GITHUB_RUN_ID) {
    return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  }
  return CI_JOB_URL || undefined;
}

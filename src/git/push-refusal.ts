import { GitError } from "./errors.ts";
import { withoutPassword } from "./password.ts";
import { complaint, type GitRun } from "./program.ts";

const maxReasonLength = 300;

/** Lines by which a forge tells of its work, not of why it refuses. */
const chatter =
  /^(?:\.? ?Process(?:ing|ed) \d+ references?\b.*|(?:Resolving deltas|Counting objects|Compressing objects|Checking connectivity)\b.*|[-=*#]{3,})$/i;

/** Whether the other side lacks commits that a shallow clone has not got either. */
export function lacksHistory({ stdout, stderr }: GitRun): boolean {
  return /shallow update not allowed/i.test(`${stdout}\n${stderr}`);
}

/** A push that was refused, with the other side's reason and what to do about it. */
export function notPushed(
  { stdout, stderr }: GitRun,
  { url, branch }: { readonly url: string; readonly branch: string },
): GitError {
  const where = `${withoutPassword(url)} ${branch}`;
  const text = `${stdout}\n${stderr}`;
  if (/stale info|fetch first|non-fast-forward|(?:lock|update) ref|reference already exists/i.test(text)) {
    return new GitError("push-refused", "somebody else has pushed to the branch in the meantime", {
      where,
      hint: "run it again: it goes on from what is there now",
    });
  }
  if (/protected branch|pre-receive hook declined|hook declined/i.test(text)) {
    return new GitError("push-refused", `the forge refuses pushes to the branch: ${reasonIn(text)}`, {
      where,
      hint: "name another branch with --branch, or a fork with --fork",
    });
  }
  return new GitError("push-refused", `the branch could not be pushed: ${reasonIn(text)}`, {
    where,
    hint: "may the token, or the key of the SSH agent, push there? If not, name a fork with --fork",
  });
}

/**
 * Why, on one line: what the other side says itself (`remote:`, which some pad with spaces and empty lines), or what Git says of the
 * ref (git-push(1), "OUTPUT"), or else its own complaint.
 */
function reasonIn(text: string): string {
  const said = [...text.matchAll(/^remote:(.*)$/gm)]
    .map(([, line = ""]) =>
      line
        .replaceAll(/\p{Cc}/gu, " ")
        .trim()
        .replace(/^(?:error|fatal): /i, ""),
    )
    .filter((line) => line !== "" && !chatter.test(line));
  const ofRef = /^!\t[^\t]*\t\[[^\]]*\](?: \((.+)\))?$/m.exec(text)?.[1];
  const words = [...new Set(said), ...(ofRef === undefined ? [] : [ofRef])];
  const reason = words.length === 0 ? complaint(text) : words.join("; ");
  return reason.replace(/[\p{Cc}\p{Cf}]/gu, "\uFFFD").slice(0, maxReasonLength);
}

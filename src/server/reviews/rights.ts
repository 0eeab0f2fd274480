import { forgeAccountOf, mayDo, type Principal } from "../../access/index.ts";
import { type PullAct, pullActs } from "../../chatops/index.ts";
import type { Approval } from "../../forge/index.ts";
import type { KeptPull, KeptReview, PullHold } from "../../reviews/index.ts";
import type { ServerParts } from "../model.ts";

/** What is known of a pull request when it is asked what somebody may do to it. */
export interface PullToActOn {
  readonly pull: KeptPull;
  /** Of its newest commit. */
  readonly current: readonly KeptReview[];
  readonly hold: PullHold | undefined;
  /** Approvals that were given by commands. */
  readonly words: readonly Approval[];
}

/** What somebody may do to a pull request here, as far as that is known without asking its forge. */
export interface PullRights {
  /** The account on the forge under which it is done. */
  readonly account: { readonly login: string; readonly subject: string } | undefined;
  /** Why nothing can be done here; the pull request itself is where it can. */
  readonly whyNot: string | undefined;
  /** Why each of the acts is not for them; `undefined` for those that are. */
  readonly refusals: Readonly<Record<PullAct, string | undefined>>;
}

/**
 * What somebody may do to a pull request. It is no more than what commands under it let them do, which is looked at anew, by what the forge
 * says, when something is done.
 */
export function pullRightsOf(
  principal: Principal,
  { access, commandPull }: Pick<ServerParts, "access" | "commandPull">,
  subject: PullToActOn,
): PullRights {
  const { pull } = subject;
  const found = forgeAccountOf(principal, access.settings, pull.url);
  const account = "login" in found ? found : undefined;
  const whyNot =
    pull.state !== "open"
      ? `the pull request is ${pull.state}`
      : commandPull === undefined
        ? "this server gives no commands to pull requests"
        : "unknown" in found
          ? found.unknown
          : undefined;
  const login = account?.login.toLowerCase() ?? "";
  const reasons = whyNot === undefined ? reasonsOf(login, subject) : undefined;
  const may = (act: "run" | "release"): boolean => mayDo(principal, act, undefined, access.settings).isGiven;
  const isConcerned = login === pull.author.toLowerCase() || isOwner(login, subject);
  const needs = (act: PullAct): string | undefined => {
    if (act === "approve" || act === "cancel-approval" || isConcerned) return undefined;
    const role = act === "lift-hold" ? "releaser" : "runner";
    if (may(act === "lift-hold" ? "release" : "run")) return undefined;
    return `it is for its author, the owners of the changed files, and the role ${role}`;
  };
  const refusalOf = (act: PullAct): string | undefined => whyNot ?? reasons?.[act] ?? needs(act);
  const acts = Object.keys(pullActs) as PullAct[];
  return {
    ...{ account, whyNot },
    refusals: Object.fromEntries(acts.map((act) => [act, refusalOf(act)])) as PullRights["refusals"],
  };
}

function reasonsOf(login: string, subject: PullToActOn): Readonly<Record<PullAct, string | undefined>> {
  const { pull, current, hold, words } = subject;
  const own = words.filter(({ user }) => user.toLowerCase() === login);
  return {
    approve:
      login === pull.author.toLowerCase()
        ? "nobody approves a pull request of their own"
        : current.length === 0
          ? "there is no review of its newest commit yet"
          : !isApprover(login, subject)
            ? "the owners of the changed files, as the base branch names them, approve it"
            : own.some(({ commit }) => commit === pull.head)
              ? "you have approved it"
              : undefined,
    "cancel-approval":
      own.length === 0 ? "there is no approval of yours that was given by a command" : undefined,
    hold: hold === undefined ? undefined : "it is held",
    "lift-hold": hold === undefined ? "it is not held" : undefined,
    test: undefined,
  };
}

function isApprover(login: string, { current }: PullToActOn): boolean {
  return current.some(({ summary }) =>
    summary.projects.some(({ files }) =>
      files.some(({ owners }) => owners?.approvers.some((name) => name.toLowerCase() === login) === true),
    ),
  );
}

function isOwner(login: string, subject: PullToActOn): boolean {
  const isReviewer = subject.current.some(({ summary }) =>
    summary.projects.some(({ files }) =>
      files.some(({ owners }) => owners?.reviewers.some((name) => name.toLowerCase() === login) === true),
    ),
  );
  return isReviewer || isApprover(login, subject);
}

import { codeSpan } from "../comparison/index.ts";
import type { Command } from "./grammar.ts";
import type { CommandDecision, CommandFacts, PullJob } from "./model.ts";

/** The label that says that a pull request of somebody unknown may run jobs. */
export const trustLabel = "ok-to-test";
/** The label that some give to those that wait for it. */
export const untrustedLabel = "needs-ok-to-test";

/** Decides on a command, by nothing but what is known. */
export function decide(command: Command, facts: CommandFacts): CommandDecision {
  const { state } = facts.pull;
  if (state !== "open") return { refusal: `the pull request is ${state}` };
  switch (command.name) {
    case "list-tests":
      return { act: { do: "list" } };
    case "test":
    case "retest":
    case "rerun":
      return decideRun(command, facts);
    case "ok-to-test":
      return decideTrust(facts);
    // As in Prow, a hold is a word among colleagues: whoever takes it back cannot merge by that.
    case "hold":
      return { act: { do: "hold" } };
    case "hold-cancel":
      return { act: { do: "release" } };
    case "lgtm":
    case "lgtm-cancel":
      return decideLgtm(command.name, facts);
    case "approve":
    case "approve-cancel":
      return decideApproval(command.name, facts);
  }
}

/** Whether somebody belongs to a repository: who may write to it, is a member of its organization, or owns a changed file. */
export function belongs({ permission, isMember, owns }: Omit<CommandFacts, "pull" | "jobs">): boolean {
  return permission === "write" || permission === "admin" || isMember || owns !== "nothing";
}

function isAuthor({ who, pull }: CommandFacts): boolean {
  return who.toLowerCase() === pull.author.toLowerCase();
}

function decideRun(
  command: Command & { name: "test" | "retest" | "rerun" },
  facts: CommandFacts,
): CommandDecision {
  if (!facts.trust.isTrusted) {
    return refusedAsUnknown(
      "its author is not known here: somebody who belongs to the repository has to say `/ok-to-test` first",
      facts.trust,
    );
  }
  const { jobs } = facts;
  const wanted = wantedJobs(command, jobs);
  const never = wanted.filter((name) => facts.never.includes(name));
  if (never.length > 0) return { refusal: neverRun(never) };
  const unknown = wanted.filter((name) => !jobs.some((job) => job.name === name));
  if (unknown.length > 0) {
    return {
      refusal: `there is no such job for this branch: ${shown(unknown)}; \`/test ?\` lists those that there are`,
    };
  }
  const isAllowed = belongs(facts) || (isAuthor(facts) && command.name !== "rerun");
  const kept = isAllowed ? wanted : wanted.filter((name) => facts.mayRerun.has(name));
  if (kept.length < wanted.length) {
    return refusedAsUnknown(
      "jobs are run for those who may write to the repository, are members of its organization, own a changed file, or whom the job names",
      facts,
    );
  }
  return kept.length === 0 ? { refusal: emptyReason(command) } : { act: { do: "run", jobs: kept } };
}

function wantedJobs(
  command: Command & { name: "test" | "retest" | "rerun" },
  jobs: readonly PullJob[],
): readonly string[] {
  const those = (is: (job: PullJob) => boolean) => jobs.filter(is).map(({ name }) => name);
  if (command.name === "retest") {
    return those(({ concerned, last }) => last === "failed" || (concerned && last === undefined));
  }
  if (command.name === "rerun" && command.jobs.length === 0) return those(({ last }) => last === "failed");
  return command.jobs === "all" ? those(({ concerned }) => concerned) : command.jobs;
}

/** Refuses somebody whose right is not known; that it could not be read is not said to be none. */
function refusedAsUnknown(
  refusal: string,
  { unread }: { readonly unread?: string | undefined },
): CommandDecision {
  if (unread === undefined) return { refusal };
  return {
    refusal: `${refusal}; whether that is so could not be read: the forge does not show Waybill's token ${unread}`,
  };
}

/** Says of jobs that they are never run for what is only proposed. */
export function neverRun(names: readonly string[]): string {
  const more = names.length > maxShown ? ` and ${names.length - maxShown} more` : "";
  return `only reviews are run for a pull request, because other jobs would run what it proposes, with rights: never ${shown(names)}${more}`;
}

/** Names that are shown of a list. */
const maxShown = 5;

/** Words of a comment, which would mean something as Markdown. */
function shown(names: readonly string[]): string {
  return names
    .slice(0, maxShown)
    .map((name) => codeSpan(name.slice(0, 60)))
    .join(", ");
}

function emptyReason({ name }: Command): string {
  if (name === "test") return "no job is concerned by what the pull request changes";
  return "no job has failed at the newest commit";
}

function decideTrust(facts: CommandFacts): CommandDecision {
  if (isAuthor(facts) || !belongs(facts)) {
    return refusedAsUnknown(
      "that is said by somebody else who may write to the repository, is a member of its organization, or owns a changed file",
      isAuthor(facts) ? {} : facts,
    );
  }
  return { act: { do: "trust" } };
}

function decideLgtm(name: "lgtm" | "lgtm-cancel", facts: CommandFacts): CommandDecision {
  if (name === "lgtm-cancel") {
    const may = isAuthor(facts) || belongs(facts);
    return may
      ? { act: { do: "withdraw-lgtm" } }
      : refusedAsUnknown("whoever belongs to the repository may take it back", facts);
  }
  if (isAuthor(facts)) return { refusal: "nobody says that of a pull request of their own" };
  if (!belongs(facts)) {
    return refusedAsUnknown(
      "those say it who may write to the repository, or whom OWNERS names for a changed file",
      facts,
    );
  }
  return { act: { do: "lgtm" } };
}

function decideApproval(name: "approve" | "approve-cancel", facts: CommandFacts): CommandDecision {
  if (name === "approve-cancel") return { act: { do: "withdraw-approval" } };
  if (isAuthor(facts)) return { refusal: "nobody approves a pull request of their own" };
  if (facts.owns !== "approves") {
    return { refusal: "the owners of the changed files, as the base branch names them, approve it" };
  }
  return { act: { do: "approve" } };
}

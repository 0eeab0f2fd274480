import type { Permission, PullRequest } from "../forge/index.ts";
import type { Job } from "../jobs/index.ts";
import type { Trust } from "./trust.ts";

/** A job that a pull request may start, as it stands at the newest commit. */
export interface PullJob {
  readonly name: string;
  /** The change concerns it. */
  readonly concerned: boolean;
  /** What became of its last run at this commit; `undefined` where there was none. */
  readonly last: "open" | "succeeded" | "failed" | undefined;
  readonly rerun: Job["rerun"];
}

/** What is known when a command is decided on: asked from the forge and from Git at that time. */
export interface CommandFacts {
  readonly pull: Pick<PullRequest, "state" | "author" | "labels">;
  /** Who gives the command. */
  readonly who: string;
  readonly permission: Permission;
  /** A member of the organization that the repository belongs to. */
  readonly isMember: boolean;
  /** Named by the owners of a changed file, as the base of the pull request has them. */
  readonly owns: "approves" | "reviews" | "nothing";
  /** What the forge does not tell our token of whoever gives the command, as a part of a sentence. */
  readonly unread: string | undefined;
  readonly jobs: readonly PullJob[];
  /** Names of jobs that say that they are of pull requests, and are never run for one. */
  readonly never: readonly string[];
  /** Of these jobs, the names of those that may be run again by whoever gives the command, as the job says. */
  readonly mayRerun: ReadonlySet<string>;
  /** Whether jobs may be run for the pull request at all. */
  readonly trust: Trust;
}

/** What is done for a command. */
export type CommandAct =
  | { readonly do: "run"; readonly jobs: readonly string[] }
  | { readonly do: "list" }
  | {
      readonly do: "hold" | "release" | "trust" | "lgtm" | "withdraw-lgtm" | "approve" | "withdraw-approval";
    };

/** What is done, or why nothing is; both in words that may be shown. */
export type CommandDecision = { readonly act: CommandAct } | { readonly refusal: string };

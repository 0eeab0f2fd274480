import type { Database, Sql } from "../database/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { ForgeProject, HookTrouble, PullRequest } from "../forge/index.ts";
import type { GitCredential } from "../git/index.ts";
import type { Job, JobDocument } from "../jobs/index.ts";
import type { Queue } from "../queue/index.ts";
import type { PullJobs } from "./pulls.ts";

/** What a run that a trigger asks for gets as its input: plain data. */
export interface TriggeredInput {
  /** The job as it was when the run was asked for; `jobOfDocument` reads it back. */
  readonly job: JobDocument;
  /** What was pushed, where it was a push. */
  readonly push?: PushedRef | undefined;
  /** The pull request that it is about. */
  readonly pull?: SeenPull | undefined;
  /** The run whose success started it. */
  readonly after?: { readonly job: string; readonly id: string } | undefined;
}

/** A push, as the table of refs and Git have it. Hashes are full ones. */
export interface PushedRef {
  /** Where the ref stood when it was last seen; absent of a new one. */
  readonly before?: string | undefined;
  readonly after: string;
  /** History was taken back; absent where nobody had to find out. */
  readonly forced?: boolean | undefined;
  /** Of a tag that was seen at another commit before: that commit. */
  readonly movedFrom?: string | undefined;
}

/** A pull request as it was when it was seen. */
export interface SeenPull {
  readonly number: number;
  readonly url: string;
  readonly author: string;
  readonly head: PullRequest["head"];
  readonly base: PullRequest["base"];
}

/** What is looked at of a repository: its branches and tags, by Git, or its pull requests, by its forge. */
export type Looked = "refs" | "pulls";

/** A remote as pages and alarms show it. */
export interface RemoteState {
  readonly url: string;
  readonly what: Looked;
  /** When all of it was last read; `undefined` before the first time. */
  readonly lookedAt: Date | undefined;
  readonly dueAt: Date;
  /** Since when it cannot be read, and why: nothing is concluded from that, and what came since is found when it can. */
  readonly unread?:
    | { readonly since: Date; readonly failure: FailureRecord; readonly attempts: number }
    | undefined;
  /** When a webhook about it was last verified. */
  readonly toldAt: Date | undefined;
  /** That its webhooks tell nothing. */
  readonly hook?: HookState | undefined;
  /** What its forge has said of deliveries to us; `undefined` while it has said nothing, or does not let us know. */
  readonly hookDeliveries?: HookDeliveries | undefined;
  /** Tags that were seen at another commit before, the last first. */
  readonly movedTags: readonly MovedTag[];
}

/** A tag that stands at another commit than it did: what was built of it, and what is now under its name, are not the same. */
export interface MovedTag {
  readonly ref: string;
  readonly from: string;
  readonly to: string;
  readonly seenAt: Date;
}

/** That webhooks of a repository that lead here are switched off, and the way out. */
export interface HookState extends HookTrouble {
  readonly since: Date;
}

/** What the forge of a repository says of the deliveries of its webhooks that lead here. */
export interface HookDeliveries {
  /** When it was last asked. */
  readonly at: Date;
  /** Deliveries that have not arrived, the last time that there were any. */
  readonly failed: number;
  readonly failedAt: Date | undefined;
}

/** What triggers tell while they look. */
export type TriggerEvent =
  | { readonly type: "deliveries-failed"; readonly url: string; readonly count: number }
  | { readonly type: "hook-off"; readonly url: string; readonly message: string; readonly hint: string }
  | { readonly type: "hook-on"; readonly url: string }
  | {
      readonly type: "remote-unread";
      readonly url: string;
      readonly what: Looked;
      readonly failure: FailureRecord;
      readonly attempts: number;
      readonly nextAt: Date;
    }
  /** It has been looked at for long, and goes on to be: until then, nothing new of it is known. */
  | { readonly type: "remote-slow"; readonly url: string; readonly what: Looked; readonly since: Date }
  | { readonly type: "remote-read-again"; readonly url: string; readonly what: Looked; readonly since: Date }
  | {
      readonly type: "remote-first-seen";
      readonly url: string;
      readonly what: Looked;
      readonly found: number;
    }
  | { readonly type: "tag-moved"; readonly url: string; readonly tag: MovedTag }
  | {
      readonly type: "run-asked-for";
      readonly job: string;
      readonly run: string;
      readonly outcome: "queued" | "coalesced";
      readonly cause: string;
    }
  | {
      /** A promotion is asked for again by itself, or not any more. */
      readonly type: "run-retried";
      readonly job: string;
      /** The one that failed last. */
      readonly run: string;
      /** In a row. */
      readonly failures: number;
      readonly since: Date;
      readonly summary: string;
      /** When it is asked for again; `undefined` where that has been done for long enough. */
      readonly dueAt: Date | undefined;
    }
  | { readonly type: "trigger-failed"; readonly what: string; readonly failure: FailureRecord };

/** Asked for every open pull request that may have something new under it. */
export interface PullToHeed {
  /** URL of the repository, as the jobs have it. */
  readonly url: string;
  readonly project: ForgeProject;
  readonly pull: PullRequest;
  /** The repository is looked at for the first time: what stands there was said before anybody listened. */
  readonly isFirst: boolean;
  readonly jobs: PullJobs;
}

/** Who keeps pull requests as they are seen; each is called in the transaction in which that is taken up. */
export interface PullNotes {
  /** All that are open. */
  seen(sql: Sql, url: string, pulls: readonly PullRequest[]): Promise<void>;
  /** The jobs that the newest commit of one concerns, and whether they may be run for its author. */
  taken(
    sql: Sql,
    url: string,
    number: number,
    judged: { readonly jobs: readonly string[]; readonly trusted: boolean },
  ): Promise<void>;
  /** One that is not open any more; `gone` where the forge does not know it. */
  ended(
    sql: Sql,
    url: string,
    number: number,
    end: { readonly state: PullRequest["state"] | "gone"; readonly mergeCommit?: string | undefined },
  ): Promise<void>;
}

/** All that triggers stand on. */
export interface TriggerWorld {
  readonly db: Database;
  readonly queue: Pick<Queue, "read" | "list" | "abort">;
  /** The jobs as they are now; a file that cannot be read leaves its last good state. */
  readonly jobs: () => readonly Job[];
  /** The folder of Git's mirrors, absolute. */
  readonly mirrors: string;
  /** Bytes of each. */
  readonly maxMirrorBytes?: number | undefined;
  readonly environment: NodeJS.ProcessEnv;
  /** What Git shows to the remote; `undefined` where it is public. */
  readonly credentialOf: (url: string) => Promise<GitCredential | undefined>;
  /** The repository on its forge. */
  readonly projectOf: (url: string) => Promise<ForgeProject>;
  /** Reads what is said under a pull request, and obeys; called again for one for which it fails. */
  readonly heed?: ((pull: PullToHeed) => Promise<void>) | undefined;
  /**
   * Whether what somebody pushes to a pull request starts jobs by itself; it does when this is left out. Asked again when anything of
   * the pull request has changed.
   */
  readonly mayRun?: ((pull: PullToHeed) => Promise<boolean>) | undefined;
  readonly notes?: PullNotes | undefined;
  readonly listener?: Listener<TriggerEvent> | undefined;
  readonly now: () => Date;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
}

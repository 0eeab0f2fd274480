import type { RunResult } from "../queue/index.ts";
import type { SecretSetting } from "../secrets/index.ts";

/** Whom something is told, and how. */
export type Receiver =
  | {
      readonly kind: "webhook";
      readonly name: string;
      readonly url: SecretSetting;
      /** It is signed with each of them. */
      readonly secrets: readonly SecretSetting[];
      /** It may be at an address that only we reach. */
      readonly allowPrivateAddresses?: boolean | undefined;
    }
  | {
      /** Their addresses are secrets: whoever has one can write there. */
      readonly kind: "slack" | "teams";
      readonly name: string;
      readonly url: SecretSetting;
      readonly allowPrivateAddresses?: boolean | undefined;
    }
  | { readonly kind: "email"; readonly name: string; readonly to: readonly string[] };

/** How mail is sent. */
export interface MailSettings {
  readonly host: string;
  readonly port: number;
  /** `tls` from the beginning; `starttls` or nothing at all; `none` for a server on this machine. */
  readonly security: "tls" | "starttls" | "none";
  readonly from: string;
  readonly user?: string | undefined;
  readonly password?: SecretSetting | undefined;
}

/** What somebody may want to know of a job. */
export const tellings = ["failing", "still-failing", "recovered", "waiting"] as const;
/** One of {@link tellings}. */
export type Telling = (typeof tellings)[number];

/** Of which jobs whom is told what. */
export interface NotificationRule {
  readonly name: string;
  /** Names of jobs, `*` for any characters; all jobs when left out. */
  readonly jobs?: readonly string[] | undefined;
  /** What is told; all but `still-failing` when left out. */
  readonly when?: readonly Telling[] | undefined;
  /** So many runs have to fail in a row; what the job says when left out, 1 where it says nothing. */
  readonly failures?: number | undefined;
  /** Seconds after which it is said again that a job still fails. */
  readonly remindAfterSeconds?: number | undefined;
  /** Names of receivers. */
  readonly to: readonly string[];
}

/** What stands below `notifications:` in the settings of a server. */
export interface NotificationSettings {
  readonly receivers: readonly Receiver[];
  readonly rules: readonly NotificationRule[];
  readonly mail?: MailSettings | undefined;
}

/** What a job says of those who want to know. */
export interface JobWishes {
  readonly job: string;
  /** Addresses of mail. */
  readonly contact: readonly string[];
  readonly failures?: number | undefined;
  /** Names of receivers. */
  readonly to: readonly string[];
}

/** That a run has ended. */
export interface EndedRun extends JobWishes {
  readonly run: string;
  readonly result: RunResult;
  readonly summary: string;
  /** ISO 8601. */
  readonly at: string;
}

/** One job in a notification. */
export interface ToldJob {
  readonly job: string;
  readonly run: string;
  readonly summary: string;
  /** Since when it fails, or is held; ISO 8601. */
  readonly since: string;
  /** How many runs have failed in a row. */
  readonly failures: number;
}

/** What a receiver is told at once: all that has one cause. */
export interface Notification {
  /** The same for each attempt to send it. */
  readonly id: string;
  readonly telling: Telling;
  /** The words that the jobs have in common; empty where there are none. */
  readonly cause: string;
  readonly jobs: readonly ToldJob[];
  /** ISO 8601. */
  readonly at: string;
}

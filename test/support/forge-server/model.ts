import type { KeyObject } from "node:crypto";

/** Somebody who has an account. */
export interface ForgeUser {
  readonly id: number;
  readonly name: string;
  readonly token: string;
  /** What the token is good for. */
  readonly rights: "all" | "read";
  /** Of a token of an app: the only repositories that it is good for. */
  readonly repositories?: readonly string[] | undefined;
  /** The app that shows its own signature. */
  readonly app?: ForgeApp | undefined;
}

/** An app that is installed for some repositories. */
export interface ForgeApp {
  readonly id: string;
  /** It goes by `slug[bot]`. */
  readonly slug: string;
  readonly publicKey: KeyObject;
  readonly permissions: Readonly<Record<string, "read" | "write">>;
  readonly repositories: readonly string[];
  /** Deliveries of its own webhook that have failed, the newest first. */
  readonly deliveries?: { readonly id: number; readonly repository_id: number }[];
  /** What tokens were asked for with, in order. */
  readonly issued: { readonly token: string; readonly body: Readonly<Record<string, unknown>> }[];
}

/** A webhook of a repository. */
export interface ForgeHook {
  readonly id: number;
  readonly url: string;
  active: boolean;
  /** As GitLab has it. */
  alertStatus: "executable" | "temporarily_disabled" | "disabled";
  disabledUntil: string | null;
  /** Numbers of deliveries that have failed, the newest first. */
  readonly failed: number[];
}

/** A label of a repository. */
export interface ForgeLabel {
  readonly id: number;
  readonly name: string;
  readonly color: string;
}

export interface ForgeReview {
  readonly id: number;
  readonly user: ForgeUser;
  state: "approved" | "changes-requested" | "commented" | "dismissed";
  readonly commit: string;
  readonly at: string;
}

export interface ForgeComment {
  readonly id: number;
  readonly user: ForgeUser;
  body: string;
  readonly at: string;
  editedAt?: string;
}

export interface ForgeStatus {
  readonly id: number;
  readonly commit: string;
  readonly context: string;
  readonly state: "pending" | "success" | "failure" | "error";
  readonly description: string;
  readonly url: string | undefined;
  readonly user: ForgeUser;
  readonly at: string;
}

export interface ForgePull {
  readonly id: number;
  readonly number: number;
  readonly base: { readonly repository: ForgeRepo; readonly branch: string };
  readonly head: { readonly repository: ForgeRepo; readonly branch: string };
  /** The last commit that the branch was seen at. */
  headCommit: string;
  /** Commits that the branch was seen at, and since when. */
  readonly versions: { readonly commit: string; readonly at: string }[];
  /** Without what marks a draft. */
  title: string;
  body: string;
  draft: boolean;
  readonly author: ForgeUser;
  state: "open" | "merged" | "closed";
  labels: string[];
  readonly reviewers: ForgeUser[];
  readonly teams: string[];
  readonly reviews: ForgeReview[];
  readonly comments: ForgeComment[];
  mergeCommit: string | undefined;
  mergedAt: string | undefined;
  readonly createdAt: string;
  updatedAt: string;
}

/** What keeps pull requests from being merged into the default branch. */
export interface Protection {
  /** Contexts whose newest status has to be `success`. */
  readonly requiredStatuses: readonly string[];
  readonly requiredApprovals: number;
  /** Labels that hold a pull request. */
  readonly blockingLabels: readonly string[];
}

export interface ForgeRepo {
  readonly id: number;
  /** `owner/name`. */
  readonly path: string;
  /** The bare repository. */
  readonly folder: string;
  readonly defaultBranch: string;
  readonly forkOf: ForgeRepo | undefined;
  readonly isPrivate: boolean;
  /** Names of users who may write; the owner may anyway. */
  readonly writers: Set<string>;
  readonly labels: ForgeLabel[];
  readonly pulls: ForgePull[];
  readonly statuses: ForgeStatus[];
  readonly hooks: ForgeHook[];
  protection: Protection;
}

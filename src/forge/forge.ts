/** Kinds of forges; Forgejo speaks as Gitea does. */
export type ForgeKind = "github" | "gitlab" | "gitea";

/** A repository on a forge, by the path that it has now: `owner/name`, on GitLab with as many groups as there are. */
export interface ForgeRepository {
  readonly path: string;
  readonly defaultBranch: string;
  /** To clone over HTTP, from the host that the forge is asked at; without any credentials in it. */
  readonly cloneUrl: string;
  readonly sshUrl: string;
  readonly webUrl: string;
  /** The path of the repository that it was forked from. */
  readonly forkOf?: string | undefined;
  /** Whether the token may push to it; `undefined` where the forge does not say. */
  readonly mayPush?: boolean | undefined;
}

/** A pull request, or what GitLab calls a merge request. */
export interface PullRequest {
  readonly number: number;
  readonly url: string;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "merged" | "closed";
  readonly draft: boolean;
  readonly author: string;
  readonly labels: readonly string[];
  /**
   * The branch that is proposed, where it is, and its newest commit. The repository is empty when it was deleted, or may
   * not be seen.
   */
  readonly head: { readonly repository: string; readonly branch: string; readonly commit: string };
  /** The branch that it is for, and the commit of it that the forge compares with, where it says so. */
  readonly base: { readonly branch: string; readonly commit?: string | undefined };
  /** The commit that the base branch got by the merge. */
  readonly mergeCommit?: string | undefined;
  /** Whether it cannot be merged for what else was merged meanwhile; `undefined` where the forge does not say, or not yet. */
  readonly hasConflicts?: boolean | undefined;
  /** Those alone may comment who may write to the repository. */
  readonly isLocked?: boolean | undefined;
  /** When anything of it was last changed, its comments among it: ISO 8601, to the second at least. */
  readonly updatedAt: string;
}

/** The open pull requests of a repository. */
export interface OpenPullRequests {
  readonly pulls: readonly PullRequest[];
  /** The forge's word for this state of the list, where it has one. */
  readonly etag?: string | undefined;
}

/** What a pull request is opened with. */
export interface Proposal {
  readonly title: string;
  readonly body: string;
  /** The branch, and the repository that it was pushed to. */
  readonly head: { readonly repository: string; readonly branch: string };
  readonly base: string;
  readonly draft?: boolean;
}

/** A remark under a pull request. */
export interface Comment {
  readonly id: string;
  readonly author: string;
  readonly body: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Whether a program wrote it, as far as the forge says so. */
  readonly isByBot: boolean;
  /** Whether it is not as it was written first, by whomever it was changed. */
  readonly isEdited: boolean;
}

/** What somebody may do in a repository, at least. */
export type Permission = "none" | "read" | "write" | "admin";

/** That somebody has approved a pull request, and the commit that was looked at where the forge says so. */
export interface Approval {
  readonly user: string;
  readonly commit?: string | undefined;
  /** ISO 8601. */
  readonly at?: string | undefined;
}

/** What is said of a commit under a name: checks that must succeed before a merge are known by theirs. */
export interface CommitStatus {
  readonly context: string;
  readonly state: "pending" | "success" | "failure" | "error";
  /** Cut to what the forge allows. */
  readonly description: string;
  readonly url?: string | undefined;
}

/** Of whom reviews were requested now, and whom the forge did not accept, with its reason. */
export interface ReviewRequests {
  readonly requested: readonly string[];
  readonly refused: readonly { readonly reviewer: string; readonly reason: string }[];
}

/** Pull requests of one repository. Methods throw {@link ForgeError}. */
export interface PullRequests {
  /** The open one of a branch, if there is one. */
  find(head: Proposal["head"], base: string): Promise<PullRequest | undefined>;
  /**
   * All that are open, unless the list is as it was when it had this `etag`. Who turns pages while others close theirs may miss
   * one: that one is not listed does not mean that it is closed.
   */
  listOpen(etag?: string): Promise<OpenPullRequests | "unchanged">;
  /** @throws {ForgeError} `not-found`. */
  read(number: number): Promise<PullRequest>;
  /** Opens one. Of two who do it at the same time, the second gets the first one's. */
  open(proposal: Proposal): Promise<PullRequest>;
  /** Changes what is given, and nothing else. Labels are all that it is to have; such as do not exist are made. */
  update(
    number: number,
    change: {
      readonly title?: string;
      readonly body?: string;
      readonly draft?: boolean;
      readonly labels?: readonly string[];
    },
  ): Promise<PullRequest>;
  /**
   * Requests reviews, of users as `name`, of teams as `team-name` or `org/team-name` where the forge has them. Of whom one is
   * requested already, and who has given one, is not asked again; nor is a team once somebody has given one.
   */
  requestReviews(number: number, reviewers: readonly string[]): Promise<ReviewRequests>;
}

/** What is said under a pull request. Methods throw {@link ForgeError}. */
export interface Conversation {
  /** Oldest first. */
  comments(number: number): Promise<readonly Comment[]>;
  /** Writes the comment that holds the marker anew, or a first one: there is never a second. */
  put(number: number, marker: string, body: string): Promise<Comment>;
  /** Approvals that stand: not withdrawn, not dismissed. */
  approvals(number: number): Promise<readonly Approval[]>;
}

/** What is said of the commits of one repository. Methods throw {@link ForgeError}. */
export interface CommitStatuses {
  /** The newest for each context. */
  read(commit: string): Promise<readonly CommitStatus[]>;
  set(commit: string, status: CommitStatus): Promise<void>;
}

/** That a webhook delivers nothing, and the way out. */
export interface HookTrouble {
  readonly message: string;
  readonly hint: string;
}

/** What became of the deliveries of webhooks. */
export interface HookLook {
  /** Some of the webhooks are switched off. */
  readonly trouble: HookTrouble | undefined;
  /** Deliveries that have failed since the last look: something has happened of which nobody here was told. */
  readonly failed: number;
  /** To be given at the next look. */
  readonly mark: string | undefined;
}

/** The webhooks of one repository. Methods throw {@link ForgeError}. */
export interface RepositoryHooks {
  /**
   * What has become of deliveries to us; `undefined` where the forge does not let the token know.
   * @param prefix What our addresses begin with.
   * @param mark Of the last look; without it, all that the forge still knows is new.
   */
  look(prefix: string, mark: string | undefined): Promise<HookLook | undefined>;
}

/** One repository on a forge, and what is done there. */
export interface ForgeProject {
  readonly hooks: RepositoryHooks;
  readonly path: string;
  readonly pullRequests: PullRequests;
  readonly conversation: Conversation;
  readonly statuses: CommitStatuses;
  /** What a user may do here now; `none` for whom the forge does not know. Throws {@link ForgeError}. */
  permission(user: string): Promise<Permission>;
}

/** A forge, as one user sees it. Methods throw {@link ForgeError}. */
export interface Forge {
  readonly kind: ForgeKind;
  /** Such as `github.com` or `git.example.org:3000`. */
  readonly host: string;
  /** What Git speaks to over HTTP, such as `https://github.com`. */
  readonly origin: string;
  /** The name of the user whom the token belongs to. */
  user(): Promise<string>;
  /** @throws {ForgeError} `not-found`. */
  repository(path: string): Promise<ForgeRepository>;
  /** Opens nothing: the first of its methods that is called asks the forge. */
  project(path: string): ForgeProject;
  /** What the forge calls the account of a name for good: a name may be given to somebody else. `undefined` where there is none. */
  accountOf(user: string): Promise<string | undefined>;
  /**
   * Whether a user is a member of an organization or a team (`org/team`), on GitLab of a group, now; `undefined` where the forge does not
   * let the token know.
   */
  isMember(user: string, group: string): Promise<boolean | undefined>;
}

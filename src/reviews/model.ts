import type { Approval, PullRequest } from "../forge/index.ts";
import type { Owners, Review, ReviewedLine, ReviewFinding, VoidReason } from "../review/index.ts";

/** A pull request as it was last seen. */
export interface KeptPull {
  /** Digits. */
  readonly id: string;
  /** The URL of its repository, as the jobs have it, and what all forms of that have in common. */
  readonly url: string;
  readonly repository: string;
  readonly number: number;
  /** Its page on the forge. */
  readonly page: string;
  readonly title: string;
  readonly author: string;
  /** The newest commit, and the branch that it is for. */
  readonly head: string;
  readonly base: string;
  readonly labels: readonly string[];
  readonly draft: boolean;
  /** Whether the forge says that it cannot be merged for what else was merged; `undefined` where it does not say. */
  readonly conflicts: boolean | undefined;
  /** `gone`: the forge does not know it any more. */
  readonly state: PullRequest["state"] | "gone";
  readonly mergeCommit: string | undefined;
  /** The jobs that its newest commit concerns; `undefined` of one that was there before anybody looked. */
  readonly jobs: readonly string[] | undefined;
  /** Whether jobs may be run for its author. */
  readonly trusted: boolean;
  readonly seenAt: Date;
  /** When it was first seen with its label, or as a draft. */
  readonly heldSince: Date | undefined;
  readonly changedAt: Date;
  readonly endedAt: Date | undefined;
}

/** What a review found of a pull request, without what it lists. */
export interface KeptReview {
  /** The run that it came from. */
  readonly run: string;
  readonly job: string;
  readonly commit: string;
  /** What approvals are bound to. */
  readonly edgesHash: string;
  readonly verdict: Review["verdict"];
  readonly summary: ReviewSummary;
  /** As they were when it was made; `undefined` where the job asks for none. */
  readonly approvals: KeptApprovals | undefined;
  readonly at: Date;
}

/** What a review says of all of a change. */
export interface ReviewSummary
  extends Pick<Review, "offline" | "allowRemovals" | "edges" | "outside" | "path"> {
  readonly base: string;
  readonly planHash: string | undefined;
  /** Findings that fail, those that are mentioned, and of all how many each code has. */
  readonly fails: number;
  readonly mentions: number;
  /** Lines that were added, taken away or whose tag moved. */
  readonly lines: number;
  readonly passedOver: number;
  readonly rewritten: number;
  readonly projects: readonly KeptProject[];
  /** More projects, files, lines or findings than are kept. */
  readonly isCut: boolean;
}

/** A project that a change touches. */
export interface KeptProject {
  readonly project: string;
  /** From the top of the repository. */
  readonly files: readonly { readonly file: string; readonly owners?: Owners | undefined }[];
  readonly added: number;
  readonly removed: number;
  readonly moved: number;
  readonly newDestinations: readonly {
    readonly name: string;
    readonly edges: number;
    readonly mayPush?: "yes" | "no" | "unknown" | undefined;
  }[];
  readonly removedDestinations: readonly string[];
}

/** What became of the approvals of a change. */
export interface KeptApprovals {
  readonly standing: readonly Approval[];
  readonly void: readonly { readonly approval: Approval; readonly reason: VoidReason }[];
  /** Changed files that no standing approval covers. */
  readonly uncovered: readonly string[];
}

/** A line of a change. */
export interface KeptLine extends Pick<ReviewedLine, "kind" | "image" | "tag" | "digest" | "source"> {
  readonly number: number;
  readonly project: string;
  readonly before: string | undefined;
  readonly file: string;
  readonly line: number;
  /** Registries where it goes, without the image's own name where that ends them. */
  readonly destinations: readonly string[];
  /** What promotion would do, in how many destinations. */
  readonly verdicts: ReviewedLine["verdicts"];
  /** What the image is, what is otherwise than in the version before it, and what is attached to it: in words. */
  readonly what: string;
  readonly since: string;
  readonly attached: string;
}

/** Something that a review found. */
export interface KeptFinding extends Pick<ReviewFinding, "severity" | "code" | "message" | "hint"> {
  readonly number: number;
  readonly file: string;
  readonly line: number | undefined;
  /** The place is where the line was before the change. */
  readonly gone: boolean;
  readonly isOld: boolean;
  readonly destinations: readonly string[];
}

/** What a pull request waits for before it can be merged. */
export interface PullWait {
  readonly for: "trust" | "review" | "findings" | "approval" | "hold" | "draft" | "conflicts";
  /** One sentence without an end. */
  readonly text: string;
  readonly since: Date | undefined;
  /** The run that is waited for. */
  readonly run?: string | undefined;
}

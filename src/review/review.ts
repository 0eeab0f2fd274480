import type { Diagnostic, Place } from "../diagnostics/index.ts";
import type { EdgeChangeKind, ManifestComparison, Selected, Selection } from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Listener, ProgressEvent } from "../events/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { ImageJudgement, OpenRepository, Plan, Verdict } from "../promotion/index.ts";
import type { ImageTrust } from "../trust/index.ts";
import type { LineFacts } from "./facts.ts";
import type { ReviewCode } from "./review-codes.ts";

/** What is to be reviewed, and how. */
export interface ReviewOptions {
  /** A directory of thin manifests or a plain manifest, in a Git repository. At `head`, it need not be on disk. */
  readonly path: string;
  /** The top of the repository that the path is named from: see `CommitOptions` of `manifest/`. Both revisions are commits then. */
  readonly repository?: string | undefined;
  /** The revision that the change is made to. `REV...` is the commit at which the head left `REV`. */
  readonly base: string;
  /** Who named the base, for the review to say: `--base` when it is left out. */
  readonly baseFrom?: string;
  /** The revision with the change; the working tree when it is left out. */
  readonly head?: string;
  /** Judge only what it selects of the change: what is outside is compared with, and no more. */
  readonly selection?: Selection | undefined;
  /** How repositories are reached. Without it the review is offline: it says nothing of what registries hold. */
  readonly open?: OpenRepository | undefined;
  /**
   * Makes what knows the policies of a state, and evaluates them: those of the head, and those of the base where they are other
   * ones. Without it nobody does: where one requires something, what it is about is not known to satisfy it.
   */
  readonly trust?: ((state: ManifestTree) => Promise<ImageTrust>) | undefined;
  /**
   * A policy file on disk that the settings name. In the repository, a change of it is told and judged as one of the policies
   * beside the manifests; elsewhere it is its operator's.
   */
  readonly policyFile?: string | undefined;
  /** Lines and destinations that are taken away are mentioned; they fail when it is left out. */
  readonly allowRemovals?: boolean;
  /** Environment variables for Git: `process.env` when they are left out. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** Told after each production repository that was read. */
  readonly listener?: Listener<ProgressEvent> | undefined;
  /** No repository is begun once it is aborted: what nobody has looked at is not known, which fails. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Who may approve changes to a file, which is named from the top of the repository, with slashes. `undefined` when
 * nobody says.
 */
export type OwnersOf = (file: string) => Owners | undefined;

/** People who are asked about a file, by the names that the code host knows them by. */
export interface Owners {
  readonly approvers: readonly string[];
  readonly reviewers: readonly string[];
}

/**
 * A change of promoter manifests, judged: plain data, to be printed as JSON. What comes from manifests and registries
 * stands in it as it is; the formats of this room make it harmless.
 */
export interface Review {
  readonly format: "waybill-review/2";
  /** As asked for, normalized: files and places begin with it. */
  readonly path: string;
  /** Where the path is from the top of the repository, with slashes; empty for the top itself. */
  readonly prefix: string;
  /** `fails` when any finding does. */
  readonly verdict: "passes" | "fails";
  /** The state before. */
  readonly base: ReviewedRevision & { readonly commit: string };
  /** The state after; without a `commit` it is the working tree. */
  readonly head: ReviewedRevision;
  /** No registry was asked: nobody knows whether images are in staging, and what production holds. */
  readonly offline: boolean;
  /** It was ended from outside before all was looked at: what is unread for that is no finding about the change. */
  readonly interrupted: boolean;
  /** What is not asked for any more is mentioned, and fails nothing. */
  readonly allowRemovals: boolean;
  /** Identity of the edges that the change asks for: approvals are bound to it. */
  readonly edgesHash: string;
  /** What of the change was judged; its `others` are changed edges. Absent when all of it was. */
  readonly selection?: Selected;
  /** Edges `added`, `removed`, `moved`, `source-changed` and `unchanged`, in the projects that were looked at. */
  readonly edges: Readonly<Record<EdgeChangeKind | "unchanged", number>>;
  /** What fails before what is mentioned, each in the order of the files. */
  readonly findings: readonly ReviewFinding[];
  /** Projects that the change touches, in the order of their names. */
  readonly projects: readonly ReviewedProject[];
  /** Projects that are the same at both revisions and cannot meet the changed ones: their images were not read. */
  readonly passedOver: readonly string[];
  /**
   * How many `errors` and `warnings` were so before in files that the change does not touch, or are not selected:
   * `waybill check` shows them.
   */
  readonly outside: { readonly errors: number; readonly warnings: number };
  /** Files whose text differs, although they ask for the same. */
  readonly rewritten: ManifestComparison["rewritten"];
  /** What promotion would do; absent when offline. */
  readonly plan?: Plan | undefined;
}

/** One of the two states. */
export interface ReviewedRevision {
  /** Full hash. */
  readonly commit?: string | undefined;
  /** As it was asked for. */
  readonly revision?: string;
  /** Who named it: an option, or a variable of the environment. */
  readonly from?: string;
}

/** Something that fails the review, or is worth knowing. */
export interface ReviewFinding extends Omit<Diagnostic, "severity" | "code"> {
  readonly severity: "fails" | "mentions";
  readonly code: ReviewCode;
  /** The place is where the line was at the base: it is not in the file any more. */
  readonly gone?: true;
  /** It was so before the change. */
  readonly isOld?: true | undefined;
  /** Production repositories that it is about, as far as it is about any. */
  readonly destinations?: readonly RepositoryName[];
}

/** A project that the change touches. */
export interface ReviewedProject {
  readonly project: string;
  /** Changed files, from the top of the repository, with those who may approve them. */
  readonly files: readonly ReviewedFile[];
  readonly lines: readonly ReviewedLine[];
  readonly newDestinations: readonly NewDestination[];
  readonly removedDestinations: readonly string[];
}

/** A file that the change touches. */
export interface ReviewedFile {
  readonly file: string;
  /** Absent when nobody says who they are. */
  readonly owners?: Owners | undefined;
}

/** A line of a manifest that asks for something else than before, wherever it goes: one tag, or a digest without. */
export interface ReviewedLine {
  readonly kind: EdgeChangeKind;
  readonly image: string;
  /** `null` for a digest that is promoted without a tag. */
  readonly tag: Tag | null;
  readonly digest: Digest;
  /** What the tag was asked for at, when it moved. */
  readonly before?: { readonly digest: Digest; readonly at: Place } | undefined;
  /** In the list of images that it is in; of a removed line, where it was. */
  readonly at: Place;
  /** The staging repository. */
  readonly source: RepositoryName;
  /** Production repositories, in the order of their names. */
  readonly destinations: readonly RepositoryName[];
  /** What promotion would do, by verdict; absent when offline, and for what was removed. */
  readonly verdicts?: Readonly<Partial<Record<Verdict, number>>> | undefined;
  /** What policies say of the image; absent when offline, when none applies, and when there is nothing to do. */
  readonly policies?: readonly ImageJudgement[] | undefined;
  /**
   * What hangs on the image in staging and would travel with it, in words: what it is, and who signed it. Absent when offline,
   * when there is nothing, and when production has it all.
   */
  readonly travels?: readonly string[] | undefined;
  /** What staging says of the image; absent when offline, for what was removed, and beyond the first images. */
  readonly facts?: LineFacts | { readonly failure: FailureRecord } | undefined;
}

/** A registry that a project promotes to, and did not before. */
export interface NewDestination {
  readonly name: string;
  readonly at: Place;
  /** Edges of lines that are not new themselves. */
  readonly edges: number;
  /** Whether we may push there; `unknown` where no registry says without a write, absent when offline. */
  readonly mayPush?: "yes" | "no" | "unknown" | undefined;
}

/** The changed files of a review, from the top of the repository. */
export function filesOf({ projects }: Review): readonly string[] {
  return [...new Set(projects.flatMap(({ files }) => files.map(({ file }) => file)))];
}

/** The review, with those who may approve its files. They are known only when the files are. */
export function withOwners(review: Review, ownersOf: OwnersOf): Review {
  const projects = review.projects.map((project) => ({
    ...project,
    files: project.files.map(({ file }) => {
      const owners = ownersOf(file);
      return owners === undefined ? { file } : { file, owners };
    }),
  }));
  return { ...review, projects };
}

import type { BuildRequest, LocalEngineName } from "../builds/index.ts";

/** What a job does. A kind is a type: each has inputs of its own, and none is a command. */
export type JobWork =
  | { readonly kind: "build"; readonly build: JobBuild }
  | { readonly kind: "promote"; readonly promote: JobPromotion }
  | { readonly kind: "review"; readonly review: JobReview }
  | { readonly kind: "verify"; readonly verify: JobVerification }
  | { readonly kind: "snapshot"; readonly snapshot: JobSnapshot }
  | { readonly kind: "propose"; readonly propose: JobProposal };

/** The kinds of jobs, which are the keys of their files as well. */
export type JobKind = JobWork["kind"];

/** What is built, in the words of a build's request where they are the same. Paths are relative, with slashes, and stay in the repository. */
export interface JobBuild
  extends Pick<
    BuildRequest,
    | ("project" | "pushTo" | "pushAsNamed" | "variant" | "versionTagFilter")
    | ("withGitDir" | "allowDirty" | "noSource" | "google")
  > {
  /** The folder with the build file. */
  readonly dir: string;
  /** What builds; the first that works where it runs when left out. */
  readonly engine?: LocalEngineName | undefined;
  /** The build file, from `dir` on; `cloudbuild.yaml` by default. */
  readonly config?: string | undefined;
  /** The folder that is built from; `dir` by default. */
  readonly buildDir?: string | undefined;
  /** Variables of the job's environment that become substitutions, with an underscore before them. */
  readonly env?: readonly string[] | undefined;
}

/** Production is brought to what the manifests at the head of a branch ask for. */
export interface JobPromotion {
  /** In the repository: a folder of thin manifests, or a file that is a promoter manifest. */
  readonly manifests: string;
  /** It is planned and reported, and nothing is written. */
  readonly dryRun?: boolean | undefined;
  /** Nothing is done at all when anything is not as desired. */
  readonly strict?: boolean | undefined;
}

/** A pull request's change of manifests is judged. */
export interface JobReview {
  /** As for {@link JobPromotion}. */
  readonly manifests: string;
  /** `false`: it is a status alone, without a comment. */
  readonly post?: boolean | undefined;
  /** That something is taken away is mentioned, and does not fail. */
  readonly allowRemovals?: boolean | undefined;
  /** It fails until those have approved who own what is changed. */
  readonly requireApproval?: boolean | undefined;
}

/** Production is compared with what the manifests ask for. */
export interface JobVerification {
  /** As for {@link JobPromotion}. */
  readonly manifests: string;
  /** It looks so often before what it finds counts, because a promotion may be under way; 1 when left out. */
  readonly attempts?: number | undefined;
  /** Every blob is read as a whole, and hashed. Excludes `sample`. */
  readonly deep?: boolean | undefined;
  /** So many of the blobs are: a part such as `2%`, another one each day. */
  readonly sample?: string | undefined;
  /** It is looked at who vouches for images as well, and they are held against policies. */
  readonly signatures?: boolean | undefined;
}

/** What a registry holds is kept as an artifact of the run. */
export interface JobSnapshot {
  /** Host, with a path if need be: `gcr.io/k8s-staging-kubernetes`. */
  readonly registry: string;
  /** Manifests of the repository that name what is looked at, where the registry lists nothing; as for {@link JobPromotion}. */
  readonly manifests?: string | undefined;
  /** Untagged images that an index of their repository lists are left out. */
  readonly minimal?: boolean | undefined;
  /** The artifact's name; one that ends with `.csv` is CSV. `snapshot.yaml` when left out. */
  readonly artifact?: string | undefined;
}

/** A pull request that promotes images is opened, as `waybill pr` does it. */
export interface JobProposal {
  /**
   * Which images: `build` is what the run of the build made that it was started after, `release` the tag set of the version that
   * the pushed tag names, `tag` that tag alone.
   */
  readonly from: "build" | "release" | "tag";
  /** URL of the repository with the manifests, where the pull request is opened. */
  readonly repo: string;
  /** In that repository: a folder of thin manifests, or a file that is a promoter manifest. */
  readonly manifests: string;
  /** Made of `staging` when left out; one of the two is there. */
  readonly project?: string | undefined;
  /** Registry that is promoted from; that of the project when left out. */
  readonly staging?: string | undefined;
  /** Whose rules make the set of tags of a release. */
  readonly profile?: string | undefined;
  /** Images that are promoted, as globs; all when left out. */
  readonly images?: readonly string[] | undefined;
  /** The branch that it is for; the default branch when left out. */
  readonly base?: string | undefined;
  /** `owner/name` of the fork that the branch is pushed to; the repository itself when left out. */
  readonly fork?: string | undefined;
  readonly reviewers?: readonly string[] | undefined;
  readonly labels?: readonly string[] | undefined;
  /** `false`: the pull request is not held. */
  readonly hold?: boolean | undefined;
}

import type { ResolvedBuild, SubstitutionOption } from "../cloudbuild/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Digest } from "../oci/index.ts";
import type { ContainerRun, EngineAction, EngineName } from "./engine.ts";

/** What to build, in the words of image-builder's command line. */
export interface BuildRequest {
  /** The folder with `cloudbuild.yaml` and `variants.yaml`. */
  readonly configDir: string;
  /** The folder that is built from; the config folder by default. */
  readonly buildDir?: string | undefined;
  /** The build file, from the config folder on; `cloudbuild.yaml` by default. */
  readonly configFile?: string | undefined;
  /** The URL of the repository, where the checkout has no remote that says it. */
  readonly repository?: string | undefined;
  /** How messages name the build file, where its path means nothing to people. */
  readonly configName?: string | undefined;
  /** What `$PROJECT_ID` stands for. */
  readonly project?: string | undefined;
  /** Only this one of `variants.yaml`. */
  readonly variant?: string | undefined;
  /** Variables of the environment that become substitutions, with an underscore before them. */
  readonly envPassthrough?: readonly string[] | undefined;
  /** Other substitutions, as `_KEY`, and those that a trigger would give, such as `TAG_NAME`. */
  readonly substitutions?: Readonly<Record<string, string>> | undefined;
  /** Instead of what the build file says: triggers run all files by `ALLOW_LOOSE`. */
  readonly substitutionOption?: SubstitutionOption | undefined;
  /**
   * `_GIT_TAG` and variables of the environment count as given, as by image-builder: by `MUST_MATCH` the file has to use them.
   * Without it they are there for files that do.
   */
  readonly givenMustMatch?: boolean | undefined;
  /** The branch or tag that was pushed, in full; what is checked out by default. */
  readonly ref?: string | undefined;
  readonly allowDirty?: boolean | undefined;
  readonly withGitDir?: boolean | undefined;
  /** Steps get an empty workspace. */
  readonly noSource?: boolean | undefined;
  /** A glob that `git describe` chooses tags by. */
  readonly versionTagFilter?: string | undefined;
  /** The date of the tag: today's, the commit's, or one as `YYYYMMDD`. */
  readonly date?: "today" | "commit" | string;
  readonly platforms?: readonly string[] | undefined;
  /**
   * The registry (a host, or a host and a path) that images go to instead of the one that the file names. Without it, and
   * without {@link pushAsNamed}, they go to the embedded registry.
   */
  readonly pushTo?: string | undefined;
  /** Images go where the build file names them. */
  readonly pushAsNamed?: boolean | undefined;
  readonly engine?: EngineName | undefined;
  /** Of the embedded registry, where that is used. */
  readonly registryFolder?: string | undefined;
  /** What only Google's service understands. */
  readonly google?: GoogleOptions | undefined;
  /** `process.env` when left out. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** Options of image-builder that are about Google's service. */
export interface GoogleOptions {
  /** Where the worker pool is; `global` by default. */
  readonly region?: string | undefined;
  /** `gs://BUCKET` or `gs://BUCKET/PATH`, for the source and the log; without it gcloud's own, `PROJECT_cloudbuild`. */
  readonly scratchBucket?: string | undefined;
  readonly machineType?: string | undefined;
  readonly workerPool?: string | undefined;
  readonly serviceAccount?: string | undefined;
  /** Longest time between two looks; 10 by default. */
  readonly pollingSeconds?: number | undefined;
  readonly suppressLogs?: boolean | undefined;
}

/** Where Google's service is. */
export interface GoogleService {
  /** `https://cloudbuild.googleapis.com` by default. */
  readonly buildOrigin?: string;
  /** `https://storage.googleapis.com` by default. */
  readonly storageOrigin?: string;
  /** Milliseconds until the first look, and the first wait after a refusal. */
  readonly firstWait?: number;
}

/** What a build would do, or did: plain data, the same for the command line, a run's record and a page. */
export interface BuildPlan {
  readonly format: "waybill-build/1";
  readonly engine: EngineName;
  /** What a program says of itself. */
  readonly engineVersion?: string | undefined;
  /** Why it is that engine. */
  readonly engineReason: string;
  /** What `$_GIT_TAG` stands for. */
  readonly tag: string;
  readonly source: BuildSource;
  /** The build file, as it is named in messages. */
  readonly config: string;
  readonly destination: BuildDestination;
  /** One for each variant; one named `build` where there are none. */
  readonly builds: readonly PlannedBuild[];
  /** What is likely not meant: variants that push the same image. */
  readonly warnings: readonly string[];
  /** What somebody should know: what is ignored here, what cannot be seen. */
  readonly notes: readonly string[];
}

/** Where the source comes from. */
export interface BuildSource {
  /** The folder that is built from, absolute. */
  readonly folder: string;
  /** From the top of the repository to {@link folder}; empty for the top. */
  readonly path: string;
  /** The build file, from the top of the repository on where it stands in one, else absolute. */
  readonly configPath: string;
  /** The URL of the remote `origin`, without credentials. */
  readonly repository?: string | undefined;
  /** The last word of {@link repository}, or of the top folder where there is none. */
  readonly name: string;
  readonly commit?: string | undefined;
  readonly describe?: string | undefined;
  /** The branch that is checked out, or was pushed. */
  readonly branch?: string | undefined;
  /** The tag that stands on the commit, or was pushed; none of a working copy with changes. */
  readonly tag?: string | undefined;
  readonly isDirty: boolean;
  readonly withGitDir: boolean;
  /** Steps get an empty workspace. */
  readonly isOmitted?: boolean | undefined;
}

/** Where images go. */
export type BuildDestination =
  | { readonly kind: "embedded"; readonly folder: string }
  | { readonly kind: "registry"; readonly prefix: string }
  /** Where the build file names them. */
  | { readonly kind: "named" };

/** One build of a plan. */
export interface PlannedBuild {
  readonly name: string;
  /** Substitutions that are given beside those of the file; of those that are only offered, the ones that it refers to. */
  readonly given: Readonly<Record<string, string>>;
  readonly build: ResolvedBuild;
  /** In the order of the steps. */
  readonly actions: readonly PlannedAction[];
  readonly pushes: readonly PlannedPush[];
}

/** A step as it will be done. Paths of native actions are those in a container: `/workspace/postgres`. */
export type PlannedAction =
  /** By the engine itself, without a container: a plain `docker build`, `tag` or `push`. */
  | {
      readonly kind: "native";
      readonly action?: Exclude<EngineAction, ContainerRun>;
      /** Pushed when the action is done. */
      readonly pushes: readonly PlannedPush[];
    }
  /** In a container, as the step says, and why. */
  | { readonly kind: "container"; readonly reason: string };

/** An image that is pushed. */
export interface PlannedPush {
  /** As the build file names it. */
  readonly image: string;
  /** Where it goes; for the embedded registry, without its address. */
  readonly repository: string;
  readonly tag: string;
}

/** What a run built: `artifacts/images.json` of its record. */
export interface BuiltImages {
  readonly format: "waybill-images/1";
  readonly run: { readonly job: string; readonly id: string };
  readonly source: Pick<BuildSource, "repository" | "commit" | "describe" | "isDirty" | "path">;
  readonly tag: string;
  readonly images: readonly BuiltImage[];
}

/** An image that was pushed during a build, once for each repository and digest. */
export interface BuiltImage {
  /** The variant. */
  readonly build: string;
  /** The repository as the build file names it, or as a step pushed to it: `gcr.io/k8s-staging-apisnoop/snoopdb`. */
  readonly name: string;
  /** The repository where it went. For the embedded registry, by the address that it had then. */
  readonly repository: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the manifest or index. */
  readonly size: number;
  readonly tags: readonly string[];
  /** How it is known: it was pushed by Waybill, the registry saw it, or a step said so and the registry confirmed it. */
  readonly seenBy: readonly ("waybill" | "registry" | "step")[];
  /** The provenance that was attached to it. */
  readonly provenance?: Digest;
}

/** How a build ended. */
export type BuildStatus = "success" | "failure" | "timeout" | "cancelled";

/** What became of one build. */
export interface BuildOutcome {
  readonly name: string;
  readonly status: BuildStatus;
  readonly steps: readonly StepOutcome[];
  readonly failure?: FailureRecord | undefined;
}

/** What became of a step. */
export interface StepOutcome {
  readonly index: number;
  readonly status: "success" | "failure" | "allowed-failure" | "timeout" | "cancelled" | "not-started";
  readonly exitCode?: number | undefined;
  readonly startedAt?: string | undefined;
  readonly milliseconds?: number | undefined;
  readonly image?: { readonly name: string; readonly digest: Digest } | undefined;
}

/** A build that came to its end, well or not: `artifacts/build.json` of its record. */
export interface BuildResult {
  readonly format: "waybill-build-result/1";
  readonly plan: BuildPlan;
  readonly run: { readonly job: string; readonly id: string; readonly folder: string };
  readonly outcomes: readonly BuildOutcome[];
  readonly images: readonly BuiltImage[];
}

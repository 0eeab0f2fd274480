import type { CloudBuildStep } from "./file.ts";

/** A build as it will run: every substitution made, every default filled in. Plain data. */
export interface ResolvedBuild {
  readonly steps: readonly ResolvedStep[];
  /** Names that are pushed, in this order, when all steps have succeeded: `images` and `artifacts.images`. */
  readonly images: readonly string[];
  /** Files that are kept when all steps have succeeded. */
  readonly objects?: { readonly location: string; readonly paths: readonly string[] } | undefined;
  /** Words that the build is found by; not the tags of its images. */
  readonly tags: readonly string[];
  readonly timeoutSeconds: number;
  /** Every value that was at hand, by its key without `$`: those given, those of the file, and built-in ones. */
  readonly substitutions: Readonly<Record<string, string>>;
  /** Environment variables whose values are secrets, and where the file says that they are kept. */
  readonly secrets: readonly SecretSource[];
  /** What only Google's service understands, such as `machineType`, by its camelCase path: `options.machineType`. */
  readonly google: Readonly<Record<string, string>>;
}

/** A secret that steps ask for by `secretEnv`. */
export interface SecretSource {
  /** The environment variable, as `secretEnv` names it. */
  readonly env: string;
  /** `projects/P/secrets/S/versions/V` of Secret Manager; `undefined` where the file holds it encrypted by a key of KMS. */
  readonly version?: string | undefined;
}

/** One step, with the environment, volumes and secrets that `options` give to all of them. */
export interface ResolvedStep
  extends Pick<
    CloudBuildStep,
    "index" | "at" | "id" | "timeoutSeconds" | "allowFailure" | "allowExitCodes" | "waitFor"
  > {
  /** The image that it runs in. */
  readonly name: string;
  readonly args: readonly string[];
  readonly entrypoint?: string | undefined;
  /** Excludes `args` and `entrypoint`; starts with `#!`, or is for `/bin/sh`. */
  readonly script?: string | undefined;
  /** The value of each variable, by its name; those of the step win over those of `options`. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables whose values are secrets. */
  readonly secretEnv: readonly string[];
  /** Where it runs, absolute: `/workspace`, or something in it, or elsewhere. */
  readonly dir: string;
  readonly volumes: readonly { readonly name: string; readonly path: string }[];
}

/** Where the source of a build stands, for substitutions that are built in. */
export type BuiltInValues = Readonly<Record<string, string>>;

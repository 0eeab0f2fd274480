import type { Diagnostic, TextPosition } from "../diagnostics/index.ts";

/** A text of a Cloud Build file, before substitutions. */
export interface CloudBuildText {
  readonly value: string;
  readonly at: TextPosition;
  /** Where each `$` of the value stands; left out where escapes of YAML hide that. */
  readonly dollars?: readonly TextPosition[];
}

/** A folder that steps share, before substitutions. */
export interface CloudBuildVolume {
  readonly name: CloudBuildText;
  readonly path: CloudBuildText;
}

/** One step, before substitutions. */
export interface CloudBuildStep {
  readonly index: number;
  /** Where it stands in the file. */
  readonly at: TextPosition;
  /** As the file gives it; steps without one have none. */
  readonly id?: string | undefined;
  readonly name: CloudBuildText;
  readonly args: readonly CloudBuildText[];
  readonly entrypoint?: CloudBuildText | undefined;
  /** In which no substitutions are made. */
  readonly script?: CloudBuildText | undefined;
  readonly env: readonly CloudBuildText[];
  readonly secretEnv: readonly CloudBuildText[];
  readonly dir?: CloudBuildText | undefined;
  readonly volumes: readonly CloudBuildVolume[];
  readonly timeoutSeconds?: number | undefined;
  readonly allowFailure: boolean;
  readonly allowExitCodes: readonly number[];
  readonly automapSubstitutions?: boolean | undefined;
  /** Indexes of the steps that have to be over first: all before it, unless the file says otherwise. */
  readonly waitFor: readonly number[];
}

/** Whether every reference needs a value, and every value a reference. */
export type SubstitutionOption = "MUST_MATCH" | "ALLOW_LOOSE";

/** What `options` says that is not only Google's. */
export interface CloudBuildOptions {
  readonly substitutionOption: SubstitutionOption;
  readonly dynamicSubstitutions: boolean;
  readonly automapSubstitutions: boolean;
  readonly env: readonly CloudBuildText[];
  readonly secretEnv: readonly CloudBuildText[];
  readonly volumes: readonly CloudBuildVolume[];
}

/** A secret that the file names, before substitutions. */
export interface CloudBuildSecret {
  readonly env: CloudBuildText;
  /** In Secret Manager; `undefined` for a value that the file holds encrypted by a key of KMS. */
  readonly version?: CloudBuildText;
}

/** The value of a substitution of the file, and where its key stands. */
export interface CloudBuildSubstitution extends CloudBuildText {
  readonly keyAt: TextPosition;
}

/** A Cloud Build file, read and checked; its substitutions are still to be made. Plain data. */
export interface CloudBuildFile {
  /** How messages name it. */
  readonly file: string;
  readonly steps: readonly CloudBuildStep[];
  /** `images`, and then `artifacts.images`. */
  readonly images: readonly CloudBuildText[];
  readonly objects?:
    | { readonly location: CloudBuildText; readonly paths: readonly CloudBuildText[] }
    | undefined;
  readonly tags: readonly CloudBuildText[];
  readonly substitutions: Readonly<Record<string, CloudBuildSubstitution>>;
  readonly options: CloudBuildOptions;
  readonly timeoutSeconds: number;
  readonly secrets: readonly CloudBuildSecret[];
  /** What only Google's service understands, by its camelCase path: `options.machineType`. */
  readonly google: Readonly<Record<string, CloudBuildText>>;
  /** The whole file as Google's API takes it: keys in camelCase, numbers, booleans and lists as such. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** What came of reading a Cloud Build file. */
export interface CloudBuildReading {
  /** `undefined` when at least one diagnostic is an error. */
  readonly build: CloudBuildFile | undefined;
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A file as if its `options` said otherwise how substitutions have to match, for us and for Google's service. */
export function withSubstitutionOption(
  file: CloudBuildFile,
  substitutionOption: SubstitutionOption,
): CloudBuildFile {
  const { options } = file.document;
  const written = typeof options === "object" && options !== null ? options : {};
  return {
    ...file,
    options: { ...file.options, substitutionOption },
    document: { ...file.document, options: { ...written, substitutionOption } },
  };
}

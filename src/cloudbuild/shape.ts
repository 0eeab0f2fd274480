import { listOf, mapOf, record } from "./collection-readers.ts";
import { googles } from "./google-fields.ts";
import type { Placed, Reader } from "./reader.ts";
import { duration, flag, text, wholeNumber, word } from "./scalar-readers.ts";

/** Of a few more than Google takes, the surplus is counted and not read. */
export const mostSteps = 300;

const volume = record("a volume", { name: text, path: text });

const step = record("a step", {
  name: text,
  args: listOf(text),
  entrypoint: text,
  script: text,
  env: listOf(text),
  secretEnv: listOf(text),
  dir: text,
  id: text,
  waitFor: listOf(text),
  timeout: duration,
  volumes: listOf(volume),
  allowFailure: flag,
  allowExitCodes: listOf(wholeNumber),
  automapSubstitutions: flag,
  // What the API says of a step that ran; files that were saved from it have these.
  status: googles,
  timing: googles,
  pullTiming: googles,
  exitCode: googles,
  results: googles,
});

const options = record("options", {
  substitutionOption: word(["MUST_MATCH", "ALLOW_LOOSE"]),
  dynamicSubstitutions: flag,
  automapSubstitutions: flag,
  env: listOf(text),
  secretEnv: listOf(text),
  volumes: listOf(volume),
  machineType: googles,
  pool: googles,
  workerPool: googles,
  diskSizeGb: googles,
  logging: googles,
  logStreamingOption: googles,
  sourceProvenanceHash: googles,
  requestedVerifyOption: googles,
  defaultLogsBucketBehavior: googles,
  enableStructuredLogging: googles,
  pubsubTopic: googles,
});

/** The fields of a build, after the API's description of `projects.builds` (version 1). */
export const buildShape = record("a build", {
  steps: listOf(step, mostSteps),
  images: listOf(text),
  tags: listOf(text),
  timeout: duration,
  substitutions: mapOf(text),
  options,
  artifacts: record("artifacts", {
    images: listOf(text),
    objects: record("artifacts.objects", { location: text, paths: listOf(text), timing: googles }),
    mavenArtifacts: googles,
    pythonPackages: googles,
    npmPackages: googles,
    goModules: googles,
    genericArtifacts: googles,
    oci: googles,
  }),
  secrets: listOf(record("a secret", { kmsKeyName: text, secretEnv: mapOf(text) })),
  availableSecrets: record("availableSecrets", {
    secretManager: listOf(record("a secret of Secret Manager", { versionName: text, env: text })),
    inline: listOf(record("an inline secret", { kmsKeyName: text, envMap: mapOf(text) })),
  }),
  serviceAccount: googles,
  logsBucket: googles,
  queueTtl: googles,
  source: googles,
  gitConfig: googles,
  dependencies: googles,
  approval: googles,
  id: googles,
  name: googles,
  projectId: googles,
});

type FieldsOf<R> = R extends Reader<Placed<infer Values>> ? Values : never;
/** What a build's fields hold. */
export type BuildFields = FieldsOf<typeof buildShape>;
/** What a step's fields hold, and where it stands. */
export type StepFields = Placed<FieldsOf<typeof step>>;
/** What a volume's fields hold, and where it stands. */
export type VolumeFields = Placed<FieldsOf<typeof volume>>;

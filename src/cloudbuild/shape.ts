import { printable } from "../diagnostics/index.ts";
import { anything, made, type ReadContext, type Shape, type ValueOf } from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import type { CloudBuildText } from "./file.ts";
import {
  type Both,
  camelCase,
  duration,
  flag,
  jsonOf,
  listOf,
  mapOf,
  type Placed,
  placedText,
  record,
  text,
  wholeNumber,
  word,
} from "./values.ts";

/** Of a few more than Google takes, the surplus is counted and not read. */
export const maxSteps = 300;

const volume = record("a volume", { name: text, path: text });

type Google = Shape<Both<undefined>>;

/** What only Google's service understands, whatever it is: its texts are collected by their paths. */
function googlesInto(collected: Map<string, CloudBuildText>): Google {
  const collect = (node: YamlNode, path: string, reading: ReadContext): void => {
    if (node.kind === "mapping") {
      for (const { key, value } of node.entries)
        collect(value, `${path}.${printable(camelCase(key.value), 100)}`, reading);
    } else if (node.kind === "scalar") collected.set(path, placedText(node, reading));
    else {
      const at = reading.findings.placeOf(node.start);
      collected.set(path, { value: JSON.stringify(jsonOf(node)), at });
    }
  };
  return made(anything, (node, _, reading) => {
    collect(node, reading.path.replaceAll(/\[\d+\]/g, ""), reading);
    return { value: undefined, json: jsonOf(node) };
  });
}

/** Fields of one shape. */
const each = <Name extends string>(names: readonly Name[], shape: Google) =>
  Object.fromEntries(names.map((name) => [name, shape])) as Readonly<Record<Name, Google>>;

const stepShape = (googles: Google) =>
  record("a step", {
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
    ...each(["status", "timing", "pullTiming", "exitCode", "results"], googles),
  });

const optionsShape = (googles: Google) =>
  record("options", {
    substitutionOption: word(["MUST_MATCH", "ALLOW_LOOSE"]),
    dynamicSubstitutions: flag,
    automapSubstitutions: flag,
    env: listOf(text),
    secretEnv: listOf(text),
    volumes: listOf(volume),
    ...each(["machineType", "pool", "workerPool", "diskSizeGb", "logging", "logStreamingOption"], googles),
    ...each(["sourceProvenanceHash", "requestedVerifyOption", "defaultLogsBucketBehavior"], googles),
    ...each(["enableStructuredLogging", "pubsubTopic"], googles),
  });

/**
 * The fields of a build, after the API's description of `projects.builds` (version 1).
 * @param collected gets what only Google's service understands, by its path.
 */
export function buildShape(collected: Map<string, CloudBuildText>) {
  const googles = googlesInto(collected);
  return record("a build", {
    steps: listOf(stepShape(googles), maxSteps),
    images: listOf(text),
    tags: listOf(text),
    timeout: duration,
    substitutions: mapOf(text),
    options: optionsShape(googles),
    artifacts: record("artifacts", {
      images: listOf(text),
      objects: record("artifacts.objects", { location: text, paths: listOf(text), timing: googles }),
      ...each(["mavenArtifacts", "pythonPackages", "npmPackages", "goModules"], googles),
      ...each(["genericArtifacts", "oci"], googles),
    }),
    secrets: listOf(record("a secret", { kmsKeyName: text, secretEnv: mapOf(text) })),
    availableSecrets: record("availableSecrets", {
      secretManager: listOf(record("a secret of Secret Manager", { versionName: text, env: text })),
      inline: listOf(record("an inline secret", { kmsKeyName: text, envMap: mapOf(text) })),
    }),
    ...each(["serviceAccount", "logsBucket", "queueTtl", "source", "gitConfig", "dependencies"], googles),
    ...each(["approval", "id", "name", "projectId"], googles),
  });
}

type FieldsIn<Any> = ValueOf<Any> extends Both<Placed<infer Fields>> ? Fields : never;
export type BuildFields = FieldsIn<ReturnType<typeof buildShape>>;
/** What a step's fields hold, and where it stands. */
export type StepFields = Placed<FieldsIn<ReturnType<typeof stepShape>>>;
/** What a volume's fields hold, and where it stands. */
export type VolumeFields = Placed<FieldsIn<typeof volume>>;

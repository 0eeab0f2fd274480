import { quoted } from "../diagnostics/index.ts";
import { readDocument } from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import type {
  CloudBuildFile,
  CloudBuildOptions,
  CloudBuildReading,
  CloudBuildStep,
  CloudBuildText,
} from "./file.ts";
import { type CloudBuildFindings, findingsOf } from "./findings.ts";
import { isUserKey, keyFault, maxSubstitutions } from "./keys.ts";
import { orderSteps } from "./order.ts";
import { checkSecrets, readSecrets } from "./secrets.ts";
import { type BuildFields, buildShape, maxSteps, type StepFields } from "./shape.ts";
import { checkVolumes, readVolumes } from "./volumes.ts";

/** Far more than any build needs; bounds what a hostile file costs. */
const maxFileBytes = 1024 * 1024;
/** Google's service ends every build, and every step, after a day. */
const maxSeconds = 24 * 60 * 60;
/**
 * What the hosted service takes today when a file names no timeout. It was 600 seconds once, and older descriptions
 * still say so; but a build that runs through there must not be cut off here.
 */
const defaultTimeoutSeconds = 60 * 60;
/** Of what `options` gives to every step, so that a small file does not become a huge build. Ten times what Google took once. */
const maxForAll = 1000;
/** Of one argument, in characters; the service's own limit as far as it is known, so passing it is only said. */
const maxArgumentLength = 10_000;

/**
 * Reads the text of a Cloud Build file, YAML or JSON, and checks all that does not depend on substitutions. Never
 * throws: everything that is wrong is among the diagnostics. Fields are those of version 1 of Google's API, in camelCase or
 * snake_case; unknown ones are only said.
 * @param file how the file is named.
 */
export function parseCloudBuild(text: string, file: string): CloudBuildReading {
  const findings = findingsOf(file, text);
  const google = new Map<string, CloudBuildText>();
  const root = readRoot(findings);
  const read = root === undefined ? undefined : buildShape(google).read(root, { findings, path: "" });
  if (root === undefined || read === undefined)
    return { build: undefined, diagnostics: findings.diagnostics };
  const fields = read.value.value;
  const steps = readSteps(fields, root, findings);
  const options = readOptions(fields, findings);
  const secrets = readSecrets(fields, findings);
  const timeoutSeconds = fields.timeout?.value ?? defaultTimeoutSeconds;
  checkTimeouts(fields, timeoutSeconds, findings);
  checkVolumes(steps, options.volumes, findings);
  checkSecrets(secrets, [...options.secretEnv, ...steps.flatMap(({ secretEnv }) => secretEnv)], findings);
  const objects = readObjects(fields, findings);
  const build: CloudBuildFile = {
    file,
    steps,
    images: [...(fields.images ?? []), ...(fields.artifacts?.value.images ?? [])],
    objects,
    tags: fields.tags ?? [],
    substitutions: readSubstitutions(fields, findings),
    options,
    timeoutSeconds,
    secrets,
    google: Object.fromEntries(google),
    document: read.json as Readonly<Record<string, unknown>>,
  };
  return { build: findings.errors > 0 ? undefined : build, diagnostics: findings.diagnostics };
}

function readRoot(findings: CloudBuildFindings): YamlNode | undefined {
  if (findings.text.length > maxFileBytes) {
    findings.report("file-too-large", 0, `the file has more than ${maxFileBytes} characters`);
    return undefined;
  }
  const document = readDocument(findings, "a build is one");
  if (document === undefined || document.secondDocument !== undefined) return undefined;
  if (document.root === undefined)
    findings.report("missing-key", 0, "the file is empty; a build needs steps");
  return document.root;
}

function readSteps(fields: BuildFields, root: YamlNode, findings: CloudBuildFindings): CloudBuildStep[] {
  const read = fields.steps ?? [];
  if (fields.steps === undefined) {
    if (findings.errors === 0) findings.report("missing-key", root.start, "a build needs steps");
  } else if (read.length === 0 && findings.errors === 0) {
    findings.report("missing-key", (stepsNode(root) ?? root).start, "a build needs at least one step");
  }
  const node = stepsNode(root);
  const surplus = node?.kind === "sequence" ? node.items[maxSteps] : undefined;
  if (surplus !== undefined) {
    findings.report("limit", surplus.start, `a build has at most ${maxSteps} steps`);
  }
  const order = orderSteps(
    read.map(({ value }) => value),
    findings,
  );
  return read.flatMap((step, index) => readStep(step, index, order[index] ?? [], findings));
}

function stepsNode(root: YamlNode): YamlNode | undefined {
  return root.kind === "mapping" ? root.entries.find(({ key }) => key.value === "steps")?.value : undefined;
}

function readStep(
  { value: fields, at }: StepFields,
  index: number,
  waitFor: readonly number[],
  findings: CloudBuildFindings,
): CloudBuildStep[] {
  const { name, args = [], script, entrypoint, env = [], secretEnv = [], dir, timeout, id } = fields;
  const { allowFailure = false, allowExitCodes = [], automapSubstitutions } = fields;
  if (script !== undefined && (args.length > 0 || entrypoint !== undefined)) {
    const other = entrypoint === undefined ? "args" : "an entrypoint";
    const message = `a step has a script or ${other}, never both`;
    findings.report("script-with-args", script.at, message, "keep one of them");
  }
  for (const argument of args) {
    if (argument.value.length <= maxArgumentLength) continue;
    const message = `the argument has more than ${maxArgumentLength} characters; Google's service refuses it`;
    findings.report("limit", argument.at, message, "keep the script in a file of the repository", {
      severity: "warning",
    });
  }
  if (name === undefined || name.value === "") {
    const message = `step ${index} has no name`;
    findings.report("missing-key", name?.at ?? at, message, "name is the image that the step runs in");
    return [];
  }
  return [
    {
      index,
      at,
      id: id?.value,
      name,
      args,
      entrypoint,
      script,
      env,
      secretEnv,
      dir,
      volumes: readVolumes(fields.volumes, findings),
      timeoutSeconds: timeout?.value,
      allowFailure,
      allowExitCodes,
      automapSubstitutions,
      waitFor,
    },
  ];
}

function readOptions({ options }: BuildFields, findings: CloudBuildFindings): CloudBuildOptions {
  const fields = options?.value ?? {};
  const lists = { env: fields.env ?? [], secretEnv: fields.secretEnv ?? [], volumes: fields.volumes ?? [] };
  for (const [name, { length }] of Object.entries(lists)) {
    if (length <= maxForAll || options === undefined) continue;
    const message = `options.${name} has more than ${maxForAll} items, which all steps get`;
    findings.report("limit", options.at, message);
  }
  return {
    substitutionOption: fields.substitutionOption ?? "MUST_MATCH",
    dynamicSubstitutions: fields.dynamicSubstitutions ?? false,
    automapSubstitutions: fields.automapSubstitutions ?? false,
    ...lists,
    volumes: readVolumes(lists.volumes.slice(0, maxForAll), findings),
  };
}

function checkTimeouts(fields: BuildFields, buildSeconds: number, findings: CloudBuildFindings): void {
  const { timeout } = fields;
  if (timeout !== undefined && timeout.value > maxSeconds) {
    const message = "a build may take 24 hours at most";
    findings.report("timeout", timeout.at, message, `write ${maxSeconds}s or less`);
  }
  for (const { value: step } of fields.steps ?? []) {
    if (step.timeout === undefined || step.timeout.value <= Math.min(buildSeconds, maxSeconds)) continue;
    const given =
      timeout === undefined ? "which is so because the file names no other" : "which stands in the file";
    const message = `the step may take ${step.timeout.value}s, longer than the whole build with its ${buildSeconds}s, ${given}`;
    findings.report(
      "timeout",
      step.timeout.at,
      message,
      "raise the timeout of the build, or lower that of the step",
    );
  }
}

function readSubstitutions(
  { substitutions = [] }: BuildFields,
  findings: CloudBuildFindings,
): CloudBuildFile["substitutions"] {
  for (const { name, value } of substitutions) {
    const fault = isUserKey(name.value) ? keyFault(name.value, value.value) : noUserKey(name);
    if (fault !== undefined) findings.report("invalid-substitution", name.at, fault.message, fault.hint);
  }
  const surplus = substitutions[maxSubstitutions];
  if (surplus !== undefined) {
    findings.report("limit", surplus.name.at, `a build has at most ${maxSubstitutions} substitutions`);
  }
  return Object.fromEntries(
    substitutions.map(({ name, value }) => [name.value, { ...value, keyAt: name.at }]),
  );
}

function noUserKey({ value: key }: CloudBuildText): { message: string; hint: string } {
  return {
    message: `invalid substitution key ${quoted(key)}: those of a file match ^_[A-Z0-9_]+$`,
    hint: "begin with an underscore, and use capital letters, digits and underscores",
  };
}

function readObjects({ artifacts }: BuildFields, findings: CloudBuildFindings): CloudBuildFile["objects"] {
  const objects = artifacts?.value.objects;
  if (objects === undefined) return undefined;
  const { location, paths = [] } = objects.value;
  if (location === undefined) {
    const message = "artifacts.objects needs a location";
    findings.report("missing-key", objects.at, message, "as in gs://bucket/folder/");
    return undefined;
  }
  if (paths.length === 0) findings.report("missing-key", objects.at, "artifacts.objects needs paths");
  return { location, paths };
}

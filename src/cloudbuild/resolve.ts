import { posix } from "node:path";
import { type Diagnostic, printable, quoted } from "../diagnostics/index.ts";
import { isTag } from "../oci/index.ts";
import {
  environmentOf,
  environmentOfAll,
  isMapped,
  type Resolving,
  type StepEnvironment,
} from "./environment.ts";
import type { CloudBuildFile, CloudBuildStep, CloudBuildText } from "./file.ts";
import { type CloudBuildFindings, findingsOf } from "./findings.ts";
import { imageNameFault } from "./image-name.ts";
import { givenFault, isUserKey, maxSubstitutions } from "./keys.ts";
import type { BuiltInValues, ResolvedBuild, ResolvedStep, SecretSource } from "./model.ts";
import { Substitution, type SubstitutionValue } from "./substitution.ts";
import { takeApart } from "./template.ts";

/** What a build is given from outside of its file. */
export interface GivenValues {
  /** By their keys without `$`: the user's, and built-in ones of triggered builds. They win over those of the file. */
  readonly substitutions: Readonly<Record<string, string>>;
  /** User's keys that the file may refer to or not: they win over those of the file, and `MUST_MATCH` asks nothing of them. */
  readonly offered?: Readonly<Record<string, string>>;
  /** What is known of the build and its source; what is not is empty. */
  readonly builtIns: BuiltInValues;
}

/** What came of making the substitutions of a file. */
export interface CloudBuildResolution {
  /** `undefined` when at least one diagnostic is an error. */
  readonly build: ResolvedBuild | undefined;
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
  /** Keys that the file refers to, whether they have a value or not. */
  readonly used: ReadonlySet<string>;
}

/** What is wrong with values from outside is said at the beginning of the file. */
const top = { line: 1, column: 1 };
/** Where steps run; paths that are not absolute start there. */
const workspace = "/workspace";
/** Of what only Google's service understands, where it makes substitutions too. */
const googlesTemplates = /^(?:logsBucket|serviceAccount|options\.pool\.name|artifacts\..+)$/;

/**
 * Makes every substitution of a file, and checks what comes of it. References are made in `name`, `args`, `entrypoint`,
 * `env` and `dir` of steps, in `images`, `tags`, `artifacts`, names of secrets, and in `env` of `options`; never in
 * `script`. Messages have the words of Google's tools. Never throws, and takes no more time than a file of its size may.
 */
export function resolveCloudBuild(file: CloudBuildFile, given: GivenValues): CloudBuildResolution {
  const findings = findingsOf(file.file);
  const { options } = file;
  const values = valuesOf(file, given, findings);
  const substitution = new Substitution(values, options, findings);
  const resolving: Resolving = { file, substitution, findings };
  const objects = resolveObjects(resolving);
  const ofAll = environmentOfAll(resolving);
  const build: ResolvedBuild = {
    steps: file.steps.map((step) => resolveStep(step, ofAll, resolving)),
    images: file.images.map((image) => imageOf(image, resolving)),
    objects,
    tags: resolveTags(resolving),
    timeoutSeconds: file.timeoutSeconds,
    substitutions: Object.fromEntries(substitution.values),
    secrets: file.secrets.map(({ env, version }): SecretSource => {
      return { env: env.value, version: version && substitution.make(version) };
    }),
    google: Object.fromEntries(
      Object.entries(file.google).map(([path, text]) => [
        path,
        googlesTemplates.test(path) ? substitution.make(text) : text.value,
      ]),
    ),
  };
  const used = new Set([...substitution.used, ...mappedKeys(file), ...keysElsewhere(file)]);
  for (const [key, value] of Object.entries(given.offered ?? {})) {
    if (used.has(key)) reportGiven(key, value, findings);
  }
  if (options.substitutionOption === "MUST_MATCH") reportUnused(file, given, used, findings);
  return { build: findings.errors > 0 ? undefined : build, diagnostics: findings.diagnostics, used };
}

/** Keys that scripts refer to, where steps get every substitution as a variable. */
function mappedKeys({ steps, options }: CloudBuildFile): readonly string[] {
  return steps
    .filter((step) => isMapped(step, options))
    .flatMap(({ script }) => (script === undefined ? [] : takeApart(script.value, false)))
    .flatMap((piece) => (piece.kind === "text" ? [] : [piece.key]));
}

/** Keys in the other fields of Google's: whether the service makes substitutions there is not known of all of them. */
function keysElsewhere({ google }: CloudBuildFile): readonly string[] {
  return Object.values(google)
    .flatMap(({ value }) => takeApart(value, true))
    .flatMap((piece) => (piece.kind === "text" ? [] : [piece.key]));
}

function reportGiven(key: string, value: string, findings: CloudBuildFindings): boolean {
  const fault = givenFault(key, value);
  if (fault !== undefined) findings.report("invalid-substitution", top, fault.message, fault.hint);
  return fault !== undefined;
}

function valuesOf(
  file: CloudBuildFile,
  given: GivenValues,
  findings: CloudBuildFindings,
): ReadonlyMap<string, SubstitutionValue> {
  const values = new Map<string, SubstitutionValue>();
  for (const [key, value] of Object.entries(given.builtIns))
    values.set(key, { value, at: top, isBuiltIn: true });
  for (const [key, { keyAt: _, ...text }] of Object.entries(file.substitutions)) {
    values.set(key, { ...text, isBuiltIn: false });
  }
  for (const [key, value] of Object.entries(given.substitutions)) {
    if (!reportGiven(key, value, findings)) values.set(key, { value, at: top, isBuiltIn: !isUserKey(key) });
  }
  const users = [...values.values()].filter(({ isBuiltIn }) => !isBuiltIn).length;
  for (const [key, value] of Object.entries(given.offered ?? {})) {
    if (!Object.hasOwn(given.substitutions, key)) values.set(key, { value, at: top, isBuiltIn: false });
  }
  if (users > maxSubstitutions) {
    const message = `a build has at most ${maxSubstitutions} substitutions; with those given there are ${users}`;
    findings.report("limit", top, message);
  }
  return values;
}

function resolveStep(
  step: CloudBuildStep,
  ofAll: ReadonlyMap<string, string>,
  resolving: Resolving,
): ResolvedStep {
  const { file, substitution } = resolving;
  const { index, at, id, script, timeoutSeconds, allowFailure, allowExitCodes, waitFor } = step;
  const environment = environmentOf(step, ofAll, resolving);
  if (script !== undefined) reportLeftInScript(script, environment, resolving);
  return {
    index,
    id,
    name: imageOf(step.name, resolving),
    args: step.args.map((argument) => substitution.make(argument)),
    entrypoint: step.entrypoint && substitution.make(step.entrypoint),
    script: script?.value,
    ...environment,
    dir: posix.resolve(workspace, step.dir === undefined ? "" : substitution.make(step.dir)),
    volumes: [...file.options.volumes, ...step.volumes].map(({ name, path }) => ({
      name: name.value,
      path: path.value,
    })),
    timeoutSeconds,
    allowFailure,
    allowExitCodes,
    waitFor,
    at,
  };
}

/** A shell finds nothing under the name of a substitution that nobody gave it as a variable. */
function reportLeftInScript(
  script: CloudBuildText,
  { env, secretEnv }: StepEnvironment,
  { substitution: { values }, findings }: Resolving,
): void {
  for (const piece of takeApart(script.value, false)) {
    if (piece.kind === "text" || !values.has(piece.key)) continue;
    const { key } = piece;
    if (Object.hasOwn(env, key) || secretEnv.includes(key)) continue;
    const message = `$${printable(key)} stays as it is: no substitutions are made in a script`;
    const hint = `give it to the step with env: ["${printable(key)}=$${printable(key)}"], or set automapSubstitutions to true`;
    findings.report("script-reference", script.dollars?.[piece.dollar] ?? script.at, message, hint);
  }
}

function imageOf(text: CloudBuildText, { substitution, findings }: Resolving): string {
  const before = findings.errors;
  const name = substitution.make(text);
  const fault = imageNameFault(name);
  // A reference that could not be made leaves a hole, which would only be said twice.
  if (fault !== undefined && findings.errors === before) {
    const hint = name === text.value ? undefined : whereFrom(text, substitution);
    findings.report("invalid-image", text.at, fault, hint);
  }
  return name;
}

function whereFrom({ value }: CloudBuildText, { values }: Substitution): string {
  const empty = takeApart(value, false).find(
    (piece) => piece.kind === "reference" && (values.get(piece.key) ?? "") === "",
  );
  const file = `the file has ${printable(value)}`;
  if (empty === undefined || empty.kind === "text") return file;
  const key = printable(empty.key, 60);
  return `${file}, and $${key} is empty: --substitution ${key}=… gives it a value`;
}

function resolveTags({ file, substitution, findings }: Resolving): string[] {
  const tags = new Set<string>();
  for (const text of file.tags) {
    const tag = substitution.make(text);
    if (tag === "") continue;
    if (isTag(tag)) tags.add(tag);
    else {
      const rule = "1 to 128 letters, digits, _ . and -, of which . and - do not come first";
      findings.report("invalid-value", text.at, `invalid build tag ${quoted(tag)}`, rule);
    }
  }
  return [...tags];
}

function resolveObjects({ file, substitution, findings }: Resolving): ResolvedBuild["objects"] {
  const { objects } = file;
  if (objects === undefined) return undefined;
  const location = substitution.make(objects.location);
  if (!location.startsWith("gs://")) {
    const message = `invalid artifacts.objects.location: ${quoted(location)} does not start with gs://`;
    findings.report("artifacts", objects.location.at, message);
  }
  const paths = new Set<string>();
  for (const text of objects.paths) {
    const path = substitution.make(text);
    if (path === "" || /\s/.test(path)) {
      const message = `invalid artifact path ${quoted(path)}: it is empty or has blanks in it`;
      findings.report("artifacts", text.at, message);
    } else if (paths.has(path))
      findings.report("artifacts", text.at, `the artifact path ${quoted(path)} stands twice`);
    paths.add(path);
  }
  return { location: location.endsWith("/") ? location : `${location}/`, paths: [...paths] };
}

/** Values that nothing refers to, which `MUST_MATCH` forbids. */
function reportUnused(
  file: CloudBuildFile,
  given: GivenValues,
  used: ReadonlySet<string>,
  findings: CloudBuildFindings,
): void {
  if (file.steps.some((step) => isMapped(step, file.options))) return;
  const keys = new Set([
    ...Object.keys(file.substitutions),
    ...Object.keys(given.substitutions).filter(isUserKey),
  ]);
  for (const key of keys) {
    if (used.has(key)) continue;
    const message = `key ${quoted(key)} in the substitution data is not matched in the template`;
    const hint = `use it, be it as the variable "_=$${key} # unused", or set options.substitutionOption to ALLOW_LOOSE`;
    findings.report("unused", file.substitutions[key]?.keyAt ?? top, message, hint);
  }
}

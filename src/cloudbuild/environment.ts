import { quoted, type TextPosition } from "../diagnostics/index.ts";
import type { CloudBuildFile, CloudBuildStep, CloudBuildText } from "./file.ts";
import type { CloudBuildFindings } from "./findings.ts";
import type { Substitution } from "./substitution.ts";

/** A file whose substitutions are being made. */
export interface Resolving {
  readonly file: CloudBuildFile;
  readonly substitution: Substitution;
  readonly findings: CloudBuildFindings;
}

/** The variables of a step, and those of them whose values are secrets. */
export interface StepEnvironment {
  readonly env: Readonly<Record<string, string>>;
  readonly secretEnv: readonly string[];
}

/**
 * The environment of a step: substitutions where they are mapped, over them that of `options`, over it that of the
 * step. That a variable of the file wins over a mapped substitution is a guess; the documentation is silent.
 */
export function environmentOf(
  step: CloudBuildStep,
  ofAll: ReadonlyMap<string, string>,
  resolving: Resolving,
): StepEnvironment {
  const { file, substitution, findings } = resolving;
  const { options } = file;
  const secrets = new Set([...options.secretEnv, ...step.secretEnv].map(({ value }) => value));
  const own = variables(step.env, resolving);
  const written = new Map([...ofAll, ...own.map(({ name, value }) => [name, value] as const)]);
  for (const { name, at } of own) if (secrets.has(name)) reportBoth(name, at, "env", findings);
  const names = new Set(own.map(({ name }) => name));
  for (const { value: name, at } of step.secretEnv) {
    if (ofAll.has(name) && !names.has(name)) reportBoth(name, at, "the env of options", findings);
  }
  const mapped = isMapped(step, options) ? [...substitution.values].filter(([key]) => !secrets.has(key)) : [];
  return { env: Object.fromEntries([...mapped, ...written]), secretEnv: [...secrets] };
}

/** The variables of `options`, by their names. */
export function environmentOfAll(resolving: Resolving): ReadonlyMap<string, string> {
  const { options } = resolving.file;
  const ofAll = new Map(variables(options.env, resolving).map(({ name, value }) => [name, value]));
  for (const { value: name, at } of options.secretEnv)
    if (ofAll.has(name)) reportBoth(name, at, "env", resolving.findings);
  return ofAll;
}

function reportBoth(name: string, at: TextPosition, list: string, findings: CloudBuildFindings): void {
  const message = `the variable ${quoted(name)} is in ${list} and in secretEnv`;
  findings.report("invalid-environment", at, message, "keep one of them");
}

/** Whether a step gets every substitution as a variable. */
export function isMapped(step: CloudBuildStep, options: CloudBuildFile["options"]): boolean {
  return step.automapSubstitutions ?? options.automapSubstitutions;
}

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly at: TextPosition;
}

function variables(env: readonly CloudBuildText[], { substitution, findings }: Resolving): Variable[] {
  return env.flatMap((item) => {
    const made = substitution.make(item);
    const sign = made.indexOf("=");
    if (sign > 0) return [{ name: made.slice(0, sign), value: made.slice(sign + 1), at: item.at }];
    const message =
      sign === 0 ? `the variable ${quoted(made)} has no name` : `the variable ${quoted(made)} has no value`;
    findings.report("invalid-environment", item.at, message, "write NAME=value, or NAME= for an empty value");
    return [];
  });
}

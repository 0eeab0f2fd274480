import { readBoolean } from "../../yaml/index.ts";
import { readSeconds } from "../duration.ts";
import { ExpressionFault, searchFor } from "../expression.ts";
import { jobNameFault } from "../job-shape.ts";
import type { ChangeFilter, Job, Schedule } from "../model.ts";
import { readContainer } from "./container.ts";
import { NotImportable, type ProwFields } from "./fields.ts";

/** The kinds of jobs that Prow knows. */
export type ProwJobKind = "presubmit" | "postsubmit" | "periodic";

/**
 * The job that a Prow job is, when it pushes images by image-builder.
 * @param repository the key that it stands below, of presubmits and postsubmits.
 * @throws {NotImportable}
 */
export function jobOfProw(fields: ProwFields, kind: ProwJobKind, repository: string | undefined): Job {
  const name = fields.text("name");
  if (name === undefined) throw new NotImportable("it has no name");
  const fault = jobNameFault(name);
  if (fault !== undefined) throw new NotImportable(fault);
  const agent = fields.at("agent");
  if (agent?.kind === "scalar" && agent.value !== "kubernetes") {
    throw new NotImportable(
      `its agent is ${agent.value.slice(0, 80)}, so it is no pod that could run image-builder`,
    );
  }
  const { work, env } = readContainer(fields, kind === "periodic" ? kind : "any");
  const source = kind === "periodic" ? sourceOfClock(fields) : { repo: sourceOf(fields, repository) };
  const description = fields.text("annotations", "description");
  const contact = fields
    .text("annotations", "testgrid-alert-email")
    ?.split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
  const timeoutSeconds = durationOf(fields, "decoration_config", "timeout");
  const mutex = fields.text("job_queue_name");
  if (mutex !== undefined) {
    const message = "it is a mutex here: how many the queue lets through stands in Prow's own configuration";
    fields.change(message, "job_queue_name");
  }
  const concurrency = fields.at("max_concurrency");
  const maxConcurrency =
    concurrency?.kind === "scalar" && /^[1-9][0-9]{0,5}$/.test(concurrency.value)
      ? Number(fields.text("max_concurrency"))
      : undefined;
  return {
    name,
    ...source,
    description: description || undefined,
    contact: contact?.length === 0 ? undefined : contact,
    ...startOf(fields, kind),
    ...{ work, env, timeoutSeconds, mutex, maxConcurrency },
  };
}

function sourceOf(fields: ProwFields, repository = ""): string {
  for (const index of extraRefs(fields)) {
    if (isWorkdir(fields, index)) {
      throw new NotImportable(
        "it builds another repository than the one that starts it (extra_refs with workdir)",
      );
    }
    fields.ignore("a build has one repository, the one that starts it", "extra_refs", index);
  }
  return fields.text("clone_uri") ?? repositoryUrl(repository);
}

function extraRefs(fields: ProwFields): readonly number[] {
  const refs = fields.at("extra_refs");
  return refs?.kind === "sequence" ? [...refs.items.keys()] : [];
}

function isWorkdir(fields: ProwFields, index: number): boolean {
  const node = fields.at("extra_refs", index, "workdir");
  return node !== undefined && readBoolean(node) === true;
}

function repositoryUrl(name: string): string {
  if (/^https?:\/\//.test(name)) return name;
  if (!/^[\w.-]+\/[\w.-]+$/.test(name)) {
    throw new NotImportable(`${JSON.stringify(name.slice(0, 80))} is no repository as org/repo`);
  }
  return `https://github.com/${name}`;
}

/** A periodic says itself which repository it is about. */
function sourceOfClock(fields: ProwFields): { readonly repo: string; readonly clock: Schedule } {
  const refs = extraRefs(fields);
  const first = refs.find((index) => isWorkdir(fields, index)) ?? refs[0];
  if (first === undefined) throw new NotImportable("it has no extra_refs, so nothing says what it builds");
  if (isWorkdir(fields, first)) fields.take("extra_refs", first, "workdir");
  const org = fields.text("extra_refs", first, "org");
  const name = fields.text("extra_refs", first, "repo");
  const ref = fields.text("extra_refs", first, "base_ref");
  const uri = fields.text("extra_refs", first, "clone_uri");
  if (org === undefined || name === undefined || ref === undefined) {
    throw new NotImportable("the repository in extra_refs needs org, repo and base_ref");
  }
  const everySeconds = durationOf(fields, "interval");
  const afterEndSeconds = durationOf(fields, "minimum_interval");
  const cron = fields.text("cron");
  if ([everySeconds, afterEndSeconds, cron].filter((one) => one !== undefined).length !== 1) {
    throw new NotImportable("it needs exactly one of interval, minimum_interval and cron");
  }
  const clock = { everySeconds, afterEndSeconds, cron, ref };
  return { repo: uri ?? repositoryUrl(`${org}/${name}`), clock };
}

function durationOf(fields: ProwFields, ...path: readonly string[]): number | undefined {
  const node = fields.at(...path);
  if (node === undefined) return undefined;
  const seconds = node.kind === "scalar" ? readSeconds(node.value) : undefined;
  if (seconds !== undefined) fields.take(...path);
  else fields.ignore("it is no duration of whole seconds", ...path);
  return seconds;
}

/** The filter that starts a job: of pushes, or of pull requests. */
function startOf(fields: ProwFields, kind: ProwJobKind): Pick<Job, "on" | "pullRequest"> {
  if (kind === "periodic") return {};
  const filter = filterOf(fields);
  const always = fields.at("always_run");
  const isAlways = always === undefined ? undefined : readBoolean(always);
  if (always !== undefined && isAlways === undefined)
    throw new NotImportable("always_run is neither true nor false");
  const hasPaths = filter.paths !== undefined || filter.skipPaths !== undefined;
  if (isAlways === true && hasPaths) {
    throw new NotImportable("always_run excludes run_if_changed and skip_if_only_changed, as Prow has it");
  }
  if (always !== undefined) fields.take("always_run");
  const isStarted = kind === "postsubmit" ? isAlways !== false || hasPaths : isAlways === true || hasPaths;
  if (isStarted) return kind === "postsubmit" ? { on: filter } : { pullRequest: filter };
  for (const key of ["branches", "skip_branches"]) {
    if (fields.at(key) !== undefined) fields.ignore("nothing but somebody's wish starts the job", key);
  }
  return {};
}

function filterOf(fields: ProwFields): ChangeFilter {
  const branch = expressions(fields, "branches");
  const skipBranch = expressions(fields, "skip_branches");
  const paths = expression(fields, "run_if_changed");
  const skipPaths = expression(fields, "skip_if_only_changed");
  if (paths !== undefined && skipPaths !== undefined) {
    throw new NotImportable("run_if_changed and skip_if_only_changed exclude each other, as Prow has it");
  }
  return { branch, skipBranch, paths, skipPaths };
}

function expressions(fields: ProwFields, key: string): readonly string[] | undefined {
  if (fields.at(key) === undefined) return undefined;
  const texts = fields.texts(key);
  if (texts === undefined) throw new NotImportable(`${key} is no list of expressions`);
  if (texts.length === 0) return undefined;
  checkExpressions(texts, key);
  return texts;
}

function expression(fields: ProwFields, key: string): string | undefined {
  if (fields.at(key) === undefined) return undefined;
  const text = fields.text(key);
  if (text === undefined) throw new NotImportable(`${key} is no expression`);
  if (text === "") return undefined;
  checkExpressions([text], key);
  return text;
}

function checkExpressions(texts: readonly string[], key: string): void {
  try {
    searchFor(texts);
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    throw new NotImportable(`${key} is no regular expression of Go: ${error.message}`);
  }
}

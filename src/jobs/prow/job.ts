import { readBoolean, type YamlNode } from "../../yaml/index.ts";
import { readSeconds } from "../duration.ts";
import { ExpressionFault, searchFor } from "../expression.ts";
import { jobNameFault } from "../job-shape.ts";
import type { ChangeFilter, Job, JobNotify, RerunRights, Schedule } from "../model.ts";
import { readContainer } from "./container.ts";
import { NotImportable, type ProwFields } from "./fields.ts";

/** The kinds of jobs that Prow knows. */
export type ProwJobKind = "presubmit" | "postsubmit" | "periodic";

/** What is known of a Prow job beside what it says. */
export interface ProwSurroundings {
  readonly kind: ProwJobKind;
  /** The key that it stands below, of presubmits and postsubmits. */
  readonly repository: string | undefined;
  /** Runs that each queue lets through, as Prow's own configuration says. */
  readonly queues: ReadonlyMap<string, number>;
}

/**
 * The job that a Prow job is, when it pushes images by image-builder, or promotes them.
 * @throws {NotImportable}
 */
export function jobOfProw(fields: ProwFields, { kind, repository, queues }: ProwSurroundings): Job {
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
  const source: ProwSource =
    kind === "periodic" ? sourceOfClock(fields) : { repo: sourceOf(fields, repository) };
  const alias = kind === "periodic" ? source.alias : fields.at("path_alias");
  const { work, env } = readContainer(fields, {
    kind,
    repo: source.repo,
    alias: alias?.kind === "scalar" ? alias.value : undefined,
  });
  if (kind === "presubmit" && work.kind === "build") {
    const message = "no server starts it: nothing of what is proposed is built before it is merged";
    fields.change(message, "name");
  }
  const description = fields.text("annotations", "description");
  const contact = fields
    .text("annotations", "testgrid-alert-email")
    ?.split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
  const timeoutSeconds = durationOf(fields, "decoration_config", "timeout");
  const concurrency = fields.at("max_concurrency");
  const maxConcurrency =
    concurrency?.kind === "scalar" && /^[1-9][0-9]{0,5}$/.test(concurrency.value)
      ? Number(fields.text("max_concurrency"))
      : undefined;
  return {
    name,
    repo: source.repo,
    clock: source.clock,
    description: description || undefined,
    contact: contact?.length === 0 ? undefined : contact,
    ...startOf(fields, kind),
    ...{ work, env, timeoutSeconds, maxConcurrency },
    ...queueOf(fields, queues),
    rerun: rerunOf(fields),
    context: contextOf(fields, name, work),
    notify: notifyOf(fields),
  };
}

/** A queue that lets one through is a mutex; one that lets more through, a capacity that the settings have to name. */
function queueOf(fields: ProwFields, queues: ReadonlyMap<string, number>): Pick<Job, "mutex" | "capacity"> {
  const name = fields.text("job_queue_name");
  if (name === undefined || name === "") return {};
  const capacity = queues.get(name);
  if (capacity === undefined) {
    const message =
      "it is a mutex here: how many the queue lets through stands in Prow's own configuration, which was not given";
    fields.change(message, "job_queue_name");
    return { mutex: name };
  }
  if (capacity === 1) return { mutex: name };
  if (capacity <= 0) {
    fields.drop("the queue lets all runs through", "job_queue_name");
    return {};
  }
  fields.change(
    `it is a capacity here, and the server's settings have to say: ${name}: ${capacity}`,
    "job_queue_name",
  );
  return { capacity: name };
}

/** Who may run it again. What stands in a list of repositories of its own is not read. */
function rerunOf(fields: ProwFields): RerunRights | undefined {
  const at = "rerun_auth_config";
  const config = fields.at(at);
  if (config?.kind !== "mapping") return undefined;
  const anyone = fields.at(at, "allow_anyone");
  if (anyone !== undefined) fields.take(at, "allow_anyone");
  const names = (key: string): readonly string[] | undefined => {
    const texts = fields.at(at, key) === undefined ? undefined : fields.texts(at, key);
    return texts === undefined || texts.length === 0 ? undefined : texts;
  };
  const teams = teamsOf(fields);
  const rights = {
    anyone: anyone !== undefined && readBoolean(anyone) === true ? true : undefined,
    users: names("github_users"),
    orgs: names("github_orgs"),
    teams: teams.length === 0 ? undefined : teams,
  };
  if (fields.at(at, "github_team_ids") !== undefined) {
    const message = "a team is named as org/team here, and its number does not say which one it is";
    fields.ignore(message, at, "github_team_ids");
  }
  return Object.values(rights).every((value) => value === undefined) ? undefined : rights;
}

function teamsOf(fields: ProwFields): readonly string[] {
  const path = ["rerun_auth_config", "github_team_slugs"] as const;
  const node = fields.at(...path);
  return (node?.kind === "sequence" ? [...node.items.keys()] : []).flatMap((index) => {
    const org = fields.text(...path, index, "org");
    const slug = fields.text(...path, index, "slug");
    return org === undefined || slug === undefined ? [] : [`${org}/${slug}`];
  });
}

/** The status that branch protection may ask for goes on under its name. */
function contextOf(fields: ProwFields, name: string, work: Job["work"]): string | undefined {
  const context = fields.text("context");
  if (context === undefined || context === "" || context === name) return undefined;
  if (work.kind === "review" || work.kind === "build" || work.kind === "promote") return context;
  fields.drop("it has no status at a commit", "context");
  return undefined;
}

function notifyOf(fields: ProwFields): JobNotify | undefined {
  const key = ["annotations", "testgrid-num-failures-to-alert"] as const;
  const node = fields.at(...key);
  if (node?.kind !== "scalar" || !/^[1-9][0-9]{0,2}$/.test(node.value)) return undefined;
  fields.take(...key);
  return { failures: Number(node.value) };
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

interface ProwSource {
  readonly repo: string;
  readonly clock?: Schedule;
  readonly alias?: YamlNode | undefined;
}

/** A periodic says itself which repository it is about. */
function sourceOfClock(fields: ProwFields): ProwSource {
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
  const alias = fields.at("extra_refs", first, "path_alias");
  return { repo: uri ?? repositoryUrl(`${org}/${name}`), clock, alias };
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

import { posix } from "node:path";
import type { GoogleOptions } from "../builds/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import type { ChangeFilter, Clock, Job, JobBuild } from "./model.ts";
import { repositoryName } from "./repository-url.ts";
import {
  count,
  expression,
  expressions,
  flag,
  line,
  mappingOf,
  oneOrMore,
  type Reading,
  type Shape,
  seconds,
  type Tell,
  textThat,
  variableFault,
  variables,
  wrong,
} from "./shape.ts";
import { isPeriodic, isVariableOfProw } from "./variables.ts";

/** What is wrong with the name of a job; Prow has the same rule. */
export function jobNameFault(name: string): string | undefined {
  return /^[A-Za-z0-9._-]{1,200}$/.test(name)
    ? undefined
    : "the name of a job has letters, digits, dots, dashes and underscores alone";
}

/** What is wrong with a path that has to stay in the repository. */
export function pathFault(path: string): string | undefined {
  if (path === "" || /\p{Cc}/u.test(path) || path.includes("\\")) return "expected a path with slashes";
  if (posix.isAbsolute(path) || /^\.\.(?:\/|$)/.test(posix.normalize(path))) {
    return "the path leads out of the repository";
  }
  return undefined;
}

const path = textThat(pathFault);

const filter: Reading<ChangeFilter> = (node, tell) => {
  const shape = { branch: expressions, skipBranch: expressions, paths: expression, skipPaths: expression };
  const read = mappingOf<ChangeFilter>(shape)(node, tell);
  refuseBoth(node, "paths", "skipPaths", tell);
  return read;
};

interface WrittenClock {
  readonly every: number;
  readonly afterEnd: number;
  readonly cron: string;
  readonly ref: string;
}

const cron = textThat((text) =>
  /^(?:(?:TZ=|CRON_TZ=)\S+ )?(?:@[a-z]+(?: [0-9hms]+)?|\S+(?: +\S+){4,5})$/.test(text)
    ? undefined
    : "expected five fields, or such as @daily",
);

const clock: Reading<Clock> = (node, tell) => {
  const shape: Shape<WrittenClock> = { every: seconds, afterEnd: seconds, cron, ref: line };
  const read = mappingOf<WrittenClock>(shape, ["ref"])(node, tell);
  if (node.kind === "mapping" && keysOf(node).filter(({ value }) => value !== "ref").length !== 1) {
    wrong(node, tell, "expected exactly one of every, afterEnd and cron");
  }
  const { every, afterEnd, ref = "", ...rest } = read ?? {};
  return {
    ...(every === undefined ? {} : { everySeconds: every }),
    ...(afterEnd === undefined ? {} : { afterEndSeconds: afterEnd }),
    ...rest,
    ref,
  };
};

const google = mappingOf<GoogleOptions>({
  region: line,
  scratchBucket: line,
  machineType: line,
  workerPool: line,
  serviceAccount: line,
  pollingSeconds: count,
  suppressLogs: flag,
});

const build: Reading<JobBuild> = (node, tell) => {
  const shape: Shape<JobBuild> = {
    dir: path,
    config: line,
    buildDir: path,
    project: line,
    pushTo: line,
    pushAsNamed: flag,
    env: oneOrMore(textThat(variableFault)),
    variant: line,
    versionTagFilter: line,
    withGitDir: flag,
    allowDirty: flag,
    noSource: flag,
    google,
  };
  const { dir = ".", ...rest } = mappingOf<JobBuild>(shape, ["dir"])(node, tell) ?? {};
  if (rest.config !== undefined && pathFault(posix.join(dir, rest.config)) !== undefined) {
    const at = node.kind === "mapping" ? node.entries.find(({ key }) => key.value === "config") : undefined;
    wrong(at?.value ?? node, tell, "the build file is outside the repository");
  }
  refuseBoth(node, "pushTo", "pushAsNamed", tell);
  return { dir, ...rest };
};

interface WrittenJob extends Omit<Job, "timeoutSeconds"> {
  readonly timeout: number;
  /** The word for `on` that readers of YAML 1.1 do not take for a boolean. */
  readonly triggers: ChangeFilter;
}

const written: Shape<WrittenJob> = {
  name: textThat(jobNameFault),
  repo: textThat((url) =>
    repositoryName(url) === undefined ? "expected the URL of a repository, without a password" : undefined,
  ),
  description: textThat(() => undefined),
  contact: oneOrMore(line),
  triggers: filter,
  on: filter,
  pullRequest: filter,
  clock,
  build,
  env: variables,
  timeout: seconds,
  mutex: line,
  maxConcurrency: count,
};

/** The job that a mapping says; what is wrong is told, and then what is returned is not to be used. */
export function readJob(node: YamlNode, tell: Tell): Job | undefined {
  const read = mappingOf<WrittenJob>(written, ["name", "repo", "build"])(node, tell);
  if (read?.name === undefined || read.repo === undefined || read.build === undefined) return undefined;
  refuseBoth(node, "on", "triggers", tell);
  const { name, repo, build: what, timeout, triggers, ...same } = read;
  const rest = triggers === undefined ? same : { ...same, on: triggers };
  if (!isPeriodic(rest)) refuseVariablesOfPush(node, tell);
  return { name, repo, ...rest, build: what, ...(timeout === undefined ? {} : { timeoutSeconds: timeout }) };
}

/** What was pushed is said by the run, except where only a clock starts the job. */
function refuseVariablesOfPush(node: YamlNode, tell: Tell): void {
  const env =
    node.kind === "mapping" ? node.entries.find(({ key }) => key.value === "env")?.value : undefined;
  if (env === undefined) return;
  for (const key of keysOf(env)) {
    if (isVariableOfProw(key.value, "periodic") || !isVariableOfProw(key.value)) continue;
    wrong(key, tell, `the run itself says what ${key.value} is`);
  }
}

function refuseBoth(node: YamlNode, one: string, other: string, tell: Tell): void {
  const keys = keysOf(node);
  const [, second] = keys.filter(({ value }) => value === one || value === other);
  if (
    second !== undefined &&
    keys.some(({ value }) => value !== second.value && (value === one || value === other))
  ) {
    wrong(second, tell, `${one} and ${other} exclude each other`);
  }
}

function keysOf(node: YamlNode) {
  return node.kind === "mapping" ? node.entries.map(({ key }) => key) : [];
}

import { posix } from "node:path";
import type { GoogleOptions } from "../builds/index.ts";
import {
  type Fields,
  flag,
  made,
  mapping,
  type ReadContext,
  required,
  type Shape,
  text,
} from "../schema/index.ts";
import type { ChangeFilter, Job, Schedule } from "./model.ts";
import { repositoryName } from "./repository-url.ts";
import {
  count,
  expression,
  expressions,
  line,
  oneOrMore,
  seconds,
  variableFault,
  variables,
} from "./shape.ts";
import { isVariableOfProw } from "./variables.ts";
import type { JobBuild } from "./work.ts";

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

const path = text(pathFault);

const filter: Shape<ChangeFilter> = mapping(
  "a filter",
  { branch: expressions, skipBranch: expressions, paths: expression, skipPaths: expression },
  { check: (fields, _, reading) => refuseBoth(fields, "paths", "skipPaths", reading) },
);

const cron = text((written) =>
  /^(?:(?:TZ=|CRON_TZ=)\S+ )?(?:@[a-z]+(?: [0-9hms]+)?|\S+(?: +\S+){4,5})$/.test(written)
    ? undefined
    : "expected five fields, or such as @daily",
);

const clock: Shape<Schedule> = made(
  mapping(
    "a clock",
    { every: seconds, afterEnd: seconds, cron, ref: required(line) },
    {
      check: ({ known }, node, { findings }) => {
        if (["every", "afterEnd", "cron"].filter((key) => known.has(key)).length === 1) return;
        findings.report("invalid-value", node.start, "expected exactly one of every, afterEnd and cron");
      },
    },
  ),
  ({ every, afterEnd, ...rest }) => ({ everySeconds: every, afterEndSeconds: afterEnd, ...rest }),
);

const google: Shape<GoogleOptions> = mapping("google", {
  region: line,
  scratchBucket: line,
  machineType: line,
  workerPool: line,
  serviceAccount: line,
  pollingSeconds: count,
  suppressLogs: flag,
});

const build: Shape<JobBuild> = mapping(
  "a build",
  {
    dir: required(path),
    config: line,
    buildDir: path,
    project: line,
    pushTo: line,
    pushAsNamed: flag,
    env: oneOrMore(text(variableFault)),
    variant: line,
    versionTagFilter: line,
    withGitDir: flag,
    allowDirty: flag,
    noSource: flag,
    google,
  },
  {
    check: (fields, _, reading) => {
      refuseConfigOutside(fields, reading);
      refuseBoth(fields, "pushTo", "pushAsNamed", reading);
    },
  },
);

function refuseConfigOutside({ value }: Fields, { findings }: ReadContext): void {
  const dir = value("dir");
  const config = value("config");
  if (config?.kind !== "scalar" || config.value === "") return;
  const folder = dir?.kind === "scalar" && pathFault(dir.value) === undefined ? dir.value : ".";
  if (pathFault(posix.join(folder, config.value)) === undefined) return;
  findings.report("invalid-value", config.start, "the build file is outside the repository");
}

export const jobShape: Shape<Job> = made(
  mapping(
    "a job",
    {
      name: required(text(jobNameFault)),
      repo: required(
        text((url) =>
          repositoryName(url) === undefined
            ? "expected the URL of a repository, without a password"
            : undefined,
        ),
      ),
      description: text(),
      contact: oneOrMore(line),
      // The word for `on` that readers of YAML 1.1 do not take for a boolean.
      triggers: filter,
      on: filter,
      pullRequest: filter,
      clock,
      build: required(build),
      env: variables,
      timeout: seconds,
      mutex: line,
      maxConcurrency: count,
    },
    {
      check: (fields, _, reading) => {
        refuseBoth(fields, "on", "triggers", reading);
        refuseVariablesOfPush(fields, reading);
      },
    },
  ),
  ({ timeout, triggers, on, build, ...same }) => ({
    ...same,
    on: triggers ?? on,
    work: { kind: "build", build },
    timeoutSeconds: timeout,
  }),
);

/** What was pushed is said by the run, except where only a clock starts the job. */
function refuseVariablesOfPush({ known, value }: Fields, { findings }: ReadContext): void {
  if (known.has("clock") && !known.has("on") && !known.has("triggers")) return;
  const env = value("env");
  for (const { key } of env?.kind === "mapping" ? env.entries : []) {
    if (isVariableOfProw(key.value, "periodic") || !isVariableOfProw(key.value)) continue;
    findings.report("invalid-value", key.start, `the run itself says what ${key.value} is`);
  }
}

function refuseBoth({ known }: Fields, one: string, other: string, { findings }: ReadContext): void {
  const starts = [one, other].flatMap((name) => known.get(name)?.key.start ?? []);
  if (starts.length === 2)
    findings.report("invalid-value", Math.max(...starts), `${one} and ${other} exclude each other`);
}

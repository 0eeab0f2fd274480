import { listed } from "../diagnostics/index.ts";
import {
  described,
  type Fields,
  flag,
  made,
  mapping,
  type ReadContext,
  required,
  type Shape,
  scalar,
  text,
} from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { readCron, zoneFault } from "./cron.ts";
import type { ChangeFilter, Job, JobNotify, RegistryFilter, RerunRights, Schedule } from "./model.ts";
import { judgeKind } from "./rules-of-kinds.ts";
import {
  count,
  expression,
  expressions,
  line,
  oneOrMore,
  refuseBoth,
  repository,
  seconds,
  variables,
} from "./shape.ts";
import { isVariableOfProw } from "./variables.ts";
import { jobKinds, workOf, workShapes } from "./work-shape.ts";

/** What is wrong with the name of a job; Prow has the same rule. */
export function jobNameFault(name: string): string | undefined {
  return /^[A-Za-z0-9._-]{1,200}$/.test(name)
    ? undefined
    : "the name of a job has letters, digits, dots, dashes and underscores alone";
}

const jobName = text(jobNameFault);

const filter: Shape<ChangeFilter> = mapping(
  "a filter",
  { branch: expressions, skipBranch: expressions, paths: expression, skipPaths: expression },
  { check: (fields, _, reading) => refuseBoth(fields, "paths", "skipPaths", reading) },
);

/** Of a clock, what is written; the branch is the job's where it names none. */
interface WrittenClock extends Omit<Schedule, "ref"> {
  readonly ref?: string | undefined;
}

const clock: Shape<WrittenClock> = made(
  mapping(
    "a clock",
    { every: seconds, afterEnd: seconds, cron: line, zone: text(zoneFault), ref: line },
    {
      check: (fields, node, { findings }) => {
        const { known } = fields;
        if (["every", "afterEnd", "cron"].filter((key) => known.has(key)).length !== 1)
          findings.report("invalid-value", node.start, "expected exactly one of every, afterEnd and cron");
        judgeCron(fields, findings);
      },
    },
  ),
  ({ every, afterEnd, ...rest }) => ({ everySeconds: every, afterEndSeconds: afterEnd, ...rest }),
);

function judgeCron({ known, value }: Fields, findings: ReadContext["findings"]): void {
  const cron = value("cron");
  const zone = value("zone");
  const zoneKey = known.get("zone")?.key;
  if (zoneKey !== undefined && cron === undefined)
    findings.report("invalid-value", zoneKey.start, "a zone is that of cron");
  if (cron?.kind !== "scalar" || cron.value === "") return;
  const named = zone?.kind === "scalar" && zoneFault(zone.value) === undefined ? zone.value : undefined;
  const fault = readCron(cron.value, named);
  if (typeof fault === "string") findings.report("invalid-value", cron.start, fault);
}

const registry: Shape<RegistryFilter> = mapping("a filter of registries", {
  repository: required(expressions),
  tag: expressions,
});

const rerun: Shape<RerunRights> = mapping("rights", {
  anyone: flag,
  users: oneOrMore(line),
  orgs: oneOrMore(line),
  teams: oneOrMore(
    text((written) => (/^[^\s/]+\/[^\s/]+$/.test(written) ? undefined : "expected a team as org/team")),
  ),
});

const notify: Shape<JobNotify> = mapping("a notification", { failures: count, to: oneOrMore(line) });

const priority: Shape<number> = scalar(
  "a whole number from -1000 to 1000",
  ({ value }) =>
    /^-?[0-9]{1,4}$/.test(value) && Math.abs(Number(value)) <= 1000
      ? { value: Number(value) }
      : { fault: "expected a whole number from -1000 to 1000" },
  { type: "integer", minimum: -1000, maximum: 1000 },
);

const fields = mapping(
  "a job",
  {
    name: required(jobName),
    repo: required(described(repository, "URL of the repository that it works on.")),
    ref: described(line, "The branch that is worked on where nothing that was pushed says it."),
    description: text(),
    contact: described(oneOrMore(line), "Addresses of those who want to know when it fails."),
    // The word for `on` that readers of YAML 1.1 do not take for a boolean.
    triggers: described(filter, "The pushes that start it; {} for all of them."),
    on: filter,
    pullRequest: described(filter, "The pull requests that start it, by the branch they are for."),
    clock: described(clock, "Times that start it."),
    after: described(oneOrMore(jobName), "Jobs: a run of one of them that succeeds starts it."),
    registry: described(registry, "Pushes to registries that start it."),
    ...workShapes,
    shadow: described(flag, "It is triggered, planned and recorded, and writes nothing that others see."),
    env: variables,
    timeout: described(seconds, "Then a run is stopped."),
    mutex: described(line, "Of jobs with the same one, a single run goes on at a time."),
    maxConcurrency: described(count, "Runs of this job at the same time."),
    capacity: described(line, "The name of a limit of the settings that it shares with other jobs."),
    priority: described(priority, "Of runs that wait, those with the higher number go first."),
    hold: described(line, "Why its runs wait until somebody releases them."),
    rerun: described(rerun, "Who may run it, beside those who may run any job."),
    context: described(line, "The name of its status at a commit."),
    notify: described(notify, "When those who want to know are told."),
  },
  {
    advice: (key) =>
      ["branch", "skipBranch", "paths", "skipPaths"].includes(key)
        ? "it belongs below triggers:, or pullRequest:"
        : undefined,
    check: (fields, node, reading) => {
      refuseBoth(fields, "on", "triggers", reading);
      refuseSeveralKinds(fields, node, reading);
      judgeKind(fields, reading);
      judgeRef(fields, reading);
      judgeVariables(fields, reading);
    },
  },
);

export const jobShape: Shape<Job> = {
  ...made(fields, (values) => {
    const { build, promote, review, verify, snapshot, propose, ...others } = values;
    const { timeout, triggers, on, clock, ...same } = others;
    const work = workOf({ build, promote, review, verify, snapshot, propose });
    if (work === undefined) return undefined;
    // That no ref is there has been reported.
    const schedule = clock && { ...clock, ref: clock.ref ?? same.ref ?? "" };
    return {
      ...same,
      ...(triggers === undefined && on === undefined ? {} : { on: triggers ?? on }),
      ...(schedule === undefined ? {} : { clock: schedule }),
      work,
      ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    };
  }),
  editor: { ...fields.editor, oneOf: jobKinds.map((kind) => ({ required: [kind] })) },
};

function refuseSeveralKinds({ known, misspelt }: Fields, node: YamlNode, { findings }: ReadContext): void {
  const [first, ...others] = jobKinds.filter((kind) => known.has(kind));
  for (const other of others) {
    const at = known.get(other)?.key.start ?? node.start;
    const hint = "write a job for each, and the second after: the first";
    findings.report(
      "invalid-value",
      at,
      `a job does one thing: ${first} and ${other} exclude each other`,
      hint,
    );
  }
  if (first !== undefined || jobKinds.some((kind) => misspelt.has(kind))) return;
  findings.report("missing-key", node.start, `it does nothing: ${listed(jobKinds, "or")} is missing`);
}

/** What is worked on has to be said by something. */
function judgeRef({ known, value }: Fields, { findings }: ReadContext): void {
  if (known.has("ref")) return;
  const clock = value("clock");
  if (clock?.kind === "mapping" && !clock.entries.some(({ key }) => key.value === "ref"))
    findings.report("missing-key", clock.start, "ref is missing");
  const registry = known.get("registry")?.key;
  if (registry === undefined) return;
  const message = "ref is missing beside registry: no registry says which branch is worked on";
  findings.report("missing-key", registry.start, message);
}

/** What was pushed is said by the run, except where only a clock starts the job. */
function judgeVariables({ known, value }: Fields, { findings }: ReadContext): void {
  const env = known.get("env");
  if (env !== undefined && !known.has("build") && jobKinds.some((kind) => known.has(kind)))
    findings.report("invalid-value", env.key.start, "a build alone has variables");
  if (known.has("clock") && !known.has("on") && !known.has("triggers")) return;
  const variables = value("env");
  for (const { key } of variables?.kind === "mapping" ? variables.entries : []) {
    if (isVariableOfProw(key.value, "periodic") || !isVariableOfProw(key.value)) continue;
    findings.report("invalid-value", key.start, `the run itself says what ${key.value} is`);
  }
}

import { harmless } from "../errors/index.ts";
import { writeSeconds } from "./duration.ts";
import type { Job, Schedule } from "./model.ts";
import type { JobWork } from "./work.ts";

type Written = string | number | boolean | readonly string[] | JobDocument;

/** A mapping of a job file, as plain data. */
export interface JobDocument {
  readonly [key: string]: Written | undefined;
}

/** A job as the text of its file; {@link parseJobs} reads the same job from it. */
export function formatJob(job: Job): string {
  return lines(documentOfJob(job), "").join("");
}

/** Jobs as one file with a list. @param comment lines that stand above a job. */
export function formatJobs(
  jobs: readonly Job[],
  comment: (index: number) => readonly string[] = () => [],
): string {
  if (jobs.length === 0) return "jobs: []\n";
  const parts = jobs.map((job, index) => {
    const [first = "", ...rest] = lines(documentOfJob(job), "    ");
    return [
      ...comment(index).map((text) => `  # ${harmless(text)}\n`),
      `  - ${first.trimStart()}`,
      ...rest,
    ].join("");
  });
  return `jobs:\n${parts.join("\n")}`;
}

/** A job as plain data with the keys of its file; {@link jobOfDocument} reads the same job from it. */
export function documentOfJob(job: Job): JobDocument {
  const { timeoutSeconds, clock, work, registry, rerun, notify, ...rest } = job;
  const { name, repo, ref, description, contact, on, pullRequest, after, shadow, env } = rest;
  const { mutex, maxConcurrency, capacity, priority, hold, context } = rest;
  return {
    ...{ name, repo, ref, description },
    contact: single(contact),
    triggers: filterOf(on),
    pullRequest: filterOf(pullRequest),
    clock: clock === undefined ? undefined : writtenClock(clock),
    after: single(after),
    registry: registry && { repository: single(registry.repository), tag: single(registry.tag) },
    ...writtenWork(work),
    shadow,
    env,
    timeout: timeoutSeconds === undefined ? undefined : writeSeconds(timeoutSeconds),
    ...{ mutex, maxConcurrency, capacity, priority, hold },
    rerun: rerun && {
      ...rerun,
      ...{ users: single(rerun.users), orgs: single(rerun.orgs), teams: single(rerun.teams) },
    },
    context,
    notify: notify && { ...notify, to: single(notify.to) },
  };
}

function writtenWork(work: JobWork): JobDocument {
  switch (work.kind) {
    case "build": {
      const { google } = work.build;
      return { build: { ...work.build, google: google && { ...google } } };
    }
    case "promote":
      return { promote: { ...work.promote } };
    case "review":
      return { review: { ...work.review } };
    case "verify":
      return { verify: { ...work.verify } };
    case "snapshot":
      return { snapshot: { ...work.snapshot } };
    case "propose":
      return { propose: { ...work.propose } };
  }
}

function filterOf(filter: Job["on"]): Written | undefined {
  if (filter === undefined) return undefined;
  return { ...filter, branch: single(filter.branch), skipBranch: single(filter.skipBranch) };
}

function writtenClock({ everySeconds, afterEndSeconds, cron, zone, ref }: Schedule): Written {
  return {
    every: everySeconds === undefined ? undefined : writeSeconds(everySeconds),
    afterEnd: afterEndSeconds === undefined ? undefined : writeSeconds(afterEndSeconds),
    cron,
    zone,
    ref,
  };
}

/** A list of one is written without a list. */
function single(list: readonly string[] | undefined): string | readonly string[] | undefined {
  return list?.length === 1 ? list[0] : list;
}

function lines(mapping: JobDocument, indent: string): string[] {
  return Object.entries(mapping).flatMap(([key, value]): string[] => {
    if (value === undefined) return [];
    const head = `${indent}${scalar(key)}:`;
    if (isList(value)) return [`${head}\n`, ...value.map((item) => `${indent}  - ${scalar(item)}\n`)];
    if (typeof value !== "object") return [`${head} ${typeof value === "string" ? scalar(value) : value}\n`];
    const below = lines(value, `${indent}  `);
    return below.length === 0 ? [`${head} {}\n`] : [`${head}\n`, ...below];
  });
}

function isList(value: Written): value is readonly string[] {
  return Array.isArray(value);
}

/** Plain where every reader of YAML takes it for this text, else in quotes. */
function scalar(text: string): string {
  if (/\p{C}|\p{Zl}|\p{Zp}/u.test(text)) return withEscapes(JSON.stringify(text));
  const isPlain =
    /^(?:[A-Za-z_/^$.][\w./^$@+=()|*\\?:~-]*|(?:[0-9]+[hms])+)$/.test(text) &&
    !/^(?:y|n|yes|no|on|off|true|false|null|\.(?:inf|nan|[0-9].*)|.*:)$/i.test(text);
  return isPlain ? text : `'${text.replaceAll("'", "''")}'`;
}

/** A text of JSON that is YAML as well, for readers of any of its versions. */
export function withEscapes(json: string): string {
  return json.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, escaped);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

import type { RunEnd, RunRefs, RunRequest } from "../model.ts";

/** What Prow's tools read of a run: `started.json`, `finished.json`, `prowjob.json`. */
export type Document = Readonly<Record<string, unknown>>;

/** The text of a document: one that people look at as well. */
export function textOf(document: Document): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/**
 * `started.json`. The process that does the run is in its metadata, so that a run that nobody ends can be told from one
 * that goes on.
 * @param runner Marks of the process and of this start of its machine.
 */
export function startedDocument(
  { refs, head }: RunRequest,
  startedAt: Date,
  runner: { readonly process: string; readonly boot: string | undefined },
): Document {
  const pull = refs?.pulls?.[0]?.number;
  return {
    timestamp: seconds(startedAt),
    pull: pull === undefined ? undefined : String(pull),
    repos: refs === undefined ? undefined : { [`${refs.org}/${refs.repo}`]: inOneLine(refs) },
    "repo-commit": refs?.base_sha ?? head?.commit,
    metadata: { ...runner, head },
  };
}

/** `finished.json`. */
export function finishedDocument(
  end: RunEnd,
  { refs, head }: Pick<RunRequest, "refs" | "head">,
  finishedAt: Date,
): Document {
  const revision = end.revision ?? head?.commit ?? refs?.pulls?.[0]?.sha ?? refs?.base_sha;
  return {
    timestamp: seconds(finishedAt),
    passed: end.result === "SUCCESS",
    result: end.result,
    revision,
    metadata: end.planHash === undefined ? end.metadata : { ...end.metadata, planHash: end.planHash },
  };
}

/** What a {@link prowJob} is made from, beside the request. */
export interface ProwJobFacts {
  /** A UUID: the job's name in its cluster. */
  readonly name: string;
  readonly id: string;
  readonly startedAt: Date;
  readonly end?: { readonly result: RunEnd["result"]; readonly at: Date };
}

/** `prowjob.json`: the run as an object of Prow's cluster. */
export function prowJob({ job, type, refs, spec }: RunRequest, facts: ProwJobFacts): Document {
  const { name, id, startedAt, end } = facts;
  const pull = refs?.pulls?.[0];
  const labels = {
    "created-by-prow": "true",
    "prow.k8s.io/build-id": id,
    "prow.k8s.io/id": name,
    "prow.k8s.io/job": asLabel(job),
    "prow.k8s.io/type": type,
    "prow.k8s.io/refs.org": refs && asLabel(refs.org),
    "prow.k8s.io/refs.repo": refs && asLabel(refs.repo),
    "prow.k8s.io/refs.base_ref": refs && asLabel(refs.base_ref),
    "prow.k8s.io/refs.pull": pull && String(pull.number),
  };
  const start = wholeSeconds(startedAt);
  return {
    apiVersion: "prow.k8s.io/v1",
    kind: "ProwJob",
    metadata: {
      name,
      creationTimestamp: start,
      labels,
      annotations: { "prow.k8s.io/job": job },
    },
    spec: { ...spec, type, job, refs },
    status: {
      startTime: start,
      pendingTime: start,
      completionTime: end && wholeSeconds(end.at),
      state: end === undefined ? "pending" : stateOf(end.result),
      build_id: id,
    },
  };
}

/** The same object when its run has ended. */
export function endedProwJob(document: Document, result: RunEnd["result"], at: Date): Document {
  const { status } = document;
  const before = typeof status === "object" && status !== null ? status : {};
  return {
    ...document,
    status: { ...before, completionTime: wholeSeconds(at), state: stateOf(result) },
  };
}

function stateOf(result: RunEnd["result"]): string {
  return result.toLowerCase();
}

/** `main:SHA,5:SHA`, as Prow writes refs. */
function inOneLine({ base_ref, base_sha, pulls = [] }: RunRefs): string {
  const base = base_sha === undefined ? base_ref : `${base_ref}:${base_sha}`;
  return [base, ...pulls.map(({ number, sha }) => `${number}:${sha}`)].join(",");
}

/** A text as the value of a Kubernetes label: 63 of its letters, none but alphanumeric ones at the ends. */
function asLabel(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63)
    .replace(/^[._-]+|[._-]+$/g, "");
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function wholeSeconds(date: Date): string {
  return date.toISOString().replace(/\.[0-9]+Z$/, "Z");
}

import * as z from "zod/mini";
import type { RecordedRun, RunEnd, RunRefs } from "../model.ts";
import { timeOfId } from "./snowflake.ts";

/** Names of the files of a record. */
export const recordFiles = {
  started: "started.json",
  finished: "finished.json",
  prowJob: "prowjob.json",
  log: "build-log.txt",
  artifacts: "artifacts",
} as const;

/** Longest document that is read; those of Prow with a whole pod in them have some ten kilobytes. */
export const maxDocumentBytes = 4 * 1024 * 1024;

/** What is not as it should be counts as not there. */
const lax = <Schema extends z.ZodMiniType>(schema: Schema) => z.catch(z.optional(schema), undefined);
const text = z.string().check(z.maxLength(4096));
const laxText = lax(text);
const timestamp = lax(z.int().check(z.nonnegative(), z.maximum(253_402_300_799)));
const headSchema = z.object({
  verb: text,
  by: text,
  subject: text,
  commit: laxText,
  options: lax(z.record(text, z.union([text, z.number(), z.boolean()]))),
});
const startedSchema = z.object({
  timestamp,
  repos: lax(z.record(text, text)),
  "repo-commit": laxText,
  metadata: lax(z.object({ process: laxText, boot: laxText, head: lax(headSchema) })),
});
const finishedSchema = z.object({
  timestamp,
  passed: lax(z.boolean()),
  result: laxText,
  revision: laxText,
  metadata: lax(z.object({ planHash: laxText })),
});
const pullSchema = z.object({
  number: z.int().check(z.nonnegative()),
  author: laxText,
  sha: text,
  title: laxText,
  head_ref: laxText,
});
const refsSchema = z.object({
  org: text,
  repo: text,
  base_ref: z.catch(text, ""),
  base_sha: laxText,
  repo_link: laxText,
  pulls: lax(z.array(pullSchema).check(z.maxLength(1000))),
});
const prowJobSchema = z.object({
  spec: lax(z.object({ refs: lax(refsSchema) })),
  status: lax(z.object({ state: laxText })),
});

type Started = z.infer<typeof startedSchema>;
type Finished = z.infer<typeof finishedSchema>;
type ProwJob = z.infer<typeof prowJobSchema>;

/** The documents of a run, as JSON has them: `undefined` where there is none. */
export interface RunDocuments {
  readonly started: unknown;
  readonly finished: unknown;
  readonly prowJob: unknown;
}

/** What its documents tell of a run, as well as they can: what is missing or broken there is left out. */
export interface ToldRun
  extends Pick<RecordedRun, "startedAt" | "finishedAt" | "head" | "refs" | "revision" | "planHash"> {
  /** How it ended, when it is over. */
  readonly result: RunEnd["result"];
}

/** Reads the documents of the run with an id. */
export function readDocuments(id: string, documents: RunDocuments): ToldRun {
  const started = startedSchema.safeParse(documents.started).data;
  const finished = finishedSchema.safeParse(documents.finished).data;
  const prowJob = prowJobSchema.safeParse(documents.prowJob).data;
  return {
    startedAt: started?.timestamp === undefined ? timeOfId(id) : fromSeconds(started.timestamp),
    finishedAt: finished?.timestamp === undefined ? undefined : fromSeconds(finished.timestamp),
    result: resultOf(finished, prowJob),
    head: started?.metadata?.head,
    refs: refsOf(prowJob, started),
    revision: finished?.revision ?? started?.["repo-commit"],
    planHash: finished?.metadata?.planHash,
  };
}

/** The marks of the process that does a run, and of the start of its machine. */
export interface Runner {
  readonly process?: string | undefined;
  readonly boot?: string | undefined;
}

/** Who does a run, as `started.json` tells. */
export function runnerIn(started: unknown): Runner | undefined {
  return startedSchema.safeParse(started).data?.metadata;
}

/** A run that is over is a failure unless something says otherwise. */
function resultOf(finished: Finished | undefined, prowJob: ProwJob | undefined): RunEnd["result"] {
  const said = (finished?.result ?? "").toUpperCase();
  if (said === "SUCCESS" || said === "FAILURE" || said === "ABORTED") return said;
  if (finished?.passed !== undefined) return finished.passed ? "SUCCESS" : "FAILURE";
  const state = prowJob?.status?.state?.toUpperCase();
  return state === "SUCCESS" || state === "ABORTED" ? state : "FAILURE";
}

function refsOf(prowJob: ProwJob | undefined, started: Started | undefined): RunRefs | undefined {
  const refs = prowJob?.spec?.refs;
  if (refs !== undefined) return refs;
  const [name, line] = Object.entries(started?.repos ?? {})[0] ?? [];
  const [org, repo, ...more] = name?.split("/") ?? [];
  if (org === undefined || repo === undefined || more.length > 0) return undefined;
  const [base = "", ...others] = line?.split(",") ?? [];
  const [base_ref = "", base_sha] = base.split(":");
  const pulls = others.flatMap((other) => {
    const [, number, sha] = /^([0-9]{1,9}):([0-9a-f]{1,64})/.exec(other) ?? [];
    return number === undefined || sha === undefined ? [] : [{ number: Number(number), sha }];
  });
  return { org, repo, base_ref, base_sha, pulls: pulls.length === 0 ? undefined : pulls };
}

function fromSeconds(timestamp: number): Date {
  return new Date(timestamp * 1000);
}

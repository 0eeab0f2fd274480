import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { isKnownToHaveEnded, isOfEarlierBoot } from "../../disk/index.ts";
import type { RecordedRun, RunEnd, RunRefs } from "../model.ts";
import { isThere, readSmall } from "./files.ts";
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
const maxDocumentBytes = 4 * 1024 * 1024;

const text = z.string().max(4096);
const timestamp = z.number().int().nonnegative().max(253_402_300_799);
const headSchema = z.object({
  verb: text,
  by: text,
  subject: text,
  commit: text.optional().catch(undefined),
  options: z
    .record(text, z.union([text, z.number(), z.boolean()]))
    .optional()
    .catch(undefined),
});
const startedSchema = z.looseObject({
  timestamp: timestamp.optional().catch(undefined),
  repos: z.record(text, text).optional().catch(undefined),
  "repo-commit": text.optional().catch(undefined),
  metadata: z
    .looseObject({
      process: text.optional().catch(undefined),
      boot: text.optional().catch(undefined),
      head: headSchema.optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});
const finishedSchema = z.looseObject({
  timestamp: timestamp.optional().catch(undefined),
  passed: z.boolean().optional().catch(undefined),
  result: text.optional().catch(undefined),
  revision: text.optional().catch(undefined),
  metadata: z
    .looseObject({ planHash: text.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});
const refsSchema = z.looseObject({
  org: text,
  repo: text,
  base_ref: text.catch(""),
  base_sha: text.optional().catch(undefined),
  repo_link: text.optional().catch(undefined),
  pulls: z
    .array(
      z.looseObject({
        number: z.number().int().nonnegative(),
        author: text.optional().catch(undefined),
        sha: text,
        title: text.optional().catch(undefined),
        head_ref: text.optional().catch(undefined),
      }),
    )
    .max(1000)
    .optional()
    .catch(undefined),
});
const prowJobSchema = z.looseObject({
  spec: z
    .looseObject({ refs: refsSchema.optional().catch(undefined) })
    .optional()
    .catch(undefined),
  status: z
    .looseObject({ state: text.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

type Started = z.infer<typeof startedSchema>;
type Finished = z.infer<typeof finishedSchema>;
type ProwJob = z.infer<typeof prowJobSchema>;

/** A run as its folder shows it, as well as it can: what is missing or broken there is left out. */
export async function readRun(folder: string): Promise<RecordedRun> {
  const [job, id] = [basename(dirname(folder)), basename(folder)];
  const started = await readDocument(join(folder, recordFiles.started), startedSchema);
  // In this order: a process that has ended writes nothing any more.
  const isDead = await isAbandoned(folder, started?.metadata);
  const isOver = await hasFinished(folder);
  const finished = isOver
    ? await readDocument(join(folder, recordFiles.finished), finishedSchema)
    : undefined;
  const prowJob = await readDocument(join(folder, recordFiles.prowJob), prowJobSchema);
  return {
    job,
    id,
    where: folder,
    log: join(folder, recordFiles.log),
    startedAt: started?.timestamp === undefined ? timeOfId(id) : fromSeconds(started.timestamp),
    finishedAt: finished?.timestamp === undefined ? undefined : fromSeconds(finished.timestamp),
    result: isOver ? resultOf(finished, prowJob) : isDead ? "CRASHED" : "PENDING",
    head: started?.metadata?.head,
    refs: refsOf(prowJob, started),
    revision: finished?.revision ?? started?.["repo-commit"],
    planHash: finished?.metadata?.planHash,
  };
}

/** Whether a run has said its last word. */
export function hasFinished(folder: string): Promise<boolean> {
  return isThere(join(folder, recordFiles.finished));
}

async function isAbandoned(folder: string, runner: Started["metadata"]): Promise<boolean> {
  if (isKnownToHaveEnded(runner?.process ?? "")) return true;
  const sign = runner?.boot === undefined ? undefined : await lastSignOfLife(folder);
  return sign !== undefined && isOfEarlierBoot(runner?.boot ?? "", sign);
}

/** When a run last gave a sign of life. */
export async function lastSignOfLife(folder: string): Promise<Date | undefined> {
  const found = await lstat(join(folder, recordFiles.log)).catch(() => undefined);
  return found?.mtime;
}

/** A document as it stands, if it is an object. */
export async function readObject(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  return readDocument(path, z.looseObject({}));
}

async function readDocument<Value>(path: string, schema: z.ZodType<Value>): Promise<Value | undefined> {
  const content = await readSmall(path, maxDocumentBytes);
  if (content === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(content)).data;
  } catch {
    return undefined;
  }
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
  if (refs !== undefined) return knownRefs(refs);
  const [name, line] = Object.entries(started?.repos ?? {})[0] ?? [];
  const [org, repo, ...more] = name?.split("/") ?? [];
  if (org === undefined || repo === undefined || more.length > 0) return undefined;
  const [base = "", ...others] = line?.split(",") ?? [];
  const [base_ref = "", base_sha] = base.split(":");
  const pulls = others.flatMap((other) => {
    const [, number, sha] = /^([0-9]{1,9}):([0-9a-f]{1,64})/.exec(other) ?? [];
    return number === undefined || sha === undefined ? [] : [{ number: Number(number), sha }];
  });
  return {
    org,
    repo,
    base_ref,
    base_sha,
    pulls: pulls.length === 0 ? undefined : pulls,
  };
}

/** Without what else a Prow job says of them. */
function knownRefs({ org, repo, base_ref, base_sha, repo_link, pulls }: z.infer<typeof refsSchema>): RunRefs {
  const known = pulls?.map(({ number, author, sha, title, head_ref }) => ({
    number,
    author,
    sha,
    title,
    head_ref,
  }));
  return { org, repo, base_ref, base_sha, repo_link, pulls: known };
}

function fromSeconds(timestamp: number): Date {
  return new Date(timestamp * 1000);
}

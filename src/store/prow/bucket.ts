import pLimit from "p-limit";
import type { ObjectReader } from "../../objects/index.ts";
import { jsonIn } from "../../oci/index.ts";
import type { RecordedRun } from "../model.ts";
import { isJobName, placeInPointer } from "./places.ts";
import { maxDocumentBytes, type RunDocuments, readDocuments, recordFiles } from "./record.ts";
import { isRunId, newestFirst, snowflake, timeOfId } from "./snowflake.ts";

/** A run as a bucket in Prow's layout shows it. `PENDING` where no `finished.json` says how it ended. */
export type ProwRun = Pick<
  RecordedRun,
  "job" | "id" | "startedAt" | "finishedAt" | "result" | "refs" | "revision"
>;

/** Where a bucket has a run: a folder without a slash at its end. */
export interface PlacedRun {
  readonly job: string;
  readonly id: string;
  readonly place: string;
}

/** Records that are read at the same time. */
const atOnce = 16;
const maxPointerBytes = 4096;

/**
 * Reads the history of a job in a bucket, or a folder, in Prow's layout, the oldest run first: those that began at a time or later.
 * What is missing or broken in a record is left out of its run. Throws `ObjectError` where the bucket cannot be read.
 */
export async function* readProwHistory(
  bucket: ObjectReader,
  job: string,
  since = new Date(0),
): AsyncGenerator<ProwRun, void> {
  const placed = await runsOfJob(bucket, job, since);
  for (let at = 0; at < placed.length; at += atOnce) {
    const slice = placed.slice(at, at + atOnce);
    const runs = await Promise.all(slice.map((run) => readRun(bucket, run)));
    // Documents tell whole seconds, ids milliseconds.
    for (const run of runs) if ((timeOfId(run.id) ?? run.startedAt ?? since) >= since) yield run;
  }
}

async function readRun(bucket: ObjectReader, { job, id, place }: PlacedRun): Promise<ProwRun> {
  const documents = await documentsAt(bucket, place);
  const { startedAt, finishedAt, result, refs, revision } = readDocuments(id, documents);
  const isOver = documents.finished !== undefined;
  return { job, id, startedAt, finishedAt, result: isOver ? result : "PENDING", refs, revision };
}

/** Jobs that a bucket has runs of. */
export async function jobsInBucket(bucket: ObjectReader): Promise<readonly string[]> {
  const jobs = new Set<string>();
  for (const folder of ["logs/", "pr-logs/directory/"]) {
    for await (const { path } of bucket.list(folder)) {
      const name = path.slice(folder.length, -1);
      if (path.endsWith("/") && isJobName(name)) jobs.add(name);
    }
  }
  return [...jobs].sort();
}

/** Runs of a job, the oldest first: those that began at a time or later, or whose ids do not say when. */
export async function runsOfJob(
  bucket: ObjectReader,
  job: string,
  since: Date,
): Promise<readonly PlacedRun[]> {
  if (!isJobName(job)) return [];
  const first = snowflake(since.getTime(), 0);
  const own = `logs/${job}/`;
  // Buckets have years of a job, in the order of time.
  const from = (folder: string) => ({ after: since.getTime() > 0 ? `${folder}${first}` : undefined });
  const found: PlacedRun[] = [];
  for await (const { path } of bucket.list(own, from(own))) {
    const id = path.slice(own.length, -1);
    if (path.endsWith("/") && isRunId(id)) found.push({ job, id, place: path.slice(0, -1) });
  }
  const pointers: string[] = [];
  const directory = `pr-logs/directory/${job}/`;
  for await (const { path } of bucket.list(directory, from(directory))) {
    const [, id = ""] = /\/([0-9]+)\.txt$/.exec(path) ?? [];
    if (isRunId(id) && isSince(id, first)) pointers.push(id);
  }
  const followed = await pLimit(atOnce).map(pointers, (id) => followPointer(bucket, job, id));
  const runs = [...found, ...followed.filter((run) => run !== undefined)];
  return runs.filter(({ id }) => isSince(id, first)).sort((a, b) => newestFirst(b.id, a.id));
}

function isSince(id: string, first: string): boolean {
  return timeOfId(id) === undefined || newestFirst(id, first) <= 0;
}

/** Where the directory of a job says that a run is; `undefined` when it does not know it. */
export async function followPointer(
  bucket: ObjectReader,
  job: string,
  id: string,
): Promise<PlacedRun | undefined> {
  const text = await smallText(bucket, `pr-logs/directory/${job}/${id}.txt`, maxPointerBytes);
  const place = text === undefined ? undefined : placeInPointer(text, job, id);
  return place === undefined ? undefined : { job, id, place };
}

/** The documents of the run at a place, as JSON has them. */
export async function documentsAt(bucket: ObjectReader, place: string): Promise<RunDocuments> {
  const { started, finished, prowJob } = recordFiles;
  const [startedText, finishedText, prowJobText] = await Promise.all(
    [started, finished, prowJob].map((name) => smallText(bucket, `${place}/${name}`, maxDocumentBytes)),
  );
  const parsed = (text: string | undefined) => (text === undefined ? undefined : (jsonIn(text) ?? {}));
  return { started: parsed(startedText), finished: parsed(finishedText), prowJob: parsed(prowJobText) };
}

/** The text of a small object; `undefined` when it is not there or is larger. */
async function smallText(bucket: ObjectReader, path: string, longest: number): Promise<string | undefined> {
  const found = await bucket.get(path, { from: 0, to: longest });
  if (found === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of found.body) pieces.push(piece);
  return found.size > longest ? undefined : Buffer.concat(pieces).toString("utf8");
}

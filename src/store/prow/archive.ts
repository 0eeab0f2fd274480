import pLimit from "p-limit";
import { harmless } from "../../errors/index.ts";
import type { ObjectReader } from "../../objects/index.ts";
import { RunError } from "../errors.ts";
import type { RecordedRun, StoredRun } from "../model.ts";
import { documentsAt, followPointer, type PlacedRun } from "./bucket.ts";
import { isJobName } from "./places.ts";
import { readDocuments, recordFiles } from "./record.ts";
import { isRunId, newestFirst, snowflake, timeOfId } from "./snowflake.ts";

/** Some of what a bucket has, and what the next page comes after. */
export interface ArchivePage<Item> {
  readonly items: readonly Item[];
  readonly next: string | undefined;
}

/**
 * Runs that Prow has left in a bucket, to be read and never written. What is asked of the bucket is bounded, whatever is in it. Methods
 * throw `ObjectError` where it cannot be read.
 */
export interface ProwArchive {
  readonly name: string;
  readonly where: string;
  /** Names of jobs, in their order. */
  jobs(page: { readonly after: string | undefined; readonly limit: number }): Promise<ArchivePage<string>>;
  /** Runs of a job, the newest first; `after` is an id. */
  runs(
    job: string,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<ArchivePage<RecordedRun>>;
  /** @throws {RunError} `unknown-run`. */
  find(job: string, id: string): Promise<StoredRun>;
}

const day = 24 * 60 * 60 * 1000;
/** Folders of a job that one page is chosen from. */
const maxListed = 20_000;
/** Records that are read at the same time, and those that are kept because they do not change any more. */
const atOnce = 8;
const maxKept = 2_000;
const maxArtifacts = 10_000;

/** Opens a bucket that Prow, or what writes as Prow does, has left runs in. Nothing is asked of it yet. */
export function openProwArchive(name: string, bucket: ObjectReader): ProwArchive {
  const kept = new Map<string, RecordedRun>();
  const inTurn = pLimit(atOnce);

  const recordAt = async ({ job, id, place }: PlacedRun): Promise<RecordedRun | undefined> => {
    const known = kept.get(place);
    if (known !== undefined) return known;
    const documents = await inTurn(() => documentsAt(bucket, place));
    const isOver = documents.finished !== undefined;
    if (!isOver && documents.started === undefined && documents.prowJob === undefined) return undefined;
    const told = readDocuments(id, documents);
    const where = `${bucket.where}/${place}`;
    const record: RecordedRun = {
      ...{ job, id, where, log: `${where}/${recordFiles.log}` },
      ...told,
      result: isOver ? told.result : "PENDING",
    };
    if (isOver) kept.set(place, record);
    for (const oldest of kept.keys()) {
      if (kept.size <= maxKept) break;
      kept.delete(oldest);
    }
    return record;
  };

  /** The place of a run: below its job, or where a pointer leads. */
  const placed = async (job: string, id: string): Promise<PlacedRun | undefined> => {
    const own = { job, id, place: `logs/${job}/${id}` };
    if (kept.has(own.place)) return own;
    if ((await recordAt(own)) !== undefined) return own;
    return followPointer(bucket, job, id);
  };

  return {
    ...{ name, where: bucket.where },
    async jobs({ after, limit }) {
      const names: string[] = [];
      for await (const name of merged(
        folders(bucket, "logs/", after),
        folders(bucket, "pr-logs/directory/", after),
      )) {
        if (isJobName(name)) names.push(name);
        if (names.length > limit) break;
      }
      return { items: names.slice(0, limit), next: names.length > limit ? names[limit - 1] : undefined };
    },
    async runs(job, { after, limit }) {
      if (!isJobName(job)) return { items: [], next: undefined };
      const found = await newestRuns(bucket, job, after, limit + 1);
      const shown = found.slice(0, limit);
      const records = await Promise.all(
        shown.map(async ({ id, isPointed }) => {
          const own = { job, id, place: `logs/${job}/${id}` };
          const place = isPointed ? await followPointer(bucket, job, id) : own;
          return place === undefined ? undefined : recordAt(place);
        }),
      );
      const items = records.filter((record) => record !== undefined);
      return { items, next: found.length > limit ? shown.at(-1)?.id : undefined };
    },
    async find(job, id) {
      const place = isJobName(job) && isRunId(id) ? await placed(job, id) : undefined;
      const record = place === undefined ? undefined : await recordAt(place);
      if (place !== undefined && record !== undefined) return storedAt(bucket, place, record);
      throw new RunError(
        "unknown-run",
        `there is no run ${JSON.stringify(harmless(`${job}/${id}`.slice(0, 200)))}`,
        {
          where: bucket.where,
          hint: "it may have been removed there: buckets of Prow's keep runs for some time",
        },
      );
    },
  };
}

function storedAt(bucket: ObjectReader, { place }: PlacedRun, record: RecordedRun): StoredRun {
  const folder = `${place}/${recordFiles.artifacts}/`;
  return {
    record,
    async *log(from = 0) {
      const found = await bucket.get(`${place}/${recordFiles.log}`, { from });
      if (found !== undefined) yield* found.body;
    },
    async artifacts() {
      const paths: string[] = [];
      for await (const { path } of bucket.list(folder, { isDeep: true })) {
        if (paths.length >= maxArtifacts) break;
        paths.push(path.slice(folder.length));
      }
      return paths.sort();
    },
    async artifact(path) {
      const steps = path.split("/");
      if (steps.some((step) => step === "" || step === "." || step === "..")) return undefined;
      return (await bucket.get(`${folder}${path}`))?.body;
    },
  };
}

/** Names of the folders of a folder, behind one, in their order. */
async function* folders(
  bucket: ObjectReader,
  folder: string,
  after: string | undefined,
): AsyncGenerator<string, void> {
  const behind = after === undefined ? undefined : `${folder}${after}/`;
  for await (const { path } of bucket.list(folder, { after: behind })) {
    if (path.endsWith("/")) yield path.slice(folder.length, -1);
  }
}

/** What two lists have, in their order, each once. */
async function* merged(...lists: readonly AsyncGenerator<string, void>[]): AsyncGenerator<string, void> {
  const heads = await Promise.all(lists.map((list) => list.next()));
  try {
    for (;;) {
      const open = heads.filter(({ done }) => done !== true).map(({ value }) => value as string);
      if (open.length === 0) return;
      const [least = ""] = open.toSorted();
      yield least;
      for (const [at, head] of heads.entries()) {
        if (head.done !== true && head.value === least) heads[at] = (await lists[at]?.next()) ?? head;
      }
    }
  } finally {
    for (const list of lists) await list.return();
  }
}

/** A run that a bucket lists: in the folder of its job, or in the directory that says where it is. */
interface ListedRun {
  readonly id: string;
  readonly isPointed: boolean;
}

/**
 * Runs of a job, the newest first, before one. Buckets list the oldest first and have years of them: what is asked for begins two days
 * before the newest, and further back as long as that was not enough.
 */
async function newestRuns(
  bucket: ObjectReader,
  job: string,
  before: string | undefined,
  count: number,
): Promise<readonly ListedRun[]> {
  const end = (before === undefined ? undefined : timeOfId(before)?.getTime()) ?? Date.now() + day;
  for (let span = 2 * day; ; span *= 4) {
    const begin = end - span;
    // Ids of older days are small numbers, which say nothing of their time.
    const isAll = begin < Date.UTC(2014, 0);
    const found = await runsFrom(bucket, job, isAll ? undefined : snowflake(begin, 0), before);
    if (found.length >= count || isAll) return found.slice(0, count);
  }
}

async function runsFrom(
  bucket: ObjectReader,
  job: string,
  from: string | undefined,
  before: string | undefined,
): Promise<readonly ListedRun[]> {
  const found = new Map<string, ListedRun>();
  for (const { folder, end, isPointed } of [
    { folder: `logs/${job}/`, end: "/", isPointed: false },
    { folder: `pr-logs/directory/${job}/`, end: ".txt", isPointed: true },
  ]) {
    let listed = 0;
    const after = from === undefined ? undefined : `${folder}${from}`;
    for await (const { path } of bucket.list(folder, { after })) {
      if (++listed > maxListed) break;
      const id = path.slice(folder.length, -end.length);
      if (!path.endsWith(end) || !isRunId(id) || found.has(id)) continue;
      if (before === undefined || newestFirst(id, before) > 0) found.set(id, { id, isPointed });
    }
  }
  return [...found.values()].sort((one, other) => newestFirst(one.id, other.id));
}

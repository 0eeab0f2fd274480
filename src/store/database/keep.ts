import { lstat, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import pLimit from "p-limit";
import { ifPresent, removeTree } from "../../disk/index.ts";
import { contentOfFile, ObjectError, type ObjectErrorCode } from "../../objects/index.ts";
import { eventsArtifact } from "../model.ts";
import { type Document, textOf } from "../prow/documents.ts";
import { directoryOfPlace } from "../prow/places.ts";
import { recordFiles } from "../prow/record.ts";
import { type Context, spoolOf } from "./context.ts";
import { bytesOfStream } from "./read-stream.ts";
import { type StreamName, streams } from "./streams.ts";
import { keepTimes } from "./times.ts";

/** Files that are put at the same time. */
const atOnce = 8;
/** Hours after which nobody waits any more for the machine that has the artifacts of a run. */
const patience = "1 hour";
/** What is said of a file that has no name for a store, or is larger than it takes. */
const unkeepable: ReadonlySet<ObjectErrorCode> = new Set(["invalid-object-path", "objects-refused"]);

interface EndedRow {
  readonly id: string;
  readonly job: string;
  readonly place: string;
  readonly attempt: number;
  readonly started: Document;
  readonly prow_job: Document;
  readonly finished: Document;
  readonly log_bytes: string;
  readonly event_bytes: string;
  readonly is_spooled: boolean;
  readonly is_given_up: boolean;
}

/**
 * Brings a run that has ended to the objects, in the layout of Prow's bucket: `finished.json` behind all that it closes, then what leads to
 * it; then its chunks leave the database. Every step may be done again, by this process or another one: what is put is the same
 * each time, and chunks go when the record says that they are kept.
 * @returns Whether it is kept: its artifacts may be on another machine, which will bring them.
 */
export async function keepRun(context: Context, id: string): Promise<boolean> {
  try {
    return await bring(context, id);
  } catch (error) {
    // Another process of this machine may have been quicker, and has removed what was read.
    const [row] = await context.db.query("SELECT id FROM run_record WHERE id = $1 AND is_kept", [id]);
    if (row !== undefined) return true;
    throw error;
  }
}

async function bring(context: Context, id: string): Promise<boolean> {
  const { db, objects } = context;
  const [row] = await db.query<EndedRow>(
    `SELECT id, job, place, attempt, started, prow_job, finished, log_bytes, event_bytes, is_spooled,
            ended_at < now() - interval '${patience}' AS is_given_up
       FROM run_record WHERE id = $1 AND result <> 'PENDING' AND NOT is_kept`,
    [id],
  );
  if (row === undefined) return true;
  const { place, attempt } = row;
  const put = (name: string, document: Document) => objects.put(`${place}/${name}`, textOf(document));
  const putStream = (name: StreamName) => {
    const size = Number(row[streams[name].bytes]);
    const open = () => bytesOfStream(db, objects, { id, name }, 0, size);
    return objects.put(`${place}/${streams[name].path}`, { size, open });
  };
  if (row.is_spooled && !(await keepArtifacts(context, row)) && !row.is_given_up) return false;
  await put(recordFiles.started, row.started);
  await put(recordFiles.prowJob, row.prow_job);
  await putStream("log");
  await keepTimes(context, row);
  if (Number(row.event_bytes) > 0) await putStream("event");
  await put(recordFiles.finished, row.finished);
  await lead(context, row);
  const artifacts = await bytesBelow(context, `${place}/${recordFiles.artifacts}/`);
  await db.transaction(async (sql) => {
    const kept = await sql.query(
      `UPDATE run_record SET is_kept = true, is_spooled = false, artifact_bytes = $4,
              kept_log_bytes = log_bytes, kept_event_bytes = event_bytes
        WHERE id = $1 AND attempt = $2 AND result <> 'PENDING' AND log_bytes = $3 RETURNING id`,
      [id, attempt, row.log_bytes, Math.max(0, artifacts - Number(row.event_bytes))],
    );
    if (kept.length > 0) await sql.query("DELETE FROM run_chunk WHERE run = $1", [id]);
  });
  await removeTree(spoolOf(context, id, attempt).folder);
  return true;
}

/** Puts the files that the run's programs left on this machine. `false` when its folder is not here. */
async function keepArtifacts(context: Context, row: EndedRow): Promise<boolean> {
  const { artifacts } = spoolOf(context, row.id, row.attempt);
  if ((await ifPresent(lstat(artifacts))) === undefined) return false;
  const entries = await readdir(artifacts, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  await pLimit(atOnce).map(files, async (file) => {
    const path = relative(artifacts, file).split(sep).join("/");
    if (path === eventsArtifact && Number(row.event_bytes) > 0) return;
    const { size } = await lstat(file);
    try {
      await context.objects.put(`${row.place}/${recordFiles.artifacts}/${path}`, contentOfFile(file, size));
    } catch (error) {
      // One that no store takes keeps nothing else from being kept.
      if (!(error instanceof ObjectError) || !unkeepable.has(error.code)) throw error;
    }
  });
  return true;
}

/** Puts what leads to a run: the newest of its job, and for pull requests where it is. */
async function lead({ db, objects }: Context, { id, job, place }: EndedRow): Promise<void> {
  const directory = directoryOfPlace(place, job);
  if (!place.startsWith(`${directory}/`)) await objects.put(`${directory}/${id}.txt`, place);
  // Others may put an older one meanwhile: whoever comes last sees all that have ended.
  for (let noted: string | undefined; ; ) {
    const [newest] = await db.query<{ id: string }>(
      `SELECT id FROM run_record WHERE job = $1 AND result <> 'PENDING' AND starts_with(place, 'logs/') = $2
        ORDER BY id DESC LIMIT 1`,
      [job, place.startsWith("logs/")],
    );
    if (newest === undefined || newest.id === noted) return;
    noted = newest.id;
    await objects.put(`${directory}/latest-build.txt`, noted);
  }
}

async function bytesBelow({ objects }: Context, folder: string): Promise<number> {
  let bytes = 0;
  for await (const { size = 0 } of objects.list(folder, { isDeep: true })) bytes += size;
  return bytes;
}

/**
 * Keeps what has ended and is not kept, the oldest first; what cannot be kept holds up nothing else.
 * @returns How many. Throws what the first failed with that could not be kept.
 */
export async function keepEnded(context: Context): Promise<number> {
  let kept = 0;
  const failures: unknown[] = [];
  for (let after = "0"; ; ) {
    const [next] = await context.db.query<{ id: string }>(
      "SELECT id FROM run_record WHERE result <> 'PENDING' AND NOT is_kept AND id > $1 ORDER BY id LIMIT 1",
      [after],
    );
    if (next === undefined) break;
    after = next.id;
    try {
      if (await keepRun(context, next.id)) kept += 1;
    } catch (error) {
      failures.push(error);
      if (error instanceof ObjectError && error.code === "objects-unreachable") break;
    }
  }
  await sweepSpool(context);
  const [first] = failures;
  if (first !== undefined) throw first;
  return kept;
}

/** Removes folders of attempts that nobody is at any more and nothing is kept from. */
async function sweepSpool(context: Context): Promise<void> {
  for (const name of (await ifPresent(readdir(context.spool))) ?? []) {
    const [, id, attempt] = /^([0-9]{1,19})\.([0-9]{1,9})$/.exec(name) ?? [];
    if (id === undefined || attempt === undefined) continue;
    const [row] = await context.db.query<{ attempt: number; is_kept: boolean }>(
      "SELECT attempt, is_kept FROM run_record WHERE id = $1",
      [id],
    );
    const isUsed = row !== undefined && row.attempt <= Number(attempt) && !row.is_kept;
    if (isUsed) continue;
    const own = context.underWay.get(id);
    if (own?.attempt === Number(attempt)) own.abandon();
    await removeTree(spoolOf(context, id, Number(attempt)).folder);
  }
}

import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { isPassing } from "../../database/index.ts";
import { type GrowingFile, makeFolder, openGrowing, removeTree, replaceFile } from "../../disk/index.ts";
import { contentOfFile } from "../../objects/index.ts";
import { checkedPath } from "../artifacts.ts";
import { RunError, recordFailure, unwritable } from "../errors.ts";
import { eventsFormat, type Run, type RunEnd } from "../model.ts";
import { finishedDocument, prowJob } from "../prow/documents.ts";
import { recordFiles } from "../prow/record.ts";
import { type Context, spoolOf, type UnderWay } from "./context.ts";
import { keepRun } from "./keep.ts";
import { asOwn, takenOver } from "./mine.ts";
import type { RunAttempt } from "./model.ts";
import { openPump } from "./pump.ts";
import type { BegunAttempt } from "./start.ts";
import { logChannel, type StreamName } from "./streams.ts";

/** Bytes that the log of a run may have. */
const maxLogBytes = 1024 ** 3;
const cut = `\n--- the log has more than ${maxLogBytes} bytes: what follows is left out ---\n`;

/** The run of this process in a database. @throws {RunError} as its methods do. */
export function openRun(context: Context, request: RunAttempt, begun: BegunAttempt, clock: () => Date): Run {
  const { db, objects, underWay } = context;
  const { id, attempt, uuid, place, startedAt } = begun;
  const { folder, artifacts } = spoolOf(context, id, attempt);
  const where = `${objects.where}/${place}`;
  const attemptAt = { id, attempt, fence: request.fence };
  const paths: Readonly<Record<StreamName, string>> = {
    log: join(folder, recordFiles.log),
    event: join(folder, "events"),
  };
  const files: Record<StreamName, GrowingFile> = {
    log: openGrowing(paths.log),
    event: openGrowing(paths.event),
  };
  const sizes: Record<StreamName, number> = { ...begun.bases };
  let isOver = false;
  const letGo = (): void => {
    isOver = true;
    pump.stop();
    if (underWay.get(id) === own) underWay.delete(id);
    files.log.close();
    files.event.close();
  };
  const sources = {
    log: { path: paths.log, base: begun.bases.log },
    event: { path: paths.event, base: begun.bases.event },
  };
  const pump = openPump(db, attemptAt, sources, letGo);
  const own: UnderWay = { attempt, drained: pump.drained, abandon: () => void pump.lose(takenOver(id)) };
  underWay.get(id)?.abandon();
  underWay.set(id, own);

  const opened = (): void => {
    if (pump.lost !== undefined) throw pump.lost;
    if (isOver) throw new RunError("run-unwritable", "the run has ended", { where });
  };
  const grow = (name: StreamName, chunk: Uint8Array | string): void => {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    try {
      files[name].append(bytes);
    } catch (error) {
      throw recordFailure(error, paths[name]);
    }
    sizes[name] += bytes.length;
    pump.wrote(name, bytes.length);
  };
  const end = ({ result, ...said }: RunEnd): Promise<void> => {
    const at = clock();
    const finished = finishedDocument({ result, ...said }, request, at);
    const job = prowJob(request, { name: uuid, id, startedAt, end: { result, at } });
    return asOwn(db, attemptAt, async (sql, row) => {
      // An end whose answer was lost.
      if (row.result === result) return;
      if (row.result !== "PENDING") throw takenOver(id);
      await sql.query(
        "UPDATE run_record SET result = $2, finished = $3, prow_job = $4, ended_at = $5 WHERE id = $1",
        [id, result, finished, job, at],
      );
      await sql.query("SELECT pg_notify($1, $2)", [logChannel, id]);
    });
  };

  /** Objects know no attempts. Who cannot ask goes on: without the database nobody else begins one. */
  const stillMine = async (): Promise<void> => {
    try {
      await asOwn(db, attemptAt, async (_, row) => {
        if (row.result !== "PENDING") throw takenOver(id);
      });
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  };

  return {
    job: request.job,
    id,
    uuid,
    where,
    artifacts,
    log(chunk) {
      opened();
      if (sizes.log > maxLogBytes) return;
      grow("log", chunk);
      if (sizes.log > maxLogBytes) grow("log", cut);
    },
    append(event) {
      opened();
      if (sizes.event === 0) {
        grow("event", `${JSON.stringify({ format: eventsFormat, job: request.job, id })}\n`);
      }
      grow("event", `${JSON.stringify({ at: clock().toISOString(), ...event })}\n`);
    },
    async write(path, content) {
      opened();
      const plain = checkedPath(path, artifacts);
      const file = join(artifacts, plain);
      try {
        await makeFolder(join(file, ".."));
        await replaceFile(file, content);
      } catch (error) {
        throw recordFailure(error, file);
      }
      try {
        await stillMine();
        const { size } = await lstat(file);
        await objects.put(`${place}/${recordFiles.artifacts}/${plain}`, contentOfFile(file, size));
      } catch (error) {
        throw unwritable(error, where);
      }
    },
    async finish(last) {
      opened();
      isOver = true;
      try {
        await pump.ending(() => end(last));
      } catch (error) {
        const failure = unwritable(error, where);
        if (failure.code === "run-taken-over") await removeTree(folder);
        throw failure;
      } finally {
        letGo();
      }
      try {
        await keepRun(context, id);
      } catch (error) {
        throw new RunError(
          "run-unwritable",
          `the run's end is recorded, but its files are not kept yet: ${unwritable(error, where).message}`,
          {
            ...{ where, cause: error },
            hint: "that is done again until it succeeds",
          },
        );
      }
    },
  };
}

import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Database, migrate, openDatabase } from "../database/index.ts";
import { makeFolder } from "../disk/index.ts";
import { type Members, openMembers } from "../forge/index.ts";
import { openObjects } from "../objects/index.ts";
import { openQueue, type Queue } from "../queue/index.ts";
import { openRunDatabase, type RunDatabase } from "../store/index.ts";
import { createMetrics, type Metrics, openTracing, type Tracing } from "../telemetry/index.ts";
import { listRemotes } from "../triggers/index.ts";
import { networkOf, openSources } from "../work/index.ts";
import { bucketKey } from "./bucket-key.ts";
import { watchDisks } from "./disks.ts";
import { endsOf } from "./ends.ts";
import { every } from "./every.ts";
import { keepMirrors } from "./keep-mirrors.ts";
import { type LiveJobs, openLiveJobs } from "./live-jobs.ts";
import { logProblem } from "./log.ts";
import { throwIfLost } from "./lost-database.ts";
import { migrations } from "./migrations.ts";
import type { ServeOptions } from "./options.ts";
import { openProcessEntry, type ProcessEntry, processPulse } from "./processes.ts";
import { schedule } from "./scheduler.ts";
import { openWeb, type Web } from "./web.ts";
import { work } from "./worker.ts";

/** A server that runs in this process. */
export interface RunningServer {
  /** Where it listens. */
  readonly address: string;
  /** Where people find it. */
  readonly url: string;
  /** The file with the token of an admin, where there is one. */
  readonly adminTokenFile: string | undefined;
  /** Rejected when it cannot go on. */
  readonly failed: Promise<never>;
  /**
   * Ends it: takes nothing more, hands over what runs, answers for as long as somebody may not know that, and lets everything go. Called
   * once more, it waits for neither.
   */
  stop(): Promise<void>;
}

const minute = 60_000;
/** Milliseconds that requests under way get. */
const closeWithin = 5_000;

/** All that the roles of a process share. */
export interface ServerCore {
  readonly options: ServeOptions;
  readonly db: Database;
  readonly queue: Queue;
  readonly runs: RunDatabase;
  readonly jobs: LiveJobs;
  readonly sourceOf: ReturnType<typeof openSources>;
  readonly mirrors: string;
  readonly members: Members;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  /** Why nothing can be written any more; `undefined` while it can. */
  readonly lackOfDisk: () => Promise<string | undefined>;
}

/**
 * Starts a server: brings the database up to date, and begins the roles of this process. What is wrong with jobs, forges or registries
 * is told, and stops nothing.
 * @throws {DatabaseError}, {@link ServerError} when the database or the address cannot be had.
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { data, environment, settings, log, roles } = options;
  await makeFolder(data);
  const onTrouble = logProblem(log, "the database");
  const db = await openDatabase(options.database, { onTrouble });
  const stopping = new AbortController();
  // All parts of a server listen to it.
  setMaxListeners(0, stopping.signal);
  const closing = new AbortController();
  const hurrying = new AbortController();
  let web: Web | undefined;
  try {
    await migrate(db, migrations);
    const sourceOf = openSources(
      { settings, environment, credentialSources: options.credentialSources, folder: data },
      stopping.signal,
    );
    const mirrors = join(data, "mirrors");
    const network = networkOf({ settings, environment });
    const runs = await openRunDatabase(db, {
      objects: openObjects(options.objects, { network, key: bucketKey(options) }),
      spool: join(data, "spool"),
    });
    const queue = openQueue(db, endsOf(runs));
    const jobs = openLiveJobs({
      ...{
        db,
        place: options.jobs,
        capacities: Object.keys(options.capacities),
        mirrors,
        maxMirrorBytes: settings.serve.maxMirrorBytes,
        environment,
        sourceOf,
        log,
        signal: stopping.signal,
      },
    });
    const metrics = createMetrics(options.version);
    const tracing = await openTracing(environment, options.version);
    if (roles.has("scheduler")) {
      metrics.tellOf({
        queue,
        jobs: () => jobs.jobs().map(({ name, work }) => ({ job: name, kind: work.kind })),
        remotes: () => listRemotes(db),
      });
    }
    const isKeeper = roles.has("scheduler") || roles.has("worker");
    const written = [data, ...(options.objects.startsWith("s3://") ? [] : [options.objects])];
    // Who only answers requests writes to the database alone.
    const lackOfDisk = watchDisks(isKeeper || "folder" in options.database ? written : [], log);
    const core: ServerCore = {
      ...{
        options,
        db,
        queue,
        runs,
        jobs,
        sourceOf,
        mirrors,
        metrics,
        tracing,
        lackOfDisk,
        members: openMembers(),
      },
    };
    web = await openWeb(core, closing.signal);
    const { address, url, adminTokenFile, whyUnready } = web;
    const entry = openProcessEntry({ db, version: options.version, roles, address, whyUnready });
    const watching = jobs.watch(stopping.signal);
    const parts = [
      watching,
      throwIfLost(db, stopping.signal),
      // A worker's machine alone has what its runs have left there.
      ...(isKeeper ? [keepRecords(core, stopping.signal), keepMirrors(core, stopping.signal)] : []),
      ...(roles.has("scheduler") ? schedule(core, url, stopping.signal) : []),
      ...(roles.has("worker") ? work(core, url, stopping.signal) : []),
    ];
    const failed = new Promise<never>((_, reject) => {
      for (const part of parts) part.catch(reject);
    });
    // Whoever waits for it is told; nobody need to.
    failed.catch(() => undefined);
    web.setReady(true);
    parts.push(keepEntry(core, entry, stopping.signal));
    log("info", `listening at ${address}`, { roles: [...roles].join(","), database: db.where });
    let isStopping = false;
    return {
      ...{ address, url, adminTokenFile },
      failed,
      async stop() {
        if (isStopping) return hurrying.abort();
        isStopping = true;
        web?.setReady(false);
        stopping.abort();
        const drained = sleep(options.drain, undefined, { signal: hurrying.signal }).catch(() => undefined);
        await Promise.allSettled([...parts, drained]);
        closing.abort();
        await web?.close(closeWithin);
        await entry.leave().catch(logProblem(log, "that this process ends cannot be told", "warn"));
        await tracing?.close();
        await runs.release();
        await db.close();
      },
    };
  } catch (error) {
    stopping.abort();
    closing.abort();
    await web?.close(0);
    await db.close();
    throw error;
  }
}

/** Has this process be seen, and that it takes nothing new any more from when it stops. */
async function keepEntry({ options }: ServerCore, entry: ProcessEntry, signal: AbortSignal): Promise<void> {
  const onProblem = logProblem(options.log, "that this process is there cannot be told", "warn");
  await every(processPulse, signal, () => entry.tell(false), onProblem);
  await entry.tell(true).catch(onProblem);
}

function keepRecords({ runs, options }: ServerCore, signal: AbortSignal): Promise<void> {
  return every(
    minute,
    signal,
    runs.keepEnded,
    logProblem(options.log, "records that have ended cannot be kept"),
  );
}

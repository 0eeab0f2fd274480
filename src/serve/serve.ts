import { hostname } from "node:os";
import { join } from "node:path";
import { type Database, migrate, openDatabase } from "../database/index.ts";
import { forgetDeliveries } from "../deliveries/index.ts";
import { makeFolder } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { openObjects } from "../objects/index.ts";
import { openQueue, type Queue, type QueuedRun, RunStopped } from "../queue/index.ts";
import type { RunEvent } from "../recording/index.ts";
import { openRunDatabase, type RunDatabase } from "../store/index.ts";
import { createMetrics, type Metrics, openTracing, type Tracing } from "../telemetry/index.ts";
import { listRemotes, noteEnd, runTriggers, type TriggerEvent } from "../triggers/index.ts";
import { carryOut, networkOf, openSources, openStatuses, WorkError } from "../work/index.ts";
import { every } from "./every.ts";
import { type LiveJobs, openLiveJobs } from "./live-jobs.ts";
import { logProblem } from "./log.ts";
import { migrations } from "./migrations.ts";
import type { ServeOptions } from "./options.ts";
import { openWeb, type Web } from "./web.ts";

/** A server that runs in this process. */
export interface RunningServer {
  /** Where it listens. */
  readonly address: string;
  /** Where people find it. */
  readonly url: string;
  /** The file with the token of an admin that was made at this start; `undefined` where there was one, or none is made. */
  readonly adminTokenFile: string | undefined;
  /** Rejected when it cannot go on. */
  readonly failed: Promise<never>;
  /**
   * Ends it: takes nothing more, hands over what runs, and lets everything go. Called once more, it does not wait for what is under
   * way.
   */
  stop(): Promise<void>;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Days for which the queue knows runs that have ended; their records are kept by their own rules. */
const endedRunDays = 90;
/** Days after which a delivery that comes once more is taken for a new one. */
const deliveryDays = 30;
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
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
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
  let web: Web | undefined;
  try {
    await migrate(db, migrations);
    const sourceOf = openSources({ settings, environment, folder: data });
    const mirrors = join(data, "mirrors");
    const network = networkOf({ settings, environment });
    const runs = openRunDatabase(db, {
      objects: openObjects(options.objects, { network }),
      spool: join(data, "spool"),
    });
    const queue = openQueue(db, {
      async onEnd(sql, run) {
        await noteEnd(sql, run);
        await runs.close(sql, run.id, { result: recordedResult(run) });
      },
    });
    const jobs = openLiveJobs({
      ...{
        place: options.jobs,
        capacities: Object.keys(options.capacities),
        mirrors,
        environment,
        sourceOf,
        log,
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
    const core: ServerCore = { options, db, queue, runs, jobs, sourceOf, mirrors, metrics, tracing };
    web = await openWeb(core, stopping.signal);
    const { address, url, adminTokenFile } = web;
    const watching = jobs.watch(stopping.signal);
    const isKeeper = roles.has("scheduler") || roles.has("worker");
    const parts = [
      watching,
      // A worker's machine alone has what its runs have left there.
      ...(isKeeper ? [keepRecords(core, stopping.signal)] : []),
      ...(roles.has("scheduler") ? schedule(core, stopping.signal) : []),
      ...(roles.has("worker") ? work(core, url, stopping.signal) : []),
    ];
    const failed = new Promise<never>((_, reject) => {
      for (const part of parts) part.catch(reject);
    });
    // Whoever waits for it is told; nobody need to.
    failed.catch(() => undefined);
    web.setReady(true);
    log("info", `listening at ${address}`, { roles: [...roles].join(","), database: db.where });
    let isStopping = false;
    return {
      ...{ address, url, adminTokenFile },
      failed,
      async stop() {
        if (isStopping) return;
        isStopping = true;
        web?.setReady(false);
        stopping.abort();
        await Promise.allSettled(parts);
        await web?.close(closeWithin);
        await tracing?.close();
        await runs.release();
        await db.close();
      },
    };
  } catch (error) {
    stopping.abort();
    await web?.close(0);
    await db.close();
    throw error;
  }
}

function keepRecords({ runs, options }: ServerCore, signal: AbortSignal): Promise<void> {
  return every(
    minute,
    signal,
    runs.keepEnded,
    logProblem(options.log, "records that have ended cannot be kept"),
  );
}

/** The words that records have for how a run ended. */
function recordedResult({ result }: Pick<QueuedRun, "result">): "SUCCESS" | "FAILURE" | "ABORTED" {
  return result === undefined || result === "ERROR" ? "FAILURE" : result;
}

function schedule(core: ServerCore, signal: AbortSignal): Promise<void>[] {
  const { options, db, queue, runs, jobs, sourceOf, mirrors } = core;
  const { log, retention, environment } = options;
  const triggers = async (): Promise<void> => {
    const isStopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([jobs.known, isStopped]);
    if (signal.aborted) return;
    await runTriggers({
      ...{ db, queue, jobs: jobs.jobs, mirrors, environment, signal },
      credentialOf: async (url) => (await sourceOf(url).forge())?.credential,
      async projectOf(url) {
        const place = await sourceOf(url).forge();
        if (place !== undefined) return place.project;
        throw new WorkError("no-forge", "it is on no forge that Waybill has a token for", {
          where: url,
          hint: "say under forges in waybill.yaml what the host is, and give its token in the environment",
        });
      },
      listener: (event) => {
        core.metrics.heardOfTrigger(event);
        tell(core, event);
      },
    });
  };
  const problem = (what: string) => logProblem(log, what);
  return [
    triggers(),
    queue.supervise({ signal, onProblem: problem("the queue") }),
    queue.setCapacities(options.capacities),
    every(hour, signal, () => runs.retain(retention), problem("old records cannot be removed")),
    every(day, signal, runs.adopt, problem("earlier records cannot be read")),
    every(
      day,
      signal,
      async () => {
        await queue.forgetEnded(new Date(Date.now() - endedRunDays * day));
        await forgetDeliveries(db, new Date(Date.now() - deliveryDays * day));
      },
      problem("old runs cannot be forgotten"),
    ),
  ];
}

function work(core: ServerCore, url: string, signal: AbortSignal): Promise<void>[] {
  const { options, db, queue, runs, metrics, tracing } = core;
  const { settings, environment, data: folder, log, grace, concurrency } = options;
  const onProblem = logProblem(log, "work", "warn");
  const statuses = openStatuses(db, { settings, environment, folder, onProblem });
  const pageOf = ({ id }: { readonly id: string }): string => `${url}/runs/${id}`;
  const place = { records: runs, settings, environment, folder, pageOf, grace, statuses, onProblem };
  return [
    queue.work({
      ...{ name: hostname(), concurrency, signal },
      onProblem: logProblem(log, "the queue"),
      async carryOut(run) {
        const { job, id, attempt } = run;
        log("info", `${job} begins`, { run: id, attempt });
        const page = place.pageOf(run);
        const span = tracing?.begin(run, page);
        const begun = performance.now();
        const heard = (event: RunEvent): void => {
          metrics.heardOfRun(event);
          span?.heard(event);
        };
        const outcome = await carryOut(run, { ...place, heard }).catch((error: unknown) => {
          const failed = { result: "ERROR", details: { summary: messageOf(error) } } as const;
          span?.end(failed);
          metrics.ended(run, failed, (performance.now() - begun) / 1000);
          throw error;
        });
        span?.end(outcome);
        metrics.ended(run, outcome, (performance.now() - begun) / 1000);
        if (run.signal.reason instanceof RunStopped && run.signal.reason.code === "lost") metrics.leaseLost();
        const level = outcome.result === "ERROR" ? "warn" : "info";
        log(level, `${job}: ${outcome.details?.summary ?? ""}`, { run: id, result: outcome.result });
        return outcome;
      },
    }),
    statuses.deliver(signal),
  ];
}

function tell({ options: { log } }: ServerCore, event: TriggerEvent): void {
  switch (event.type) {
    case "remote-unread":
      log("warn", `${event.url} cannot be read: ${event.failure.message}`, { attempts: event.attempts });
      break;
    case "remote-read-again":
      log("info", `${event.url} can be read again`, { since: event.since.toISOString() });
      break;
    case "remote-first-seen":
      log("info", `${event.url} is looked at from now on`, { what: event.what, found: event.found });
      break;
    case "tag-moved":
      log("warn", `a tag has moved: ${event.tag.ref} of ${event.url}`, {
        from: event.tag.from,
        to: event.tag.to,
      });
      break;
    case "run-asked-for":
      log("info", `${event.job} is asked for: ${event.cause}`, { run: event.run, outcome: event.outcome });
      break;
    case "trigger-failed":
      log("error", `${event.what}: ${event.failure.message}`, { code: event.failure.code });
  }
}

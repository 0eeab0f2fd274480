import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { JobKind } from "../jobs/index.ts";
import type { Queue, QueuedRun, RunOutcome } from "../queue/index.ts";
import type { RunEvent } from "../recording/index.ts";
import type { RemoteState, TriggerEvent } from "../triggers/index.ts";
import { cappedNames } from "./capped-names.ts";

/** What a scraper is answered. */
export interface MetricsText {
  /** The media type. */
  readonly type: string;
  readonly text: string;
}

/** What is asked anew each time somebody looks. Methods may fail: what cannot be read is left out, and counted. */
export interface MetricsSources {
  readonly queue: Pick<Queue, "counts" | "workers" | "lastRuns">;
  /** The jobs there are. */
  readonly jobs: () => readonly Pick<QueuedRun, "job" | "kind">[];
  readonly remotes: () => Promise<readonly RemoteState[]>;
}

/** What this process is like, for whoever watches it: counters of what it did, and of the queue where it keeps order there. */
export interface Metrics {
  /** Counts what a run tells while it goes on. */
  readonly heardOfRun: (event: RunEvent) => void;
  readonly heardOfTrigger: (event: TriggerEvent) => void;
  /** An attempt of a run is over in this process. @param seconds Since it began. */
  ended(run: Pick<QueuedRun, "job" | "kind" | "causes">, outcome: RunOutcome, seconds: number): void;
  /** A delivery was answered. */
  delivered(source: string, event: string, outcome: DeliveryAnswer): void;
  leaseLost(): void;
  /** Tells of the queue, jobs and remotes as well from now on: for one process of a server, or sums of several would be wrong. */
  tellOf(sources: MetricsSources): void;
  read(): Promise<MetricsText>;
}

/** What became of a delivery. */
export type DeliveryAnswer = "accepted" | "refused" | "failed";

/** Jobs, hosts, remotes and sources that have a label of their own; all others are `other`. */
const maxLabels = { job: 1000, host: 100, remote: 1000, source: 50, event: 100 } as const;

/** Seconds: from a second to four hours, as promotions and builds last. */
const durations = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400];

const results = ["SUCCESS", "FAILURE", "ABORTED", "ERROR"] as const;

/**
 * Metrics in the words of Prometheus: base units, and no label that grows without end, such as runs, commits, images or users.
 * @param version Of Waybill.
 */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter<Label>({ name, help, labelNames, registers });
  // What is told by one process alone: of others, a 0 would be no answer.
  const shared = new Registry();
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name, help, labelNames, registers: [shared] });

  const jobName = cappedNames(maxLabels.job);
  const hostName = cappedNames(maxLabels.host);
  const remoteName = cappedNames(maxLabels.remote);
  const sourceName = cappedNames(maxLabels.source);
  const eventName = cappedNames(maxLabels.event);

  new Gauge({
    name: "waybill_build_info",
    help: "The version that runs; always 1.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const runs = counter("waybill_runs_total", "Attempts of runs that are over, by how they ended.", [
    ...(["job", "kind", "result"] as const),
  ]);
  const lasted = new Histogram({
    name: "waybill_run_duration_seconds",
    help: "How long attempts of runs took.",
    labelNames: ["kind", "result"] as const,
    buckets: durations,
    registers,
  });
  const lag = new Histogram({
    name: "waybill_promotion_lag_seconds",
    help: "From when a push was seen until what it asks for was in production.",
    buckets: durations,
    registers,
  });
  const requests = counter("waybill_registry_requests_total", "Requests to registries.", [
    ...(["host", "method", "code"] as const),
  ]);
  const throttled = counter(
    "waybill_registry_throttled_total",
    "Answers of registries that say that it was too much: status 429.",
    ["host"],
  );
  const bytes = counter("waybill_registry_bytes_total", "Bytes of blobs from and to registries.", [
    ...(["host", "direction"] as const),
  ]);
  const away = counter("waybill_registry_away_total", "How often a registry could not be reached.", ["host"]);
  const deliveries = counter("waybill_webhook_deliveries_total", "Deliveries of webhooks.", [
    ...(["source", "event", "outcome"] as const),
  ]);
  const asked = counter("waybill_runs_asked_total", "Runs that triggers have asked for.", [
    ...(["job", "outcome"] as const),
  ]);
  const triggerFailures = counter("waybill_trigger_failures_total", "Looks that have failed.");
  const lost = counter("waybill_lease_lost_total", "Runs that this process has lost to another one.");
  const unreadable = counter(
    "waybill_scrape_failures_total",
    "Scrapes at which the database could not be asked: what it would have said is missing.",
  );

  let sources: MetricsSources | undefined;
  const waiting = gauge("waybill_queue_runs", "Runs that wait, are held or run.", ["kind", "state"]);
  const oldest = gauge(
    "waybill_queue_oldest_seconds",
    "Age of the oldest run that waits, is held or runs; 0 where there is none.",
    ["kind", "state"],
  );
  const seats = gauge("waybill_worker_seats", "Runs that workers can carry out at the same time.");
  const workers = gauge("waybill_workers", "Processes that carry runs out.");
  const successes = gauge(
    "waybill_job_last_success_timestamp_seconds",
    "When the last success of a job ended; missing before the first one.",
    ["job"],
  );
  const polled = gauge(
    "waybill_poll_last_success_timestamp_seconds",
    "When all of a remote was last read; missing before the first time.",
    ["remote", "what"],
  );
  const isUnread = gauge("waybill_poll_unread", "1 while a remote cannot be read.", ["remote", "what"]);

  const collect = async ({ queue, jobs, remotes }: MetricsSources): Promise<void> => {
    const known = jobs();
    const [counts, present, last, seen] = await Promise.all([
      queue.counts(),
      queue.workers(),
      queue.lastRuns(
        known.map(({ job }) => job),
        "SUCCESS",
      ),
      remotes(),
    ]);
    for (const each of [waiting, oldest, successes, polled, isUnread]) each.reset();
    for (const kind of kinds) {
      for (const state of states) {
        const of = counts.filter((count) => count.kind === kind && count.state === state);
        waiting.set(
          { kind, state },
          of.reduce((sum, { runs }) => sum + runs, 0),
        );
        const age = Math.max(0, ...of.map((count) => (Date.now() - count.oldest.getTime()) / 1000));
        oldest.set({ kind, state }, age);
      }
    }
    workers.set(present.length);
    seats.set(present.reduce((sum, worker) => sum + worker.seats, 0));
    for (const [job, { endedAt }] of last) {
      if (endedAt !== undefined) successes.set({ job: jobName(job) }, endedAt.getTime() / 1000);
    }
    for (const { url, what, lookedAt, unread } of seen) {
      const labels = { remote: remoteName(url), what };
      if (lookedAt !== undefined) polled.set(labels, lookedAt.getTime() / 1000);
      isUnread.set(labels, unread === undefined ? 0 : 1);
    }
    // What is not there yet cannot rise: the first failure of a job would be missed.
    for (const { job, kind } of known) {
      for (const result of results) runs.inc({ job: jobName(job), kind, result }, 0);
    }
  };

  return {
    heardOfRun(event) {
      switch (event.type) {
        case "request": {
          const host = hostName(event.host);
          requests.inc({ host, method: event.method, code: event.status });
          if (event.status === 429) throttled.inc({ host });
          break;
        }
        case "away":
          away.inc({ host: hostName(event.host) });
          break;
        case "read":
          bytes.inc({ host: hostName(hostOf(event.source)), direction: "read" }, event.bytes);
          break;
        case "bytes":
          bytes.inc({ host: hostName(hostOf(event.destination)), direction: "sent" }, event.bytes);
          break;
        default:
      }
    },
    heardOfTrigger(event) {
      if (event.type === "run-asked-for") asked.inc({ job: jobName(event.job), outcome: event.outcome });
      else if (event.type === "trigger-failed") triggerFailures.inc();
    },
    ended({ job, kind, causes }, { result, details }, seconds) {
      runs.inc({ job: jobName(job), kind, result });
      lasted.observe({ kind, result }, seconds);
      const push = causes.find(({ by }) => by === "push");
      if (kind !== "promote" || result !== "SUCCESS" || push === undefined) return;
      // What only plans brings nothing to production.
      if (details?.dryRun === true) return;
      lag.observe(Math.max(0, (Date.now() - Date.parse(push.at)) / 1000));
    },
    delivered: (source, event, outcome) =>
      deliveries.inc({ source: sourceName(source), event: eventName(event), outcome }),
    leaseLost: () => lost.inc(),
    tellOf(given) {
      sources = given;
    },
    async read() {
      const isAsked =
        sources !== undefined &&
        (await collect(sources).then(
          () => true,
          () => false,
        ));
      if (sources !== undefined && !isAsked) unreadable.inc();
      const own = await registry.metrics();
      // Old numbers would be taken for new ones.
      return { type: registry.contentType, text: isAsked ? `${own}\n${await shared.metrics()}` : own };
    },
  };
}

const states = ["held", "waiting", "running"] as const;
const kinds = [
  "build",
  "promote",
  "review",
  "verify",
  "snapshot",
  "propose",
] as const satisfies readonly JobKind[];

/** The host of an address such as `host:port/path`. */
function hostOf(address: string): string {
  return address.startsWith("oci:") ? "oci:" : (address.split("/", 1)[0] ?? address);
}

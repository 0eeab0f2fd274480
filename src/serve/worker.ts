import { hostname } from "node:os";
import { withCommentApprovals } from "../chatops/index.ts";
import { messageOf } from "../errors/index.ts";
import type { ForgeProject } from "../forge/index.ts";
import { openMatrixWriter } from "../matrix/index.ts";
import { recordLook, recordTraffic } from "../production/index.ts";
import { openRequestBudget, RunStopped } from "../queue/index.ts";
import type { RunEvent } from "../recording/index.ts";
import { keepReview } from "../reviews/index.ts";
import { carryOut, openOutbox, type ProductionMemory, type WorkEnvironment } from "../work/index.ts";
import { every } from "./every.ts";
import { openHostStates } from "./host-states.ts";
import { logProblem } from "./log.ts";
import type { ServerCore } from "./serve.ts";

/** Milliseconds between two times that what was found out of hosts is written down. */
const hostsPulse = 15_000;

/** Carries runs out until the signal is aborted, and tells forges what came of them. @param url The address of pages. */
export function work(core: ServerCore, url: string, signal: AbortSignal): Promise<void>[] {
  const { options, db, queue, runs, metrics, tracing } = core;
  const { settings, environment, credentialSources, data: folder, log, grace, concurrency } = options;
  const onProblem = logProblem(log, "work", "warn");
  const outbox = openOutbox(db, { settings, environment, credentialSources, folder, onProblem });
  const hosts = openHostStates(db);
  const onUnkept = logProblem(log, "what is known of hosts cannot be kept", "warn");
  const pageOf = ({ id }: { readonly id: string }): string => `${url}/runs/${id}`;
  const withApprovals = (repository: string, project: ForgeProject): ForgeProject =>
    withCommentApprovals(db, repository, project);
  const keep: WorkEnvironment["keepReview"] = (judged, fence) => keepReview(db, judged, fence);
  const production: ProductionMemory = {
    looked: (look, fence) => recordLook(db, look, fence),
    asked: (traffic, fence) => recordTraffic(db, traffic, fence),
  };
  const { paceOf } = openRequestBudget(db, logProblem(log, "the budget of requests", "warn"));
  const place = {
    records: runs,
    production,
    paceOf,
    withApprovals,
    keepReview: keep,
    settings,
    environment,
    credentialSources,
    folder,
    pageOf,
    matrixOf: ({ id, attempt }: { readonly id: string; readonly attempt: number }) =>
      openMatrixWriter(db, { id, attempt }, logProblem(log, "the matrix of a run", "warn")),
    grace,
    outbox,
    onProblem,
  };
  return [
    queue
      .work({
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
            hosts.heard(event);
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
          if (run.signal.reason instanceof RunStopped && run.signal.reason.code === "lost")
            metrics.leaseLost();
          const level = outcome.result === "ERROR" || outcome.result === "FAILURE" ? "warn" : "info";
          log(level, `${job}: ${outcome.details?.summary ?? ""}`, { run: id, result: outcome.result });
          return outcome;
        },
      })
      .finally(() => hosts.write().catch(onUnkept)),
    outbox.deliver(signal),
    every(hostsPulse, signal, hosts.write, onUnkept),
  ];
}

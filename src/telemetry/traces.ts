import { createHash } from "node:crypto";
import type { Span, SpanContext } from "@opentelemetry/api";
import type { QueuedRun, RunOutcome } from "../queue/index.ts";
import type { RunEvent } from "../recording/index.ts";

/** The span of an attempt of a run. */
export interface RunSpan {
  /** Adds the steps of the run that are worth a mark: a plan, an image that arrived, a host that is away. */
  readonly heard: (event: RunEvent) => void;
  end(outcome: RunOutcome): void;
}

/** Where spans go to. */
export interface Tracing {
  /** Begins the span of an attempt. @param page Where people look at the run. */
  begin(run: TracedRun, page: string | undefined): RunSpan;
  /** Sends what is left. Takes two seconds at most. */
  close(): Promise<void>;
}

type TracedRun = Pick<
  QueuedRun,
  "id" | "job" | "kind" | "attempt" | "repo" | "ref" | "commit" | "askedAt"
> & { readonly shadow?: boolean | undefined };

/** Milliseconds for what is left when the process ends. */
const closeWithin = 2_000;
/** Spans that wait for a collector that cannot be reached; further ones are dropped. */
const maxWaiting = 2_000;
/** Marks of one span. */
const maxMarks = 200;

/**
 * Opens tracing where the environment says so, in the words of OpenTelemetry: `OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, and `OTEL_SDK_DISABLED`. All else that the exporter knows is read from there as well.
 * Names are those of OpenTelemetry's conventions for CI/CD, which are still in development: they stand here alone.
 *
 * Ids are made of those of the run, so that all attempts are of one trace, and each is linked to the one before, in whatever process
 * it was.
 * @returns `undefined` where nobody asks for traces.
 */
export async function openTracing(
  environment: NodeJS.ProcessEnv,
  version: string,
): Promise<Tracing | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = environment;
  if ((all ?? "") === "" && (own ?? "") === "") return undefined;
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === "true") return undefined;
  const url = own || `${all?.replace(/\/+$/, "")}/v1/traces`;
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags } = await import("@opentelemetry/api");
  const { BatchSpanProcessor, NodeTracerProvider } = await import("@opentelemetry/sdk-trace-node");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");

  // Spans are begun one at a time, so the next ids can be said beforehand.
  let next = { traceId: "", spanId: "" };
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": environment.OTEL_SERVICE_NAME || "waybill",
      "service.version": version,
    }),
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }), { maxQueueSize: maxWaiting })],
  });
  const tracer = provider.getTracer("waybill", version);

  const contextOf = (id: string, attempt: number): SpanContext => ({
    traceId: hexOf(`trace ${id}`, 32),
    spanId: hexOf(`attempt ${id} ${attempt}`, 16),
    traceFlags: TraceFlags.SAMPLED,
  });

  return {
    begin(run, page) {
      const { id, job, kind, attempt, repo, ref, commit, askedAt, shadow } = run;
      next = contextOf(id, attempt);
      const span: Span = tracer.startSpan(
        `${kind} ${job}`,
        {
          kind: SpanKind.SERVER,
          root: true,
          links: attempt > 1 ? [{ context: contextOf(id, attempt - 1) }] : [],
          attributes: {
            "cicd.pipeline.name": job,
            "cicd.pipeline.run.id": id,
            "cicd.pipeline.run.state": "executing",
            "cicd.pipeline.action.name": shadow === true ? "SHADOW" : kind.toUpperCase(),
            ...(page === undefined ? {} : { "cicd.pipeline.run.url.full": page }),
            ...(repo === undefined ? {} : { "vcs.repository.url.full": repo }),
            ...(ref === undefined ? {} : { "vcs.ref.head.name": ref }),
            ...(commit === undefined ? {} : { "vcs.ref.head.revision": commit }),
            "waybill.run.attempt": attempt,
            "waybill.run.waited_seconds": Math.max(0, (Date.now() - askedAt.getTime()) / 1000),
          },
        },
        ROOT_CONTEXT,
      );
      let marks = 0;
      return {
        heard(event) {
          const mark = markOf(event);
          if (mark === undefined || marks >= maxMarks) return;
          marks += 1;
          span.addEvent(event.type, mark);
        },
        end({ result, details }) {
          span.setAttribute("cicd.pipeline.result", resultWords[result]);
          if (result !== "SUCCESS") {
            span.setAttribute("error.type", result.toLowerCase());
            span.setStatus({ code: SpanStatusCode.ERROR, message: details?.summary ?? result });
          }
          span.end();
        },
      };
    },
    async close() {
      const late = new Promise<void>((resolve) => {
        setTimeout(resolve, closeWithin).unref();
      });
      // A collector that is away is no reason to stay.
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
    },
  };
}

const resultWords: Readonly<Record<RunOutcome["result"], string>> = {
  SUCCESS: "success",
  FAILURE: "failure",
  ABORTED: "cancellation",
  ERROR: "error",
};

/** What of an event is a mark of a span; nothing of what comes by the thousand. */
function markOf(event: RunEvent): Readonly<Record<string, string | number>> | undefined {
  switch (event.type) {
    case "planned":
      return { "waybill.plan.hash": event.hash, "waybill.plan.edges": event.work };
    case "manifest-put":
      return { "waybill.destination": event.destination, "waybill.digest": event.digest };
    case "away":
      return { "server.address": event.host, "error.type": event.failure.code };
    case "back":
    case "waiting":
      return { "server.address": event.host, "waybill.milliseconds": event.milliseconds };
    default:
      return undefined;
  }
}

function hexOf(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}

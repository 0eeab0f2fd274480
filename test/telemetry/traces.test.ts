import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { openTracing } from "../../src/telemetry/index.ts";

interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly events: readonly { readonly name: string }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code: number };
}

const closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

/** What takes the place of a collector: keeps the spans that it is sent by OTLP over HTTP. */
async function openCollector() {
  const spans: ExportedSpan[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      const { resourceSpans } = JSON.parse(body);
      for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closes.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans };
}

const run = {
  ...{ id: "123", job: "promote-foo", kind: "promote", attempt: 1, askedAt: new Date() },
  ...{ repo: "https://example.com/a/b", ref: "refs/heads/main", commit: undefined },
};

describe("traces", () => {
  it("are not opened where nobody asks for them", async () => {
    expect(await openTracing({}, "1")).toBeUndefined();
    const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_SDK_DISABLED: "true" };
    expect(await openTracing(disabled, "1")).toBeUndefined();
  });

  it("bring a span for each attempt to the collector, all of one trace, each linked to the one before", async () => {
    const { url, spans } = await openCollector();
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
    const tracing = await openTracing(environment, "1.2.3");
    const first = tracing?.begin(run, "https://waybill.example.com/runs/123");
    first?.heard({ type: "waiting", host: "r.example.com", milliseconds: 5, reason: "busy" });
    first?.heard({ type: "read", source: "r.example.com/a", bytes: 1 });
    first?.end({ result: "ERROR", details: { summary: "the worker stopped" } });
    const second = tracing?.begin({ ...run, attempt: 2 }, undefined);
    second?.end({ result: "SUCCESS" });
    await tracing?.close();
    const [one, other] = spans;
    expect(spans.map(({ name }) => name)).toEqual(["promote promote-foo", "promote promote-foo"]);
    expect(one?.traceId).toBe(other?.traceId);
    expect(one?.status.code).toBe(2);
    expect(one?.events.map(({ name }) => name)).toEqual(["waiting"]);
    expect(other?.links).toMatchObject([{ traceId: one?.traceId, spanId: one?.spanId }]);
    expect(other?.attributes).toContainEqual({
      key: "cicd.pipeline.result",
      value: { stringValue: "success" },
    });
  });

  it("keep nobody from ending where the collector is away", async () => {
    const tracing = await openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }, "1");
    tracing?.begin(run, undefined).end({ result: "SUCCESS" });
    await tracing?.close();
  });
});

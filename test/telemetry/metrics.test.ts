import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import type { QueuedRun } from "../../src/queue/index.ts";
import { createMetrics } from "../../src/telemetry/index.ts";

const examples = join(import.meta.dirname, "../../examples/monitoring");

const run = { job: "promote-foo", kind: "promote", causes: [] };
const succeeded: Pick<QueuedRun, "endedAt"> = { endedAt: new Date(1_700_000_000_000) };

function sources() {
  return {
    queue: {
      counts: async () => [
        { job: "promote-foo", kind: "promote", state: "waiting" as const, runs: 3, oldest: new Date(0) },
      ],
      workers: async () => [
        { name: "one", seats: 4, running: 1, since: new Date(0), seen: new Date(0) },
        { name: "two", seats: 2, running: 0, since: new Date(0), seen: new Date(0) },
      ],
      lastRuns: async () => new Map([["promote-foo", succeeded as QueuedRun]]),
    },
    jobs: () => [{ job: "promote-foo", kind: "promote" }],
    remotes: async () => [
      {
        ...{ url: "https://example.com/a", what: "refs" as const, dueAt: new Date(0), movedTags: [] },
        ...{ lookedAt: new Date(1_700_000_000_000), toldAt: undefined },
      },
    ],
  };
}

describe("metrics", () => {
  it("count what runs did, and which requests they made", async () => {
    const metrics = createMetrics("1.2.3");
    metrics.ended(run, { result: "FAILURE" }, 12);
    const request = { type: "request", host: "r.example.com", method: "PUT", kind: "manifest-put" } as const;
    metrics.heardOfRun({ ...request, status: 201, milliseconds: 3 });
    metrics.heardOfRun({ ...request, status: 429, milliseconds: 3 });
    metrics.heardOfRun({ type: "read", source: "s.example.com/a/b", bytes: 1000 });
    const { text } = await metrics.read();
    expect(text).toContain('waybill_runs_total{job="promote-foo",kind="promote",result="FAILURE"} 1');
    expect(text).toContain('waybill_run_duration_seconds_bucket{le="30",kind="promote",result="FAILURE"} 1');
    expect(text).toContain('waybill_registry_requests_total{host="r.example.com",method="PUT",code="429"} 1');
    expect(text).toContain('waybill_registry_throttled_total{host="r.example.com"} 1');
    expect(text).toContain('waybill_registry_bytes_total{host="s.example.com",direction="read"} 1000');
    expect(text).toContain('waybill_build_info{version="1.2.3"} 1');
  });

  it("tell how late production is by what wrote there", async () => {
    const metrics = createMetrics("1");
    const pushed = { by: "push", text: "a push", at: new Date().toISOString() } as const;
    metrics.ended(
      { ...run, causes: [pushed] },
      { result: "SUCCESS", details: { summary: "", dryRun: true } },
      1,
    );
    expect((await metrics.read()).text).toContain("waybill_promotion_lag_seconds_count 0");
    metrics.ended({ ...run, causes: [pushed] }, { result: "SUCCESS", details: { summary: "1 done" } }, 1);
    expect((await metrics.read()).text).toContain("waybill_promotion_lag_seconds_count 1");
  });

  it("say what waits, only where this process keeps order, and start each result of a job at nothing", async () => {
    const metrics = createMetrics("1");
    const alone = (await metrics.read()).text;
    expect(alone).not.toContain("waybill_queue_runs");
    expect(alone).not.toContain("waybill_workers");
    metrics.tellOf(sources());
    const { text } = await metrics.read();
    expect(text).toContain('waybill_queue_runs{kind="promote",state="waiting"} 3');
    expect(text).toContain("waybill_worker_seats 6");
    expect(text).toContain('waybill_job_last_success_timestamp_seconds{job="promote-foo"} 1700000000');
    expect(text).toContain('waybill_runs_total{job="promote-foo",kind="promote",result="ERROR"} 0');
    expect(text).toContain('waybill_poll_unread{remote="https://example.com/a",what="refs"} 0');
  });

  it("say nothing of the queue that is old: what cannot be asked is missing", async () => {
    const metrics = createMetrics("1");
    let isAway = false;
    const given = sources();
    metrics.tellOf({
      ...given,
      remotes: () => (isAway ? Promise.reject(new Error("away")) : given.remotes()),
    });
    await metrics.read();
    isAway = true;
    const { text } = await metrics.read();
    expect(text).not.toContain('waybill_queue_runs{kind="promote"');
    expect(text).toContain("waybill_scrape_failures_total 1");
  });

  it("grow no label without end", async () => {
    const metrics = createMetrics("1");
    for (let at = 0; at < 500; at += 1) {
      const request = { type: "request", host: `h${at}.example.com`, method: "GET", kind: "list" } as const;
      metrics.heardOfRun({ ...request, status: 200, milliseconds: 1 });
    }
    const { text } = await metrics.read();
    expect(text.match(/^waybill_registry_requests_total\{/gm)).toHaveLength(101);
    expect(text).toContain('waybill_registry_requests_total{host="other",method="GET",code="200"} 400');
  });
});

describe("the examples for Prometheus and Grafana", () => {
  interface Rule {
    readonly alert: string;
    readonly expr: string;
  }
  const alerts = load(readFileSync(join(examples, "alerts.yaml"), "utf8")) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  const dashboard = JSON.parse(readFileSync(join(examples, "dashboard.json"), "utf8")) as {
    readonly panels: readonly {
      readonly title: string;
      readonly targets: readonly { readonly expr: string }[];
    }[];
  };
  const expressions = [
    ...alerts.groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const)),
    ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ];

  it.each(expressions)("%s is an expression over metrics that there are: %s", async (_, expression) => {
    const text = expression.replaceAll("$__rate_interval", "5m");
    const wrong: string[] = [];
    parser.parse(text).iterate({
      enter: ({ type, from, to }) => {
        if (type.isError) wrong.push(`${from}-${to}`);
      },
    });
    expect(wrong).toEqual([]);
    const metrics = createMetrics("1");
    metrics.tellOf(sources());
    const known = (await metrics.read()).text;
    for (const [name] of expression.matchAll(/\bwaybill_\w+/g)) {
      expect(known).toContain(`# TYPE ${name.replace(/_bucket$/, "")} `);
    }
  });
});

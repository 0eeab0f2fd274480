import { expect, it } from "vitest";
import { drawChart } from "../../src/pages/chart-drawing.ts";
import { amountOf } from "../../src/pages/parts/amount.ts";

const times = Array.from({ length: 30 }, (_, at) => new Date(Date.UTC(2026, 0, 1 + at)).toISOString());

it("draws what the policy of pages lets in, in the colors of the style sheet", () => {
  const svg = drawChart(
    times,
    [
      { name: "missing", shape: "bar", tone: "bad", values: times.map((_, at) => at) },
      { name: "unread", shape: "line", tone: "wait", values: times.map((_, at) => (at === 3 ? null : at)) },
    ],
    "bytes",
  );
  expect(svg).toMatch(/^<svg aria-hidden="true" focusable="false" xmlns="[^"]*" viewBox="0 0 720 220">/);
  expect(svg).not.toMatch(/style|class=|<script|<defs|ecmeta|id=|on\w+=/i);
  expect(new Set(svg.match(/var\(--\w+\)/g))).toEqual(
    new Set(["var(--line)", "var(--quiet)", "var(--bad)", "var(--wait)"]),
  );
  expect(
    drawChart(times.slice(0, 1), [{ name: "x", shape: "line", tone: "good", values: [1] }], "count"),
  ).toContain("var(--good)");
});

it("says amounts in the unit in which they have few digits", () => {
  expect([0, 999, 1000, 15_250_000, 1e18].map((value) => amountOf(value, "bytes"))).toEqual([
    ...["0\u202fB", "999\u202fB", "1\u202fkB", "15.3\u202fMB", "1000\u202fPB"],
  ]);
  expect(amountOf(61_000, "milliseconds")).toBe("1 min 1 s");
});

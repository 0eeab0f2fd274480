import { BarChart, LineChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { amountOf } from "./parts/amount.ts";
import type { ChartSeries, ChartUnit } from "./parts/chart.tsx";

const width = 720;
const height = 220;

/** Dashes by which lines are told apart without their colors, in the order of the series. */
export const dashes = ["", "7 4", "2 4", "9 4 2 4"] as const;

/**
 * Draws series over time as SVG in which nothing is a style, so that the policy of pages lets it in: colors are those of the style sheet's
 * names, and its fonts those of the page. No text from outside is in it.
 */
export function drawChart(times: readonly string[], series: readonly ChartSeries[], unit: ChartUnit): string {
  // What is known already is passed over.
  use([BarChart, LineChart, GridComponent, SVGRenderer]);
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    const quiet = { color: "var(--quiet)", fontSize: 12 };
    chart.setOption({
      ...{ animation: false, useUTC: true },
      grid: { left: 64, right: 16, top: 12, bottom: 28 },
      xAxis: {
        ...{ type: "time", axisLabel: { ...quiet, hideOverlap: true } },
        axisLine: { lineStyle: { color: "var(--quiet)" } },
        axisTick: { lineStyle: { color: "var(--quiet)" } },
      },
      yAxis: {
        ...{ type: "value", min: 0, minInterval: unit === "count" ? 1 : 0, splitNumber: 4 },
        axisLabel: { ...quiet, formatter: (value: number) => amountOf(value, unit) },
        splitLine: { lineStyle: { color: "var(--line)" } },
      },
      series: series.map(({ shape, tone, values }, at) => {
        const color = `var(--${tone})`;
        const data = values.map((value, index) => [times[index], value]);
        const same = { data, silent: true, stack: shape === "bar" ? "bars" : undefined };
        if (shape === "bar") return { ...same, type: "bar", itemStyle: { color }, barMaxWidth: 24 };
        const dash = dashes[at % dashes.length];
        const type = dash === "" || dash === undefined ? "solid" : dash.split(" ").map(Number);
        const isLonely = values.length < 3;
        return {
          ...same,
          type: "line",
          showSymbol: isLonely,
          itemStyle: { color },
          lineStyle: { color, type, width: 2 },
        };
      }),
    });
    return withoutStyles(chart.renderToSVGString({ useViewBox: true }));
  } finally {
    chart.dispose();
  }
}

/** What the policy of pages does not let in, and what has names that several charts of a page would share. */
function withoutStyles(svg: string): string {
  return svg
    .replace(/<(style|defs)[ >].*?<\/\1>/gs, "")
    .replace(
      / (?:style|class|clip-path|pointer-events|xmlns:xlink|baseProfile|version|ecmeta_\w+)="[^"]*"/g,
      "",
    )
    .replace(/^<svg width="\d+" height="\d+"/, '<svg aria-hidden="true" focusable="false"');
}

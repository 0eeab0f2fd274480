// Charts as SVG, drawn by ECharts without a browser.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { init } from "echarts";
import { failureOf, figures, medianOf } from "./figures.mjs";

const width = 760;
const ours = "#0b7a75";
const theirs = "#b8bec6";
const lineColors = [ours, "#c4572e", "#4c6fb1", "#a8842c", "#7d4e8c"];
const MiB = 2 ** 20;

/** Draws what there is to draw of a result into a folder; gives the names of the files, with what they show. */
export async function drawCharts(folder, result) {
  const charts = chartsOf(result);
  await mkdir(folder, { recursive: true });
  for (const { file, options, height } of charts)
    await writeFile(join(folder, file), render(options, height));
  return charts.map(({ file, about }) => ({ file, about }));
}

function chartsOf(result) {
  if (result.scenario === "memory") return [memoryChart(result)];
  if (result.scenario === "trace") return result.clients.map((client) => traceChart(result, client));
  const delivered = result.clients.filter((client) => failureOf(client) === undefined);
  return delivered.length > 1 && result.scenario !== "reconcile" ? [wallChart(result, delivered)] : [];
}

function wallChart({ scenario, title }, clients) {
  const bars = clients.map((client) => ({
    value: Number(medianOf(client, figures.wall).toFixed(2)),
    itemStyle: { color: client.kind.startsWith("waybill") ? ours : theirs },
  }));
  return {
    file: `${scenario}.svg`,
    about: `Wall time: ${title}`,
    height: 80 + 30 * clients.length,
    options: {
      ...headed(`${scenario}: wall time in seconds, median`),
      grid: { left: 270, right: 60, top: 45, bottom: 30 },
      xAxis: { type: "value" },
      yAxis: { type: "category", inverse: true, data: clients.map(({ title: name }) => name) },
      series: [{ type: "bar", barWidth: 18, data: bars, label: { show: true, position: "right" } }],
    },
  };
}

function memoryChart({ scenario, title, clients }) {
  const series = clients.map(({ title: name, runs }) => ({
    name,
    points: runs.at(-1).samples.map(([seconds, resident]) => [seconds, resident]),
  }));
  const heading = `${scenario}: resident MiB over seconds`;
  return { file: `${scenario}.svg`, about: title, height: 340, options: lines(heading, series, lineColors) };
}

function traceChart({ scenario, title }, { id, title: name, runs }) {
  const { links, beganAt } = runs.at(-1);
  const series = links.map(({ side, samples }, position) => ({
    name: side === "source" ? "from the source" : `to destination ${position}`,
    points: samples
      .filter(([at]) => at >= beganAt)
      .map(([at, up, down]) => [(at - beganAt) / 1000, (side === "source" ? down : up) / MiB]),
  }));
  const heading = `${scenario}: MiB that have passed over seconds, ${name}`;
  const file = `${scenario}-${id}.svg`;
  const options = lines(heading, series, ["#1f2933", ...lineColors]);
  return { file, about: `${title}, ${name}`, height: 340, options };
}

function lines(heading, series, colors) {
  return {
    ...headed(heading),
    color: colors,
    legend: { top: 30, itemGap: 28, itemWidth: 14, icon: "rect" },
    grid: { left: 70, right: 40, top: 65, bottom: 40 },
    xAxis: { type: "value", name: "s" },
    yAxis: { type: "value" },
    series: series.map(({ name, points }) => ({
      type: "line",
      name,
      showSymbol: false,
      lineStyle: { width: 1.5 },
      data: points.map(([x, y]) => [Number(x.toFixed(2)), Number(y.toFixed(1))]),
    })),
  };
}

function headed(text) {
  return { animation: false, backgroundColor: "#ffffff", title: { text, textStyle: { fontSize: 14 } } };
}

function render(options, height) {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(options);
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}

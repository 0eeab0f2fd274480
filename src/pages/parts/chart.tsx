import { raw } from "hono/html";
import type { Visit } from "../visit.ts";
import { amountOf } from "./amount.ts";
import { Table } from "./table.tsx";

/** What the numbers of a chart are of. */
export type ChartUnit = "count" | "bytes" | "milliseconds";

/** One series of a chart: a number for each of its times. */
export interface ChartSeries {
  readonly name: string;
  /** `null` where nothing is known. */
  readonly values: readonly (number | null)[];
  /** Bars stand on each other; lines are told apart by their dashes. */
  readonly shape: "bar" | "line";
  /** The name of a color of the style sheet. */
  readonly tone: "good" | "bad" | "busy" | "wait" | "still" | "link";
}

interface ChartProps {
  readonly visit: Visit;
  /** Of the table with the same numbers, in the address of its other forms. */
  readonly name: string;
  readonly label: string;
  /** One line of what is seen in it, for those who see no charts. */
  readonly summary: string;
  /** Moments, the oldest first. */
  readonly times: readonly string[];
  readonly series: readonly ChartSeries[];
  readonly unit?: ChartUnit | undefined;
  /** What to do for there to be numbers. */
  readonly empty: string;
}

/**
 * Numbers over time, drawn by the server: it needs no script, and is light or dark as the page is. Below it stand the same numbers as a
 * table.
 */
export async function Chart({
  visit,
  name,
  label,
  summary,
  times,
  series,
  unit = "count",
  empty,
}: ChartProps) {
  const rows = times.map((at, index) => ({
    at,
    ...Object.fromEntries(series.map(({ name: column, values }) => [column, values[index] ?? null])),
  }));
  const listed = visit.rows(name, rows);
  if (times.length === 0) {
    return (
      <figure class="chart">
        <figcaption>{label}</figcaption>
        <p class="empty">{empty}</p>
      </figure>
    );
  }
  // Drawing is loaded when the first chart is shown.
  const { dashes, drawChart } = await import("../chart-drawing.ts");
  return (
    <figure class="chart">
      <figcaption>
        {label}
        <span class="below">{summary}</span>
      </figcaption>
      {raw(drawChart(times, series, unit))}
      <ul class="keys">
        {series.map(({ name: of, shape, tone }, at) => (
          <li>
            <svg viewBox="0 0 28 12" aria-hidden="true" class={`of-${tone}`}>
              {shape === "bar" ? (
                <rect x="8" y="1" width="12" height="10" />
              ) : (
                <path d="M0 6h28" stroke-dasharray={dashes[at % dashes.length]} />
              )}
            </svg>
            {of}
          </li>
        ))}
      </ul>
      <details>
        <summary>The numbers of {label}</summary>
        <Table
          label={label}
          of={listed}
          empty={empty}
          columns={[
            { title: "From (UTC)", cell: ({ at }) => at.slice(0, 16).replace("T", " ") },
            ...series.map(({ name: column, values }) => ({
              title: column,
              isNumber: true,
              cell: ({ at }: { readonly at: string }) => {
                const value = values[times.indexOf(at)];
                return value === undefined || value === null ? "" : amountOf(value, unit);
              },
            })),
          ]}
        />
      </details>
    </figure>
  );
}

import type { HostSampleDocument, HostTrafficDocument } from "../../server/index.ts";
import { bytesInWords } from "../parts/amount.ts";
import { Chart, type ChartSeries, type ChartUnit } from "../parts/chart.tsx";
import { durationInWords } from "../parts/duration.ts";
import { Table } from "../parts/table.tsx";
import { countOf } from "../parts/words.ts";
import type { Answered, Visit } from "../visit.ts";
import { withQuery } from "./production-links.ts";

/** Hosts that charts show where nobody chooses one: those that were asked for most. */
const mostShown = 4;
const tones = ["link", "good", "bad", "wait"] as const;

/** What runs have asked of hosts, by days or hours, and how often these had them wait. */
export async function hostsPage(visit: Visit): Promise<Answered> {
  const { api, url } = visit;
  const grain = url.searchParams.get("grain") === "hour" ? "hour" : "day";
  const chosen = url.searchParams.get("host") || undefined;
  const hosts = await visit.list<HostTrafficDocument>("hosts", "/hosts", { grain, limit: "500" });
  const names = chosen === undefined ? hosts.items.map(({ host }) => host) : [chosen];
  const shown = busiest(hosts.items, names);
  const samples =
    shown.length === 0
      ? []
      : await api.all<HostSampleDocument>("/hosts/traffic", { grain, host: shown.join(",") });
  const span = grain === "hour" ? "the last two days" : "the last 90 days";
  return visit.page(
    { title: "Hosts", part: "/production", isLive: true },
    <>
      <nav aria-label="Above" class="trail">
        <a href="/production">Production</a>
      </nav>
      <h1>Hosts</h1>
      <p class="quiet">
        What runs have asked of registries in {span}, as their reports count it. What hosts allow, and what
        was learnt of that, stands in the settings.
      </p>
      <nav aria-label="Which span" class="bar">
        <a
          href={withQuery(url.pathname, { host: chosen })}
          aria-current={grain === "day" ? "true" : undefined}
        >
          By days
        </a>
        <a
          href={withQuery(url.pathname, { host: chosen, grain: "hour" })}
          aria-current={grain === "hour" ? "true" : undefined}
        >
          By hours
        </a>
        {chosen === undefined ? "" : <a href={withQuery(url.pathname, { grain })}>All hosts</a>}
      </nav>
      <Charts {...{ visit, shown, samples }} by={grain} />
      <h2>{chosen === undefined && hosts.items.length > mostShown ? "All hosts" : "Hosts"}</h2>
      <Table
        label="Hosts"
        of={hosts}
        empty="No run has asked a registry for anything in this time. Numbers come with the first run that ends."
        columns={[
          {
            title: "Host",
            cell: ({ host }) => <a href={withQuery(url.pathname, { host, grain })}>{host}</a>,
          },
          { title: "Requests", isNumber: true, cell: ({ requests }) => countOf(requests) },
          { title: "429", isNumber: true, cell: ({ refused }) => countOf(refused) },
          { title: "Other failures", isNumber: true, cell: ({ faults }) => countOf(faults) },
          { title: "Waited for it", isNumber: true, cell: ({ waited }) => durationInWords(waited) },
          { title: "Read", isNumber: true, cell: ({ bytesRead }) => bytesInWords(bytesRead) },
          { title: "Sent", isNumber: true, cell: ({ bytesSent }) => bytesInWords(bytesSent) },
          { title: "Runs", isNumber: true, cell: ({ runs }) => countOf(runs) },
        ]}
      />
    </>,
  );
}

function busiest(hosts: readonly HostTrafficDocument[], names: readonly string[]): readonly string[] {
  const known = hosts.filter(({ host }) => names.includes(host));
  return [...known]
    .sort((one, other) => other.requests - one.requests)
    .slice(0, mostShown)
    .map(({ host }) => host);
}

interface ChartsProps {
  readonly visit: Visit;
  readonly shown: readonly string[];
  readonly samples: readonly HostSampleDocument[];
  readonly by: "hour" | "day";
}

function Charts({ visit, shown, samples, by }: ChartsProps) {
  const times = [...new Set(samples.map(({ at }) => at))].sort();
  const known = new Map(samples.map((sample) => [`${sample.host} ${sample.at}`, sample]));
  const series = (of: (sample: HostSampleDocument) => number): readonly ChartSeries[] =>
    shown.map((host, at) => ({
      ...{ name: host, shape: "line", tone: tones[at] ?? "still" },
      values: times.map((time) => {
        const sample = known.get(`${host} ${time}`);
        return sample === undefined ? 0 : of(sample);
      }),
    }));
  const sums = (of: (sample: HostSampleDocument) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0);
  const empty = "Nothing was asked of it in this time.";
  const charts: readonly {
    name: string;
    label: string;
    unit: ChartUnit;
    of: (sample: HostSampleDocument) => number;
  }[] = [
    { name: "requests", label: `Requests by ${by}`, unit: "count", of: ({ requests }) => requests },
    { name: "refused", label: `Refusals (429) by ${by}`, unit: "count", of: ({ refused }) => refused },
    {
      name: "waited",
      label: `Waited because a host asked for it, by ${by}`,
      unit: "milliseconds",
      of: ({ waited }) => waited,
    },
    {
      name: "bytes",
      label: `Bytes read and sent by ${by}`,
      unit: "bytes",
      of: ({ bytesRead, bytesSent }) => bytesRead + bytesSent,
    },
  ];
  return (
    <div class="charts">
      {charts.map(({ name, label, unit, of }) => {
        const sum = sums(of);
        const summary =
          unit === "bytes"
            ? bytesInWords(sum)
            : unit === "milliseconds"
              ? durationInWords(sum)
              : countOf(sum);
        return (
          <Chart
            {...{ visit, name, label, summary: `${summary} in all`, times, unit, empty }}
            series={series(of)}
          />
        );
      })}
    </div>
  );
}

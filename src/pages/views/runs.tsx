import type { RunDocument } from "../../server/index.ts";
import { Revision } from "../parts/links.tsx";
import { State, stateOf } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";
import { Acts } from "./acts.tsx";
import { JobLink } from "./now.tsx";

/** What a list of runs is limited to, by the names that Prow's page has for it. */
export const runFilters = ["job", "type", "repo", "pull", "author", "state", "cluster"] as const;

/** States that a filter knows, and what they are to the API. */
const states: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  running: { state: "running" },
  waiting: { state: "waiting" },
  held: { state: "held" },
  success: { result: "SUCCESS" },
  failure: { result: "FAILURE" },
  error: { result: "ERROR" },
  aborted: { result: "ABORTED" },
  // As Prow calls them.
  pending: { state: "running" },
  triggered: { state: "waiting" },
  scheduling: { state: "waiting" },
};

/** What the filters of a page are called in the API. */
const filterNames = {
  ...{ job: "job", type: "type", repo: "repo", pull: "pull", author: "author", cluster: "machine" },
  ...{ search: "search", since: "since", until: "until", after: "after" },
} as const;

/** The list of the API that a page shows. */
function queryOf(search: URLSearchParams): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, filter] of Object.entries(filterNames)) {
    const value = search.get(name);
    if (value !== null && value !== "") query[filter] = value;
  }
  // Prow's page finds jobs by a part of their name, with `*` for what is between.
  if (query.job !== undefined && /[^A-Za-z0-9._-]/.test(query.job)) {
    query.search = [query.search, ...query.job.split(/[^A-Za-z0-9._-]+/)].filter((word) => word).join(" ");
    delete query.job;
  }
  return { ...query, ...states[search.get("state")?.toLowerCase() ?? ""] };
}

/** The whole history, the newest first, by pages. */
export async function runsPage(visit: Visit): Promise<Answered> {
  const { url, now } = visit;
  const runs = await visit.list<RunDocument>("runs", "/runs", { ...queryOf(url.searchParams), limit: "50" });
  const { next } = runs;
  const older = new URLSearchParams(url.searchParams);
  if (next !== undefined) older.set("after", next);
  const latest = new URLSearchParams(url.searchParams);
  latest.delete("after");
  return visit.page(
    { title: "Runs", part: "/runs", isLive: !url.searchParams.has("after") },
    <>
      <h1>Runs</h1>
      <Filters search={url.searchParams} />
      <Table
        label="Runs"
        columns={[
          { title: "State", cell: (run) => <State of={stateOf(run)} /> },
          { title: "Job", cell: (run) => <JobLink run={run} /> },
          { title: "Of", cell: (run) => <Revision run={run} /> },
          { title: "What came of it", cell: (run) => run.summary ?? run.waiting?.text ?? run.held ?? "" },
          { title: "Asked for", cell: (run) => <Time at={run.askedAt} /> },
          {
            title: "Took",
            cell: (run) => <Duration from={run.startedAt} to={run.endedAt} now={now} />,
            isNumber: true,
          },
          { title: "Log", cell: (run) => (run.attempt === 0 ? "" : <LogLink run={run} />) },
          { title: "Acts", cell: (run) => <Acts visit={visit} run={run} /> },
        ]}
        of={runs}
        keyOf={({ id }) => `run-${id}`}
        empty={
          url.search === "" ? (
            <>
              Nothing has run yet. Start one:{" "}
              <code>waybill jobs run JOB --server {visit.publicUrl.origin}</code>, or open{" "}
              <a href="/jobs">the jobs</a>.
            </>
          ) : (
            <>
              No run is like that. <a href="/runs">All runs</a>
            </>
          )
        }
      />
      <nav aria-label="Pages of the list" class="bar">
        {url.searchParams.has("after") ? <a href={`/runs?${latest}`}>Latest</a> : ""}
        {next === undefined ? "" : <a href={`/runs?${older}`}>Older</a>}
      </nav>
    </>,
  );
}

export function LogLink({ run }: { readonly run: RunDocument }) {
  return (
    <a href={`/runs/${run.id}/log`} aria-label={`Log of ${run.job}, run ${run.id}`}>
      Log
    </a>
  );
}

function Filters({ search }: { readonly search: URLSearchParams }) {
  const state = search.get("state")?.toLowerCase() ?? "";
  const shown = ["running", "waiting", "held", "success", "failure", "error", "aborted"];
  return (
    <form action="/runs" class="filters">
      <label>
        Job <input name="job" value={search.get("job") ?? ""} maxlength={200} />
      </label>
      <label>
        Text <input name="search" value={search.get("search") ?? ""} maxlength={200} />
      </label>
      <label>
        Repository{" "}
        <input name="repo" value={search.get("repo") ?? ""} maxlength={500} placeholder="https://…" />
      </label>
      <label>
        State{" "}
        <select name="state">
          <option value="">any</option>
          {shown.map((name) => (
            <option value={name} selected={name === state}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

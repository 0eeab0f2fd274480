import type { RunDocument, RunTotalDocument } from "../../server/index.ts";
import { Revision } from "../parts/links.tsx";
import { ListPages } from "../parts/list-pages.tsx";
import { Progress } from "../parts/progress.tsx";
import { RunState } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import { countOf } from "../parts/words.ts";
import { runPlaceOf, runQueryOf, sorts } from "../run-query.ts";
import type { Answered, Visit } from "../visit.ts";
import { Acts } from "./acts.tsx";
import { JobLink } from "./now.tsx";

const types = ["postsubmit", "periodic", "presubmit", "batch"];
/** What is chosen with one move; any others may stand in the address. */
const states = [
  ...["running", "waiting", "held", "running,waiting,held", "success", "failure", "error", "failure,error"],
  "aborted",
];

/** The whole history, by pages. */
export async function runsPage(visit: Visit): Promise<Answered> {
  const { api, url, now } = visit;
  const { searchParams } = url;
  const query = runQueryOf(searchParams);
  const [runs, total] = await Promise.all([
    visit.list<RunDocument>("runs", "/runs", { ...query, ...runPlaceOf(searchParams), limit: "50" }),
    api.get<RunTotalDocument>("/runs/count", query),
  ]);
  const isFirst = !searchParams.has("after") && !searchParams.has("before");
  return visit.page(
    { title: "Runs", part: "/runs", isLive: isFirst },
    <>
      <h1>
        Runs <span class="count">{`${total.isExact ? "" : "about "}${countOf(total.runs)}`}</span>
      </h1>
      <Filters search={searchParams} />
      <Table
        label="Runs"
        columns={[
          { title: "State", cell: (run) => <RunState run={run} /> },
          { title: "Job", cell: (run) => <JobLink run={run} /> },
          { title: "Of", cell: (run) => <Revision run={run} /> },
          { title: "What came of it", cell: (run) => <Outcome run={run} /> },
          { title: "Asked for", cell: (run) => <Time at={run.askedAt} /> },
          {
            title: "Took",
            cell: (run) => <Duration from={run.startedAt} to={run.endedAt} now={now} />,
            isNumber: true,
          },
          {
            title: "Acts",
            cell: (run) => (
              <span class="acts">
                {run.attempt === 0 ? "" : <LogLink run={run} />}
                <Acts visit={visit} run={run} />
              </span>
            ),
          },
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
      <ListPages url={url} of={runs} />
    </>,
  );
}

/** What came of it, or how far it is; below that, what asked for it first. */
function Outcome({ run }: { readonly run: RunDocument }) {
  const { state, summary, waiting, held, causes, moreCauses } = run;
  const more = causes.length - 1 + moreCauses;
  return (
    <>
      {state === "running" ? <Progress run={run} /> : (summary ?? waiting?.text ?? held ?? "")}
      <span class="below">
        {causes[0]?.text}
        {more > 0 ? `, and ${countOf(more)} more` : ""}
      </span>
    </>
  );
}

export function LogLink({ run }: { readonly run: RunDocument }) {
  return (
    <a href={`/runs/${run.id}/log`} aria-label={`Log of ${run.job}, run ${run.id}`}>
      Log
    </a>
  );
}

interface FieldProps {
  readonly title: string;
  readonly name: string;
  readonly search: URLSearchParams;
  readonly placeholder?: string;
}

function Field({ title, name, search, placeholder }: FieldProps) {
  return (
    <label>
      {title}{" "}
      <input name={name} value={search.getAll(name).join(",")} maxlength={500} placeholder={placeholder} />
    </label>
  );
}

interface ChoiceProps extends Omit<FieldProps, "placeholder"> {
  /** Values with their words; what else the address has is added. */
  readonly values: Readonly<Record<string, string>>;
}

function Choice({ title, name, search, values }: ChoiceProps) {
  const chosen = search.getAll(name).join(",").toLowerCase();
  const all = chosen === "" || chosen in values ? values : { ...values, [chosen]: chosen };
  return (
    <label>
      {title}{" "}
      <select name={name}>
        {Object.entries(all).map(([value, words]) => (
          <option value={value} selected={value === chosen}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

function Filters({ search }: { readonly search: URLSearchParams }) {
  const ofStates = Object.fromEntries(states.map((state) => [state, state.replaceAll(",", " or ")]));
  const ofTypes = Object.fromEntries(types.map((type) => [type, type]));
  const { newest, ...others } = sorts;
  return (
    <form action="/runs" class="filters">
      <Field title="Job" name="job" search={search} placeholder="push-*, promote" />
      <Field title="Repository" name="repo" search={search} placeholder="org/name" />
      <Choice title="State" name="state" search={search} values={{ "": "any", ...ofStates }} />
      <Choice title="Type" name="type" search={search} values={{ "": "any", ...ofTypes }} />
      <Field title="Author" name="author" search={search} />
      <Field title="Pull request" name="pull" search={search} />
      <Field title="Machine" name="cluster" search={search} />
      <Field title="Text" name="search" search={search} />
      <Choice title="Order" name="sort" search={search} values={{ "": newest, ...others }} />
      <button type="submit">Show</button>
      {[...search.keys()].length === 0 ? "" : <a href="/runs">All runs</a>}
    </form>
  );
}

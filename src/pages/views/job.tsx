import type { RunDocument, ShownJobDocument } from "../../server/index.ts";
import { Csrf } from "../layout.tsx";
import { durationInWords } from "../parts/duration.ts";
import { Fact, Facts } from "../parts/facts.tsx";
import { Repository, Revision } from "../parts/links.tsx";
import { RunState, StripMark } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";
import { LogLink } from "./runs.tsx";

/** A job: how its last runs went, and starting it by hand. */
export async function jobPage(visit: Visit, name: string): Promise<Answered> {
  const { api, me, csrf, now } = visit;
  const path = `/jobs/${encodeURIComponent(name)}`;
  const job = await api.get<ShownJobDocument>(path);
  const { statistics, lastSuccess, lastFailure } = job;
  const runs = visit.rows("runs", job.runs);
  return visit.page(
    { title: name, part: "/jobs", isLive: true },
    <>
      <h1>{name}</h1>
      <p>
        {job.kind} of <Repository url={job.job.repo} />, as <code>{`${job.file}:${job.line}`}</code> has it.
      </p>
      {me.kind === "anonymous" ? (
        ""
      ) : (
        <form method="post" action={path} class="filters">
          <Csrf token={csrf} />
          <label>
            Branch or tag <input name="ref" maxlength={400} placeholder="as the job says" />
          </label>
          <button type="submit">Run it now</button>
        </form>
      )}
      <Facts>
        <Fact name="Success rate">
          {statistics.runs === 0
            ? "nothing has ended yet"
            : `${Math.round((100 * statistics.succeeded) / statistics.runs)} % of the last ${statistics.runs}`}
        </Fact>
        <Fact name="Takes as a rule">
          {statistics.medianSeconds === undefined ? (
            <span class="none">–</span>
          ) : (
            durationInWords(1000 * statistics.medianSeconds)
          )}
        </Fact>
        <Fact name="Last success">
          <RunAt run={lastSuccess} />
        </Fact>
        <Fact name="Last failure">
          <RunAt run={lastFailure} />
        </Fact>
        {job.next === undefined ? (
          ""
        ) : (
          <Fact name="Next by the clock">
            <Time at={job.next} />
          </Fact>
        )}
      </Facts>
      <Strip runs={job.runs} />
      <Table
        label="Last runs"
        columns={[
          { title: "State", cell: (run) => <RunState run={run} /> },
          { title: "Run", cell: ({ id }) => <a href={`/runs/${id}`}>{id}</a> },
          { title: "Of", cell: (run) => <Revision run={run} /> },
          { title: "What came of it", cell: ({ summary, progress }) => summary ?? progress?.text ?? "" },
          { title: "Started", cell: ({ startedAt }) => <Time at={startedAt} /> },
          {
            title: "Took",
            cell: ({ startedAt, endedAt }) => <Duration from={startedAt} to={endedAt} now={now} />,
            isNumber: true,
          },
          { title: "Log", cell: (run) => (run.attempt === 0 ? "" : <LogLink run={run} />) },
        ]}
        of={runs}
        keyOf={({ id }) => `run-${id}`}
        empty="It has never run. Run it now, or wait for what starts it."
      />
      <p>
        <a href={`/runs?job=${encodeURIComponent(name)}`}>Its whole history</a>
      </p>
      <section aria-labelledby="badge">
        <h2 id="badge">Badge</h2>
        <p>
          <img src={`/badge.svg?jobs=${encodeURIComponent(name)}`} alt={`Whether ${name} passes`} />{" "}
          <code>{`${visit.publicUrl.origin}/badge.svg?jobs=${encodeURIComponent(name)}`}</code>
        </p>
      </section>
    </>,
  );
}

function RunAt({ run }: { readonly run: RunDocument | undefined }) {
  if (run === undefined) return <span class="none">never</span>;
  return (
    <>
      <a href={`/runs/${run.id}`}>{run.id}</a>, <Time at={run.endedAt} />
    </>
  );
}

/** Runs as bars, the oldest first: each as high as it took long. */
function Strip({ runs }: { readonly runs: readonly RunDocument[] }) {
  if (runs.length === 0) return null;
  const longest = Math.max(1, ...runs.map((run) => lengthOf(run) ?? 0));
  return (
    <>
      <p class="below" aria-hidden="true">{`The highest bar is ${durationInWords(longest)}.`}</p>
      <ol
        class="strip"
        aria-label={`Last runs, the oldest first; the highest bar is ${durationInWords(longest)}`}
      >
        {[...runs].reverse().map((run) => {
          const length = lengthOf(run);
          const took = length === undefined ? undefined : durationInWords(length);
          return <StripMark run={run} part={(length ?? 0) / longest} took={took} />;
        })}
      </ol>
    </>
  );
}

/** Milliseconds that a run took; `undefined` while nobody knows. */
function lengthOf({ startedAt, endedAt }: RunDocument): number | undefined {
  if (startedAt === undefined || endedAt === undefined) return undefined;
  return Date.parse(endedAt) - Date.parse(startedAt);
}

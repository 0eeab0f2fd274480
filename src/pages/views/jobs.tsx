import type { JobSourceDocument, ListedJobDocument, RunDocument } from "../../server/index.ts";
import { Csrf } from "../layout.tsx";
import { Repository, Revision } from "../parts/links.tsx";
import { State, StripMark, stateOf } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";
import { LogLink } from "./runs.tsx";

/** All jobs, how they went, and what is wrong with their files. */
export async function jobsPage(visit: Visit): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const [jobs, { problems, where, commit }] = await Promise.all([
    visit.list<ListedJobDocument>("jobs", "/jobs", { after, limit: "500" }),
    visit.api.get<JobSourceDocument>("/job-source"),
  ]);
  return visit.page(
    { title: "Jobs", part: "/jobs", isLive: true },
    <>
      <h1>Jobs</h1>
      <p>
        From {where}
        {commit === undefined ? "" : <code> {commit.slice(0, 10)}</code>}.
      </p>
      <Table
        label="Jobs"
        columns={[
          {
            title: "Job",
            cell: ({ job }) => <a href={`/jobs/${encodeURIComponent(job.name)}`}>{job.name}</a>,
          },
          { title: "Kind", cell: ({ kind }) => kind },
          { title: "Repository", cell: ({ job }) => <Repository url={job.repo} /> },
          { title: "Last run", cell: ({ lastRun }) => <LastRun run={lastRun} /> },
          { title: "Last success", cell: ({ lastSuccess }) => <Time at={lastSuccess?.endedAt} /> },
          { title: "Next", cell: ({ next }) => <Time at={next} /> },
        ]}
        of={jobs}
        keyOf={({ job }) => `job-${job.name}`}
        empty={
          <>There are no jobs. Write one into {where}, or take those of Prow: waybill jobs import prow.</>
        }
      />
      {jobs.next === undefined ? "" : <a href={`/jobs?${new URLSearchParams({ after: jobs.next })}`}>More</a>}
      <section aria-labelledby="problems">
        <h2 id="problems">What is wrong with their files</h2>
        {problems.length === 0 ? (
          <p class="empty">Nothing.</p>
        ) : (
          <ul class="needs">
            {problems.map(({ file, line, column, severity, message, hint, job }) => (
              <li class={severity === "error" ? "problem" : undefined}>
                <code>{`${file}:${line}:${column}`}</code> {severity}: {message}
                {job === undefined ? "" : ` (${job} is left out)`}
                {hint === undefined ? "" : <span class="below">{hint}</span>}
              </li>
            ))}
          </ul>
        )}
      </section>
    </>,
  );
}

function LastRun({ run }: { readonly run: RunDocument | undefined }) {
  if (run === undefined) return <span class="none">never</span>;
  return (
    <a href={`/runs/${run.id}`}>
      <State of={stateOf(run)} />
    </a>
  );
}

/** A job: how its last runs went, and starting it by hand. */
export async function jobPage(visit: Visit, name: string): Promise<Answered> {
  const { api, me, csrf, now } = visit;
  const job = await api.get<ListedJobDocument & { readonly runs: readonly RunDocument[] }>(
    `/jobs/${encodeURIComponent(name)}`,
  );
  const { runs } = job;
  const longest = Math.max(1, ...runs.map(lengthOf));
  return visit.page(
    { title: name, part: "/jobs", isLive: true },
    <>
      <h1>{name}</h1>
      <p>
        {job.kind} of <Repository url={job.job.repo} />, as <code>{`${job.file}:${job.line}`}</code> has it.
        {job.next === undefined ? (
          ""
        ) : (
          <>
            {" "}
            The clock starts it next at <Time at={job.next} />.
          </>
        )}
      </p>
      {me.kind === "anonymous" ? (
        ""
      ) : (
        <form method="post" action={`/jobs/${encodeURIComponent(name)}`} class="filters">
          <Csrf token={csrf} />
          <label>
            Branch or tag <input name="ref" maxlength={400} placeholder="as the job says" />
          </label>
          <button type="submit">Run it now</button>
        </form>
      )}
      {runs.length === 0 ? (
        ""
      ) : (
        <ol class="strip" aria-label="Last runs, the oldest first">
          {[...runs].reverse().map((run) => (
            <StripMark run={run} height={Math.max(1, Math.ceil((lengthOf(run) / longest) * 5))} />
          ))}
        </ol>
      )}
      <Table
        label="Last runs"
        columns={[
          { title: "State", cell: (run) => <State of={stateOf(run)} /> },
          { title: "Run", cell: ({ id }) => <a href={`/runs/${id}`}>{id}</a> },
          { title: "Of", cell: (run) => <Revision run={run} /> },
          { title: "What came of it", cell: ({ summary }) => summary ?? "" },
          { title: "Started", cell: ({ startedAt }) => <Time at={startedAt} /> },
          {
            title: "Took",
            cell: ({ startedAt, endedAt }) => <Duration from={startedAt} to={endedAt} now={now} />,
            isNumber: true,
          },
          { title: "Log", cell: (run) => (run.attempt === 0 ? "" : <LogLink run={run} />) },
        ]}
        of={visit.rows("runs", runs)}
        keyOf={({ id }) => `run-${id}`}
        empty="It has never run."
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

/** Milliseconds that a run took. */
function lengthOf({ startedAt, endedAt }: RunDocument): number {
  if (startedAt === undefined || endedAt === undefined) return 0;
  return Date.parse(endedAt) - Date.parse(startedAt);
}

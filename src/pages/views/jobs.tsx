import type {
  ArchiveDocument,
  JobSourceDocument,
  ListedJobDocument,
  ListPage,
  RunDocument,
} from "../../server/index.ts";
import { Repository } from "../parts/links.tsx";
import { ListPages } from "../parts/list-pages.tsx";
import { RunState } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";

/** All jobs, how they went, and what is wrong with their files. */
export async function jobsPage(visit: Visit): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const [jobs, { problems, where, commit }, archives] = await Promise.all([
    visit.list<ListedJobDocument>("jobs", "/jobs", { after, limit: "500" }),
    visit.api.get<JobSourceDocument>("/job-source"),
    visit.api.get<ListPage<ArchiveDocument>>("/archives"),
  ]);
  return visit.page(
    { title: "Jobs", part: "/jobs", isLive: true },
    <>
      <h1>Jobs</h1>
      <p>
        From {where}
        {commit === undefined ? "" : <code> {commit.slice(0, 10)}</code>}.
        {archives.items.length === 0 ? (
          ""
        ) : (
          <>
            {" "}
            <a href="/prow">Runs that Prow has left</a>
          </>
        )}
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
          { title: "Last failure", cell: ({ lastFailure }) => <Time at={lastFailure?.endedAt} /> },
          { title: "Last success", cell: ({ lastSuccess }) => <Time at={lastSuccess?.endedAt} /> },
          { title: "Next", cell: ({ next }) => <Time at={next} /> },
        ]}
        of={jobs}
        keyOf={({ job }) => `job-${job.name}`}
        empty={
          <>There are no jobs. Write one into {where}, or take those of Prow: waybill jobs import prow.</>
        }
      />
      <ListPages url={visit.url} of={jobs} />
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
      <RunState run={run} />
    </a>
  );
}

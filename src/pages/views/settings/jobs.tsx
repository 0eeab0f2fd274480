import type { JobSourceDocument, ListedJobDocument } from "../../../server/index.ts";
import { Repository } from "../../parts/links.tsx";
import { ListPages } from "../../parts/list-pages.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { Answered, Visit } from "../../visit.ts";
import { Act, question, settingsPage } from "./frame.tsx";

const path = "/settings/jobs";
type BadFile = JobSourceDocument["files"][number];
type Finding = JobSourceDocument["problems"][number];

/** Where jobs come from: files that are bad, since when, and which state of them counts. */
export async function jobSettings(visit: Visit): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const [source, jobs] = await Promise.all([
    visit.api.get<JobSourceDocument>("/job-source"),
    visit.list<ListedJobDocument>("jobs", "/jobs", { after, limit: "200" }),
  ]);
  const { where, commit, trouble, files, problems } = source;
  const errors = new Map<string, readonly Finding[]>();
  for (const each of problems) errors.set(each.file, [...(errors.get(each.file) ?? []), each]);
  const kept = new Map(files.flatMap((file) => file.kept.map((name) => [name, file] as const)));
  const remarks = problems.filter(({ file }) => !files.some((bad) => bad.file === file));
  return settingsPage(
    visit,
    path,
    <>
      <h1>Jobs</h1>
      <div class="bar">
        <span>
          {source.jobs} from {where}
          {commit === undefined ? "" : <Commit of={commit} before=" at " />}
        </span>
        <Act visit={visit} action={path} title="Read them now" />
      </div>
      {trouble === undefined ? (
        ""
      ) : (
        <div class="problem" role="alert">
          <p>
            {trouble.message}, since <Time at={trouble.since} />. All jobs are those of the time before.
          </p>
          <p>{trouble.hint}</p>
          {trouble.commit === undefined ? (
            ""
          ) : (
            <a class="button" href={`${path}/accept?commit=${encodeURIComponent(trouble.commit)}`}>
              Take it as it is
            </a>
          )}
        </div>
      )}
      <section aria-labelledby="bad">
        <h2 id="bad">Files with errors</h2>
        <Table
          label="Files with errors"
          columns={[
            { title: "File", cell: ({ file }) => <code>{file}</code> },
            {
              title: "Bad since",
              cell: ({ since, commit }) => (
                <>
                  <Time at={since} />
                  <Commit of={commit} />
                </>
              ),
            },
            { title: "Last good", cell: ({ good }) => <Good of={good} /> },
            {
              title: "What counts meanwhile",
              cell: (file) =>
                file.kept.length === 0 ? (
                  "None of its jobs."
                ) : (
                  <>
                    {file.kept.map((name, at) => (
                      <>
                        {at === 0 ? "" : ", "}
                        <JobLink name={name} />
                      </>
                    ))}
                    <span class="below">
                      {file.good === undefined ? "those that are right" : "as they were then"}
                    </span>
                  </>
                ),
            },
            {
              title: "What is wrong",
              cell: ({ file }) => <Findings of={errors.get(file) ?? []} />,
            },
          ]}
          of={visit.rows<BadFile>("files", files)}
          empty="No file has errors: what is in them is what is done."
        />
      </section>
      {remarks.length === 0 ? (
        ""
      ) : (
        <section aria-labelledby="remarks">
          <h2 id="remarks">Remarks on others</h2>
          <Findings of={remarks} />
        </section>
      )}
      <section aria-labelledby="all">
        <h2 id="all">All jobs</h2>
        <Table
          label="Jobs"
          columns={[
            { title: "Job", cell: ({ job }) => <JobLink name={job.name} /> },
            { title: "Kind", cell: ({ kind }) => kind },
            { title: "Repository", cell: ({ job }) => <Repository url={job.repo} /> },
            { title: "What starts it", cell: ({ job }) => startsOf(job) },
            { title: "Place", cell: ({ file, line }) => <code>{`${file}:${line}`}</code> },
            {
              title: "Version",
              cell: ({ job }) => {
                const bad = kept.get(job.name);
                if (bad === undefined) return <Mark of="fine" word="as its file says" />;
                return (
                  <>
                    <Mark of="uncertain" word="an earlier one" /> <Good of={bad.good} />
                  </>
                );
              },
            },
          ]}
          of={jobs}
          keyOf={({ job }) => `job-${job.name}`}
          empty={
            <>There are no jobs. Write one into {where}, or take those of Prow: waybill jobs import prow.</>
          }
        />
        <ListPages url={visit.url} of={jobs} />
      </section>
    </>,
  );
}

/** Asks whether a branch that was pushed with force is taken. */
export function acceptQuestion(visit: Visit): Answered {
  const commit = visit.url.searchParams.get("commit") ?? "";
  return question({
    ...{ visit, path, title: "Take the branch of jobs as it is", action: `${path}/accept` },
    ...{ button: "Take it", fields: { commit } },
    children: (
      <p>
        The branch was pushed with force, and what was read before is not in its history. All jobs become
        those of <code>{commit}</code>: look at what it changes first, at the forge.
      </p>
    ),
  });
}

function JobLink({ name }: { readonly name: string }) {
  return <a href={`/jobs/${encodeURIComponent(name)}`}>{name}</a>;
}

function Commit({ of, before = " " }: { readonly of: string | undefined; readonly before?: string }) {
  if (of === undefined) return null;
  return (
    <>
      {before}
      <code title={of}>{of.slice(0, 10)}</code>
    </>
  );
}

function Good({ of }: { readonly of: BadFile["good"] }) {
  if (of === undefined) return <span class="none">not since the server began</span>;
  return (
    <>
      <Time at={of.at} />
      <Commit of={of.commit} />
    </>
  );
}

function Findings({ of }: { readonly of: readonly Finding[] }) {
  return (
    <ul class="findings">
      {of.map(({ file, line, column, severity, message, hint, job }) => (
        <li class="finding">
          <code>{`${file}:${line}:${column}`}</code> {severity}: {message}
          {job === undefined ? "" : ` (${job} is left out)`}
          {hint === undefined ? "" : <span class="below">{hint}</span>}
        </li>
      ))}
    </ul>
  );
}

const starts = {
  triggers: "pushes",
  pullRequest: "pull requests",
  clock: "the clock",
  after: "other jobs",
  registry: "registries",
};

function startsOf(job: ListedJobDocument["job"]): string {
  const found = Object.entries(starts).flatMap(([key, word]) => (job[key] === undefined ? [] : [word]));
  return found.length === 0 ? "people alone" : found.join(", ");
}

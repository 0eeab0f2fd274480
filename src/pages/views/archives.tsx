import type {
  ArchiveDocument,
  ArchivedRunDocument,
  ListPage,
  ShownArchivedRunDocument,
} from "../../server/index.ts";
import { ListPages } from "../parts/list-pages.tsx";
import { State, stateOf } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";
import type { LogSource } from "./log.tsx";

/** The run of an archive that a page is about. */
export interface ArchivedName {
  readonly archive: string;
  readonly job: string;
  readonly id: string;
}

const segment = encodeURIComponent;

function pageOf({ archive, job, id }: ArchivedName): string {
  return `/prow/${segment(archive)}/runs/${segment(job)}/${id}`;
}

function pageOfJob(archive: string, job: string): string {
  return `/prow/${segment(archive)}/jobs/${segment(job)}`;
}

function apiOf({ archive, job, id }: ArchivedName): string {
  return `/archives/${segment(archive)}/runs/${segment(job)}/${id}`;
}

function StateOfArchived({ run: { result } }: { readonly run: ArchivedRunDocument }) {
  if (result === "UNKNOWN") return <State of="waiting" word="unknown" />;
  if (result === "PENDING") return <State of="running" />;
  return <State of={stateOf({ state: "ended", result, attempt: 1 })} />;
}

function TimeTaken({ run, now }: { readonly run: ArchivedRunDocument; readonly now: Date }) {
  return <Duration from={run.result === "UNKNOWN" ? undefined : run.startedAt} to={run.endedAt} now={now} />;
}

/** Buckets that Prow has left runs in. */
export async function archivesPage(visit: Visit): Promise<Answered> {
  const archives = await visit.list<ArchiveDocument>("archives", "/archives");
  return visit.page(
    { title: "Runs of Prow's", part: "/jobs" },
    <>
      <h1>Runs of Prow's</h1>
      <Table
        label="Buckets"
        columns={[
          { title: "Bucket", cell: ({ name }) => <a href={`/prow/${segment(name)}`}>{name}</a> },
          { title: "Where it is", cell: ({ where }) => <code>{where}</code> },
        ]}
        of={archives}
        empty={
          <>
            No bucket is configured. Name one under <code>serve.prowBuckets</code> of{" "}
            <code>waybill.yaml</code>, such as{" "}
            <code>{"prowBuckets: { kubernetes: gs://kubernetes-ci-logs }"}</code>.
          </>
        }
      />
    </>,
  );
}

/** Jobs that a bucket has runs of, by pages. */
export async function archivedJobsPage(visit: Visit, archive: string): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const path = `/archives/${segment(archive)}/jobs`;
  const jobs = await visit.list<{ readonly name: string }>("jobs", path, { after, limit: "200" });
  return visit.page(
    { title: `Jobs in ${archive}`, part: "/jobs" },
    <>
      <h1>
        Jobs in <a href="/prow">{archive}</a>
      </h1>
      <Table
        label="Jobs"
        columns={[{ title: "Job", cell: ({ name }) => <a href={pageOfJob(archive, name)}>{name}</a> }]}
        of={jobs}
        empty="The bucket has no runs in the layout of Prow's: folders logs/JOB/ID and pr-logs/directory/JOB."
      />
      <ListPages url={visit.url} of={jobs} />
    </>,
  );
}

/** A job's runs in a bucket, the newest first. */
export async function archivedJobPage(visit: Visit, archive: string, job: string): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const path = `/archives/${segment(archive)}/jobs/${segment(job)}/runs`;
  const runs = await visit.list<ArchivedRunDocument>("runs", path, { after, limit: "25" });
  return visit.page(
    { title: `${job} in ${archive}`, part: "/jobs" },
    <>
      <h1>
        {job} <Origin archive={archive} />
      </h1>
      <Table
        label="Runs"
        columns={[
          { title: "State", cell: (run) => <StateOfArchived run={run} /> },
          { title: "Run", cell: (run) => <a href={pageOf(run)}>{run.id}</a> },
          { title: "Of", cell: (run) => <OfWhat run={run} /> },
          { title: "Started", cell: (run) => <Time at={run.startedAt} /> },
          {
            title: "Took",
            cell: (run) => <TimeTaken run={run} now={visit.now} />,
            isNumber: true,
          },
          {
            title: "Log",
            cell: (run) => (
              <a href={`${pageOf(run)}/log`} aria-label={`Log of ${run.job}, run ${run.id}`}>
                Log
              </a>
            ),
          },
        ]}
        of={runs}
        keyOf={({ id }) => `run-${id}`}
        empty={
          <>
            The bucket has no run of it any more. <a href={`/prow/${segment(archive)}`}>Its jobs</a>
          </>
        }
      />
      <ListPages url={visit.url} of={runs} />
    </>,
  );
}

/** A run that Prow has left: what it was of, how it ended, and its files. */
export async function archivedRunPage(visit: Visit, name: ArchivedName): Promise<Answered> {
  const run = await visit.api.get<ShownArchivedRunDocument>(apiOf(name));
  const files = run.artifacts;
  return visit.page(
    { title: `${run.job} ${run.id}`, part: "/jobs" },
    <>
      <h1>
        <a href={pageOfJob(name.archive, run.job)}>{run.job}</a> <StateOfArchived run={run} />
        <Origin archive={name.archive} />
      </h1>
      <div class="bar">
        <a href={`${pageOf(name)}/log`}>Log</a>
      </div>
      <dl class="facts">
        <div>
          <dt>Of</dt>
          <dd>
            <OfWhat run={run} />
          </dd>
        </div>
        <div>
          <dt>Started</dt>
          <dd>
            <Time at={run.startedAt} />
          </dd>
        </div>
        <div>
          <dt>Ended</dt>
          <dd>
            <Time at={run.endedAt} />
          </dd>
        </div>
        <div>
          <dt>Took</dt>
          <dd>
            <TimeTaken run={run} now={visit.now} />
          </dd>
        </div>
        <div>
          <dt>Where it is</dt>
          <dd>
            <code>{run.where}</code>
          </dd>
        </div>
      </dl>
      <section aria-labelledby="files">
        <h2 id="files">What it has left</h2>
        {files.length === 0 ? (
          <p class="empty">No files.</p>
        ) : (
          <ul class="files">
            {files.map((path) => (
              <li>
                <a href={`/api/v1${apiOf(name)}/artifacts/${path.split("/").map(segment).join("/")}`}>
                  {path}
                </a>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>,
  );
}

/** The log of a run that Prow has left, for the page of logs. */
export async function archivedLog({ api }: Visit, name: ArchivedName): Promise<LogSource> {
  const run = await api.get<ShownArchivedRunDocument>(apiOf(name));
  return {
    ...{ title: `Log of ${run.job}`, part: "/jobs", api: apiOf(name), page: `${pageOf(name)}/log` },
    heading: (
      <>
        Log of <a href={pageOf(name)}>{run.job}</a> <StateOfArchived run={run} />
        <Origin archive={name.archive} />
      </>
    ),
    ...{ fileName: `${run.job}-${run.id}.log`, startedAt: run.startedAt, run: undefined },
    isFailed: run.result === "FAILURE" || run.result === "ABORTED",
    empty: "The bucket has no log of it.",
  };
}

/**
 * Where a page of Prow's about a run of a bucket that was configured, or about a job of one, has its like: `/view/gs/BUCKET/…` and
 * `/job-history/gs/BUCKET/…`.
 */
export async function archivedAddress({ api, url }: Visit): Promise<string | undefined> {
  const [, kind, place = ""] =
    /^\/(view|job-history)\/(?:gs|s3|file|https?)\/(.+?)\/?$/.exec(url.pathname) ?? [];
  if (kind === undefined) return undefined;
  const { items } = await api.get<ListPage<ArchiveDocument>>("/archives", { limit: "500" });
  const found = items.find(({ where }) => bucketsOf(where).some((bucket) => place.startsWith(`${bucket}/`)));
  const steps = stepsOf(place);
  if (found === undefined || steps === undefined) return undefined;
  const [before = "", last = ""] = steps.slice(-2);
  if (kind === "job-history") return pageOfJob(found.name, last);
  return /^[0-9]{1,20}$/.test(last) ? pageOf({ archive: found.name, job: before, id: last }) : undefined;
}

/** Steps of a path; `undefined` of what is none. */
function stepsOf(path: string): readonly string[] | undefined {
  try {
    return path.split("/").map((step) => decodeURIComponent(step));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** What an address of Prow's calls a bucket: its name and prefix, with its host or without; of a folder its name. */
function bucketsOf(where: string): readonly string[] {
  const place = where.replace(/^[a-z0-9]+:\/\//, "");
  const steps = place.split("/");
  return place === where
    ? steps.slice(-1)
    : [place, steps.slice(1).join("/")].filter((bucket) => bucket !== "");
}

function Origin({ archive }: { readonly archive: string }) {
  return (
    <span class="tag">
      left by Prow in <a href={`/prow/${segment(archive)}`}>{archive}</a>
    </span>
  );
}

function OfWhat({ run: { repo, ref, pull, revision } }: { readonly run: ArchivedRunDocument }) {
  const name = pull === undefined ? ref : `#${pull}`;
  const words = [repo, name].filter((word) => word !== undefined && word !== "").join(" ");
  if (words === "" && revision === undefined) return <span class="none">–</span>;
  return (
    <span>
      {words}
      {revision === undefined ? "" : <code title={revision}> {revision.slice(0, 10)}</code>}
    </span>
  );
}

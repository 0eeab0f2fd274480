import type {
  JobSourceDocument,
  ListPage,
  QueueDocument,
  RemoteDocument,
  RunDocument,
} from "../../server/index.ts";
import { Repository, Revision } from "../parts/links.tsx";
import { State, stateOf } from "../parts/state.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";
import { Acts } from "./acts.tsx";

/** Runs of a kind that are shown; the list has them all. */
const shown = "20";

/** What goes on now, what waits and why, what failed last, and what needs a person. */
export async function nowPage(visit: Visit): Promise<Answered> {
  const { api, now } = visit;
  const runs = (name: string, query: Readonly<Record<string, string>>) =>
    visit.list<RunDocument>(name, "/runs", { limit: shown, ...query });
  const [running, waiting, held, failures, errors, queue, jobs, remotes] = await Promise.all([
    runs("running", { state: "running" }),
    runs("waiting", { state: "waiting", order: "turn" }),
    runs("held", { state: "held" }),
    runs("failures", { result: "FAILURE", limit: "10" }),
    runs("errors", { result: "ERROR", limit: "10" }),
    api.get<QueueDocument>("/queue"),
    api.get<JobSourceDocument>("/job-source"),
    api.all<RemoteDocument>("/remotes"),
  ]);
  const both = [...failures.items, ...errors.items].sort((one, other) => (one.id < other.id ? 1 : -1));
  const failed = visit.rows("failed", both.slice(0, 10));
  const count = (state: string): number =>
    queue.counts.filter((each) => each.state === state).reduce((sum, { runs }) => sum + runs, 0);
  const job: Column<RunDocument> = { title: "Job", cell: (run) => <JobLink run={run} /> };
  const revision: Column<RunDocument> = { title: "Of", cell: (run) => <Revision run={run} /> };
  return visit.page(
    { title: "Now", part: "/", isLive: true },
    <>
      <h1>Now</h1>
      <ul class="figures">
        <Figure number={count("running")} words="run" href="/runs?state=running" />
        <Figure number={count("waiting")} words="wait" href="/runs?state=waiting" />
        <Figure number={count("held")} words="wait for a person" href="/runs?state=held" />
        <Figure number={queue.workers.length} words={queue.workers.length === 1 ? "worker" : "workers"} />
      </ul>
      <NeedsSomebody {...{ visit, held: held.items, jobs, remotes, workers: queue.workers.length }} />
      <section aria-labelledby="running">
        <h2 id="running">Running</h2>
        <Table
          label="Running"
          columns={[
            { title: "State", cell: (run) => <State of={stateOf(run)} /> },
            ...[job, revision],
            { title: "Why", cell: (run) => run.causes[0]?.text },
            { title: "For", cell: (run) => <Duration from={run.startedAt} to={undefined} now={now} /> },
            { title: "Acts", cell: (run) => <Acts visit={visit} run={run} /> },
          ]}
          of={running}
          keyOf={({ id }) => `running-${id}`}
          empty={
            <>
              Nothing runs. What starts a job: <a href="/jobs">the jobs</a>.
            </>
          }
        />
        <More of={running} href="/runs?state=running" />
      </section>
      <section aria-labelledby="waiting">
        <h2 id="waiting">Waiting</h2>
        <Table
          label="Waiting"
          columns={[
            ...[job, revision],
            { title: "For what", cell: (run) => run.waiting?.text },
            { title: "Asked for", cell: (run) => <Time at={run.askedAt} /> },
            { title: "Acts", cell: (run) => <Acts visit={visit} run={run} /> },
          ]}
          of={waiting}
          keyOf={({ id }) => `waiting-${id}`}
          empty="Nothing waits for its turn."
        />
        <More of={waiting} href="/runs?state=waiting" />
      </section>
      <section aria-labelledby="failed">
        <h2 id="failed">Failed last</h2>
        <Table
          label="Failed last"
          columns={[
            { title: "State", cell: (run) => <State of={stateOf(run)} /> },
            ...[job, revision],
            { title: "Why", cell: (run) => run.summary },
            { title: "Ended", cell: (run) => <Time at={run.endedAt} /> },
          ]}
          of={failed}
          keyOf={({ id }) => `failed-${id}`}
          empty="Nothing has failed."
        />
      </section>
    </>,
  );
}

function Figure({ number, words, href }: { number: number; words: string; href?: string }) {
  const content = (
    <>
      <strong>{number}</strong> {words}
    </>
  );
  return <li>{href === undefined ? <span>{content}</span> : <a href={href}>{content}</a>}</li>;
}

export function JobLink({ run }: { readonly run: RunDocument }) {
  return (
    <>
      <a href={`/runs/${run.id}`}>{run.job}</a> {run.shadow === true ? <span class="tag">shadow</span> : ""}
      <span class="below">
        <Repository url={run.repo} />
      </span>
    </>
  );
}

function More({ of, href }: { readonly of: ListPage<RunDocument>; readonly href: string }) {
  if (of.next === undefined) return null;
  return (
    <p>
      <a href={href}>All of them</a>
    </p>
  );
}

interface Needs {
  readonly visit: Visit;
  readonly held: readonly RunDocument[];
  readonly jobs: JobSourceDocument;
  readonly remotes: readonly RemoteDocument[];
  readonly workers: number;
}

/** What does not go on before somebody does something about it, each with what that is. */
function NeedsSomebody({ visit, held, jobs, remotes, workers }: Needs) {
  const unread = remotes.filter(({ unread }) => unread !== undefined);
  const { trouble, files } = jobs;
  const isQuiet = held.length + unread.length + files.length === 0 && trouble === undefined && workers > 0;
  return (
    <section aria-labelledby="needs">
      <h2 id="needs">Needs somebody</h2>
      {isQuiet ? (
        <p class="empty">Nothing needs a person.</p>
      ) : (
        <ul class="needs">
          {workers > 0 ? (
            ""
          ) : (
            <li class="problem">
              <strong>No worker is there.</strong> What waits begins when one is: start a process with the
              role worker.
            </li>
          )}
          {trouble === undefined ? (
            ""
          ) : (
            <li class="problem">
              <strong>All jobs are those of an earlier time</strong>, since <Time at={trouble.since} />:{" "}
              {trouble.message}. {trouble.hint}
            </li>
          )}
          {files.map(({ file, since, kept }) => (
            <li class="problem">
              <strong>{file}</strong> has errors since <Time at={since} />
              {kept.length === 0 ? "." : `; these count as they were: ${kept.join(", ")}.`}{" "}
              <a href="/jobs#problems">What is wrong</a>
            </li>
          ))}
          {held.map((run) => (
            <li id={`held-${run.id}`}>
              <State of="held" /> <JobLink run={run} /> <Revision run={run} />
              <span class="below">{run.held}</span>
              <Acts visit={visit} run={run} />
            </li>
          ))}
          {unread.map(({ url, what, unread }) => (
            <li class="problem">
              <strong>
                <Repository url={url} />
              </strong>{" "}
              {what === "refs" ? "" : "(pull requests) "}cannot be read since <Time at={unread?.since} />:{" "}
              {unread?.message}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

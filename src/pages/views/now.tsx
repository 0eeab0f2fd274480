import type {
  ListPage,
  NeedDocument,
  QueueDocument,
  RetryDocument,
  ReviewedPullDocument,
  RunDocument,
} from "../../server/index.ts";
import { type FailureGroup, groupFailures } from "../parts/causes.ts";
import { Repository, Revision } from "../parts/links.tsx";
import { Progress } from "../parts/progress.tsx";
import { RunState, State, stateOf } from "../parts/state.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Listed } from "../tables.ts";
import type { Answered, Visit } from "../visit.ts";
import { Acts } from "./acts.tsx";
import { NeedsSomebody } from "./needs.tsx";

/** Runs of a kind that are shown; the list has them all. */
const shown = "20";
/** Failures that are looked at, and groups of them that are shown. */
const failuresRead = "60";
const maxGroups = 10;
/** Runs and jobs of a group that are named. */
const maxNamed = 5;

/** What goes on now, what waits and why, what failed last, and what needs a person. */
export async function nowPage(visit: Visit): Promise<Answered> {
  const { api, now } = visit;
  const runs = (name: string, query: Readonly<Record<string, string>>) =>
    visit.list<RunDocument>(name, "/runs", { limit: shown, ...query });
  const [needs, reviews, running, waiting, retries, failures, queue] = await Promise.all([
    visit.list<NeedDocument>("needs", "/needs"),
    visit.list<ReviewedPullDocument>("reviews", "/reviews", { limit: shown }),
    runs("running", { state: "running" }),
    runs("waiting", { order: "turn" }),
    visit.list<RetryDocument>("retries", "/retries", { limit: shown }),
    api.get<ListPage<RunDocument>>("/runs", { result: "FAILURE,ERROR", limit: failuresRead }),
    api.get<QueueDocument>("/queue"),
  ]);
  const failed = visit.rows("failed", groupFailures(failures.items).slice(0, maxGroups));
  const count = (state: string): number =>
    queue.counts.filter((each) => each.state === state).reduce((sum, { runs }) => sum + runs, 0);
  const seats = queue.workers.reduce((sum, { seats }) => sum + seats, 0);
  const job: Column<RunDocument> = { title: "Job", cell: (run) => <JobLink run={run} /> };
  const revision: Column<RunDocument> = { title: "Of", cell: (run) => <Revision run={run} /> };
  return visit.page(
    { title: "Now", part: "/", isLive: true },
    <>
      <h1>Now</h1>
      <ul class="figures">
        <Figure
          number={needs.items.length}
          words={needs.items.length === 1 ? "needs a person" : "need a person"}
          href="#needs"
          isBad={needs.items.length > 0}
        />
        <Figure number={count("running")} words={`of ${seats} seats busy`} href="/runs?state=running" />
        <Figure number={count("waiting")} words="wait for their turn" href="/runs?state=waiting&sort=turn" />
        <Figure number={count("held")} words="held" href="/runs?state=held" />
        <Figure
          number={retries.items.filter(({ dueAt }) => dueAt !== undefined).length}
          words="due again"
          href="#waiting"
        />
        <Figure number={queue.workers.length} words={queue.workers.length === 1 ? "worker" : "workers"} />
      </ul>
      <NeedsSomebody visit={visit} needs={needs} />
      {reviews.items.length === 0 ? "" : <Reviews of={reviews} />}
      <section aria-labelledby="running">
        <h2 id="running">Running</h2>
        <Table
          label="Running"
          columns={[
            { title: "State", cell: (run) => <RunState run={run} /> },
            ...[job, revision],
            { title: "How far", cell: (run) => <Progress run={run} /> },
            { title: "Why", cell: (run) => run.causes[0]?.text },
            {
              title: "For",
              cell: (run) => <Duration from={run.startedAt} to={undefined} now={now} />,
              isNumber: true,
            },
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
            { title: "State", cell: (run) => <RunState run={run} /> },
            ...[job, revision],
            { title: "For what", cell: (run) => <Waiting run={run} /> },
            { title: "Asked for", cell: (run) => <Time at={run.askedAt} /> },
            { title: "Acts", cell: (run) => <Acts visit={visit} run={run} /> },
          ]}
          of={waiting}
          keyOf={({ id }) => `waiting-${id}`}
          empty="Nothing waits for its turn."
        />
        <More of={waiting} href="/runs?state=waiting&sort=turn" />
        {retries.items.length === 0 ? (
          ""
        ) : (
          <>
            <h3>Asked for again</h3>
            <Table
              label="Asked for again"
              columns={[
                {
                  title: "State",
                  cell: ({ failures, dueAt }) => (
                    <State
                      of={dueAt === undefined ? "error" : "retrying"}
                      word={dueAt === undefined ? "given up" : `retry ${failures + 1}`}
                    />
                  ),
                },
                {
                  title: "Job",
                  cell: ({ job }) => <a href={`/jobs/${encodeURIComponent(job)}`}>{job}</a>,
                },
                { title: "Due", cell: ({ dueAt }) => <Time at={dueAt} /> },
                {
                  title: "After",
                  cell: ({ run, summary }) => (
                    <>
                      <a href={`/runs/${run}`}>{run}</a>: {summary}
                    </>
                  ),
                },
                { title: "Fails since", cell: ({ since }) => <Time at={since} /> },
              ]}
              of={retries}
              keyOf={({ run }) => `retry-${run}`}
              empty=""
            />
          </>
        )}
      </section>
      <section aria-labelledby="failed">
        <h2 id="failed">Failed last, by cause</h2>
        <Table
          label="Failed last"
          columns={[
            {
              title: "State",
              cell: ({ runs: [newest] }) => (newest === undefined ? "" : <State of={stateOf(newest)} />),
            },
            { title: "Cause", cell: ({ summary }) => summary },
            { title: "Runs", cell: (group) => <GroupedRuns group={group} /> },
            { title: "Times", cell: ({ runs }) => runs.length, isNumber: true },
            { title: "Last", cell: ({ runs: [newest] }) => <Time at={newest?.endedAt} /> },
          ]}
          of={failed}
          keyOf={({ runs: [newest] }) => `failed-${newest?.id}`}
          empty="Nothing has failed."
        />
        <More of={failures} href="/runs?state=failure,error" />
      </section>
    </>,
  );
}

/** Pull requests that go no further before somebody approves, answers or merges. */
function Reviews({ of }: { readonly of: Listed<ReviewedPullDocument> }) {
  return (
    <section aria-labelledby="reviews">
      <h2 id="reviews">Reviews</h2>
      <Table
        label="Reviews"
        columns={[
          {
            title: "Pull request",
            cell: ({ id, number, title, repo }) => (
              <>
                <a href={`/reviews/${id}`}>{`#${number} ${title}`}</a>
                <span class="below">
                  <Repository url={repo} />
                </span>
              </>
            ),
          },
          { title: "Author", cell: ({ author }) => author },
          {
            title: "Waits for",
            cell: ({ waits }) =>
              waits.length === 0
                ? "somebody who merges it"
                : waits.map(({ text }) => <span class="each">{text}</span>),
          },
          { title: "Changed", cell: ({ changedAt }) => <Time at={changedAt} /> },
        ]}
        of={of}
        keyOf={({ id }) => `review-${id}`}
        empty="No pull request is open."
      />
      {of.next === undefined ? (
        ""
      ) : (
        <p>
          <a href="/reviews">All of them</a>
        </p>
      )}
    </section>
  );
}

interface FigureProps {
  readonly number: number;
  readonly words: string;
  readonly href?: string;
  readonly isBad?: boolean;
}

function Figure({ number, words, href, isBad }: FigureProps) {
  const content = (
    <>
      <strong>{number}</strong> {words}
    </>
  );
  return (
    <li class={isBad === true ? "alarming" : undefined}>
      {href === undefined ? <span>{content}</span> : <a href={href}>{content}</a>}
    </li>
  );
}

/** Jobs of one cause, each by its newest run. */
function GroupedRuns({ group: { runs, jobs } }: { readonly group: FailureGroup }) {
  const newest = jobs.slice(0, maxNamed).flatMap((job) => runs.find((run) => run.job === job) ?? []);
  return (
    <>
      {newest.map((run) => (
        <span class="each">
          <a href={`/runs/${run.id}`}>{run.job}</a> <Revision run={run} />
        </span>
      ))}
      {jobs.length > maxNamed ? <span class="below">{`and ${jobs.length - maxNamed} other jobs`}</span> : ""}
    </>
  );
}

/** Why a run does not run yet, with a link to the run that it waits for. */
function Waiting({ run: { waiting } }: { readonly run: RunDocument }) {
  if (waiting === undefined) return null;
  const { text, run } = waiting;
  if (run === undefined) return <>{text}</>;
  const [before = "", ...after] = text.split(run);
  return (
    <>
      {before}
      <a href={`/runs/${run}`}>{run}</a>
      {after.join(run)}
    </>
  );
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

function More({ of, href }: { readonly of: Pick<ListPage<RunDocument>, "next">; readonly href: string }) {
  if (of.next === undefined) return null;
  return (
    <p>
      <a href={href}>All of them</a>
    </p>
  );
}

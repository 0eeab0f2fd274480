import type { RunEventDocument, ShownRunDocument } from "../../server/index.ts";
import { Fact, Facts } from "../parts/facts.tsx";
import { Repository, Revision } from "../parts/links.tsx";
import { Progress } from "../parts/progress.tsx";
import { RunState } from "../parts/state.tsx";
import { Duration, Time } from "../parts/time.tsx";
import { stepsOf } from "../run-steps.ts";
import type { Answered, Visit } from "../visit.ts";
import { Acts } from "./acts.tsx";
import { Attempts, Files, Pushed, pushedBy, Steps, Timeline } from "./run-parts.tsx";
import { LogLink } from "./runs.tsx";

/** Events that are read for the page of a run; the list has them all. */
const eventsRead = "200";

/** Kinds of runs that have a page of images and mirrors. */
const kindsWithImages: ReadonlySet<string> = new Set(["promote", "review", "verify"]);

/** A run: what it is, who asked for it, what came of it, and what it has left. */
export async function runPage(visit: Visit, id: string): Promise<Answered> {
  const { api, now, publicUrl, url } = visit;
  const run = await api.get<ShownRunDocument>(`/runs/${id}`);
  const { record } = run;
  const attempts = visit.rows("attempts", run.attempts);
  const files = visit.rows(
    "files",
    (run.artifacts ?? []).map((path) => ({ path })),
  );
  const images = visit.rows("images", await pushedBy(visit, run));
  const events = await visit.list<RunEventDocument>("events", `/runs/${id}/events`, {
    after: url.searchParams.get("after") ?? undefined,
    limit: eventsRead,
  });
  const steps = visit.rows("steps", stepsOf(events.items));
  return visit.page(
    { title: `${run.job} ${run.id}`, part: "/runs", isLive: run.state !== "ended", about: run.id },
    <>
      <h1>
        <a href={`/jobs/${encodeURIComponent(run.job)}`}>{run.job}</a> <RunState run={run} />
        {run.shadow === true ? <span class="tag">shadow: it writes nothing</span> : ""}
      </h1>
      {run.summary === undefined ? "" : <p class="summary">{run.summary}</p>}
      {run.waiting === undefined ? "" : <p class="summary">It waits: {run.waiting.text}.</p>}
      {run.progress === undefined ? (
        ""
      ) : (
        <p class="summary">
          <Progress run={run} />
        </p>
      )}
      <div class="bar">
        {run.attempt === 0 ? "" : <LogLink run={run} />}
        {run.attempt === 0 || !kindsWithImages.has(run.kind) ? (
          ""
        ) : (
          <a href={`/runs/${id}/promotion`}>Images × mirrors</a>
        )}
        <Acts visit={visit} run={run} />
      </div>
      <Facts>
        <Fact name="Kind">
          {run.kind}, {run.type}
        </Fact>
        <Fact name="Of">
          <Repository url={run.repo} /> <Revision run={run} />
        </Fact>
        <Fact name="Asked for">
          <Time at={run.askedAt} />
        </Fact>
        <Fact name="Started">
          <Time at={run.startedAt} />
        </Fact>
        <Fact name="Ended">
          <Time at={run.endedAt} />
        </Fact>
        <Fact name="Took">
          <Duration from={run.startedAt} to={run.endedAt} now={now} />
        </Fact>
        {run.worker === undefined ? "" : <Fact name="Worker">{run.worker}</Fact>}
        {run.mutex === undefined ? "" : <Fact name="Mutex">{run.mutex}</Fact>}
        {run.notBefore === undefined ? (
          ""
        ) : (
          <Fact name="Not before">
            <Time at={run.notBefore} />
          </Fact>
        )}
        {run.rerunOf === undefined ? (
          ""
        ) : (
          <Fact name="Again">
            of <a href={`/runs/${run.rerunOf}`}>{run.rerunOf}</a>
          </Fact>
        )}
        {run.abort === undefined ? (
          ""
        ) : (
          <Fact name="Aborted">
            by {run.abort.who}, <Time at={run.abort.at} />: {run.abort.why}
          </Fact>
        )}
        {record?.planHash === undefined ? (
          ""
        ) : (
          <Fact name="Plan">
            <code>{record.planHash}</code>
          </Fact>
        )}
      </Facts>
      <section aria-labelledby="causes">
        <h2 id="causes">Who asked for it</h2>
        <ul class="plain-list">
          {run.causes.map(({ by, text, at, who }) => (
            <li>
              <span class="tag">{by}</span> {text} <Time at={at} />
              {who === undefined ? "" : ` by ${who}`}
            </li>
          ))}
        </ul>
        {run.moreCauses > 0 ? <p>{`${run.moreCauses} more.`}</p> : ""}
      </section>
      <Steps of={steps} run={run} now={now} />
      <Pushed of={images} />
      <Attempts of={attempts} now={now} />
      <Inputs run={run} />
      <Files of={files} run={run} />
      <Timeline of={events} />
      <p class="below">
        At a terminal: <code>{`waybill runs ${commandOf(run)} ${id} --server ${publicUrl.origin}`}</code>
      </p>
    </>,
  );
}

/** What it was asked for with. */
function Inputs({ run: { input, ref, commit, revision, pull, author } }: { readonly run: ShownRunDocument }) {
  const facts = { ref, commit, "carried out at": revision, "pull request": pull, author };
  return (
    <section aria-labelledby="inputs">
      <h2 id="inputs">Inputs</h2>
      <Facts>
        {Object.entries(facts).map(([name, value]) =>
          value === undefined ? (
            ""
          ) : (
            <Fact name={name}>
              <code>{value}</code>
            </Fact>
          ),
        )}
      </Facts>
      {input === undefined ? (
        ""
      ) : (
        <details>
          <summary>The job as its file had it when the run was asked for</summary>
          <pre class="document">{JSON.stringify(input, undefined, 2)}</pre>
        </details>
      )}
    </section>
  );
}

/** What is most likely wanted of a run in its state. */
function commandOf({ state }: ShownRunDocument): string {
  if (state === "held") return "release";
  return state === "running" ? "log --follow" : "show";
}

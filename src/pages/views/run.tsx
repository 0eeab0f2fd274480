import type { Child } from "hono/jsx";
import type { ShownRunDocument } from "../../server/index.ts";
import { Repository, Revision } from "../parts/links.tsx";
import { State, stateOf } from "../parts/state.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";
import { Acts } from "./acts.tsx";
import { LogLink } from "./runs.tsx";

/** Files of a record that others of the page stand for. */
const isOwnFile = (path: string): boolean => path === "build-log.txt";

/** A run: what it is, who asked for it, what came of it, and what it has left. */
export async function runPage(visit: Visit, id: string): Promise<Answered> {
  const { api, now, publicUrl } = visit;
  const run = await api.get<ShownRunDocument>(`/runs/${id}`);
  const { record, artifacts } = run;
  const files = artifacts?.filter((path) => !isOwnFile(path));
  return visit.page(
    { title: `${run.job} ${run.id}`, part: "/runs", isLive: run.state !== "ended" },
    <>
      <h1>
        <a href={`/jobs/${encodeURIComponent(run.job)}`}>{run.job}</a> <State of={stateOf(run)} />
        {run.shadow === true ? <span class="tag">shadow: it writes nothing</span> : ""}
      </h1>
      {run.summary === undefined ? "" : <p class="summary">{run.summary}</p>}
      {run.waiting === undefined ? "" : <p class="summary">It waits: {run.waiting.text}.</p>}
      <div class="bar">
        {run.attempt === 0 ? "" : <LogLink run={run} />}
        <Acts visit={visit} run={run} />
      </div>
      <dl class="facts">
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
        {run.attempt <= 1 ? "" : <Fact name="Attempt">{`${run.attempt}, after ${run.crashes} died`}</Fact>}
        {run.mutex === undefined ? "" : <Fact name="Mutex">{run.mutex}</Fact>}
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
      </dl>
      <p>
        At a terminal: <code>{`waybill runs ${commandOf(run)} ${id} --server ${publicUrl.origin}`}</code>
      </p>
      <section aria-labelledby="causes">
        <h2 id="causes">Why it was asked for</h2>
        <ul>
          {run.causes.map(({ by, text, at, who }) => (
            <li>
              <span class="tag">{by}</span> {text} <Time at={at} />
              {who === undefined ? "" : ` by ${who}`}
            </li>
          ))}
        </ul>
        {run.moreCauses > 0 ? <p>{`${run.moreCauses} more.`}</p> : ""}
      </section>
      <section aria-labelledby="files">
        <h2 id="files">What it has left</h2>
        {files === undefined ? (
          <p class="empty">Nobody can tell now: the objects that records are kept in cannot be read.</p>
        ) : files.length === 0 ? (
          <p class="empty">
            {run.state === "ended" ? "No files." : "What it leaves is here when it has ended."}
          </p>
        ) : (
          <ul class="files">
            {files.map((path) => (
              <li>
                <a href={`/api/v1/runs/${id}/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`}>
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

/** What is most likely wanted of a run in its state. */
function commandOf({ state }: ShownRunDocument): string {
  if (state === "held") return "release";
  return state === "running" ? "log --follow" : "show";
}

function Fact({ name, children }: { readonly name: string; readonly children?: Child }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

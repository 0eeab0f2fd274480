import type { ListedJobDocument, ShownRunDocument } from "../../server/index.ts";
import { ApiFailure } from "../api.ts";
import { Csrf } from "../layout.tsx";
import { Fact, Facts } from "../parts/facts.tsx";
import { Repository, Revision } from "../parts/links.tsx";
import { RunState } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import type { Answered, Visit } from "../visit.ts";

/** A field of a job that is another now than it was. */
interface Difference {
  readonly field: string;
  readonly before: string;
  readonly now: string;
}

/** What a run again would be, before it is asked for: the same once more, or the job as it is by now. */
export async function againPage(visit: Visit, id: string): Promise<Answered> {
  const { api, csrf } = visit;
  const run = await api.get<ShownRunDocument>(`/runs/${id}`);
  const job = await jobNow(visit, run.job);
  const differences = visit.rows(
    "differences",
    job === undefined ? [] : differencesOf(run.input?.job, job.job),
  );
  const { ref, commit, pull } = run;
  return visit.page(
    { title: `Run ${run.job} again`, part: "/runs" },
    <>
      <h1>
        Run <a href={`/runs/${id}`}>{run.job}</a> again? <RunState run={run} />
      </h1>
      {run.summary === undefined ? "" : <p class="summary">{run.summary}</p>}
      <section aria-labelledby="same">
        <h2 id="same">With the same inputs</h2>
        <Facts>
          <Fact name="Kind">
            {run.kind}, {run.type}
          </Fact>
          <Fact name="Of">
            <Repository url={run.repo} /> <Revision run={run} />
          </Fact>
          {ref === undefined ? (
            ""
          ) : (
            <Fact name="Ref">
              <code>{ref}</code>
            </Fact>
          )}
          <Fact name="Commit">
            {commit === undefined ? "what the ref has when it starts" : <code>{commit}</code>}
          </Fact>
          {run.shadow === true ? <Fact name="Shadow">it writes nothing</Fact> : ""}
        </Facts>
        <details>
          <summary>All that it is asked for with</summary>
          <pre class="document">{JSON.stringify(run.input, undefined, 2)}</pre>
        </details>
        <form method="post" action={`/runs/${id}`} class="bar">
          <Csrf token={csrf} />
          <button type="submit" name="act" value="rerun">
            Run again with the same inputs
          </button>
        </form>
      </section>
      <section aria-labelledby="now">
        <h2 id="now">With the job as it is now</h2>
        {job === undefined ? (
          <p class="empty">There is no such job any more.</p>
        ) : (
          <>
            <Table
              label="What is otherwise now"
              columns={[
                { title: "Of the job", cell: ({ field }) => field },
                { title: "In this run", cell: ({ before }) => <code>{before}</code> },
                { title: "Now", cell: ({ now }) => <code>{now}</code> },
              ]}
              of={differences}
              keyOf={({ field }) => `difference-${field}`}
              empty="The job is as it was when this run was asked for."
            />
            {pull === undefined ? (
              <form method="post" action={`/jobs/${encodeURIComponent(run.job)}`} class="bar">
                <Csrf token={csrf} />
                {ref === undefined ? "" : <input type="hidden" name="ref" value={ref} />}
                <button type="submit">Run the job as it is now</button>
                <span class="below">
                  {ref === undefined ? "on what the job says" : `on what ${ref} has by now`}
                </span>
              </form>
            ) : (
              <p>A pull request is looked at anew when it changes, or by /test under it.</p>
            )}
          </>
        )}
      </section>
    </>,
  );
}

async function jobNow({ api }: Visit, name: string): Promise<ListedJobDocument | undefined> {
  try {
    return await api.get<ListedJobDocument>(`/jobs/${encodeURIComponent(name)}`);
  } catch (error) {
    if (error instanceof ApiFailure && error.problem.code === "unknown-job") return undefined;
    throw error;
  }
}

/** The fields of two objects that differ, by their names. */
function differencesOf(then: unknown, now: object): readonly Difference[] {
  const [had, has] = [new Map(Object.entries(then ?? {})), new Map(Object.entries(now))];
  return [...new Set([...had.keys(), ...has.keys()])].flatMap((field) => {
    const [one, other] = [JSON.stringify(had.get(field)), JSON.stringify(has.get(field))];
    return one === other ? [] : [{ field, before: one ?? "–", now: other ?? "–" }];
  });
}

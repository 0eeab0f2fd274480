import type {
  ApiProblem,
  JudgedReviewDocument,
  ReviewedLineDocument,
  ReviewFindingDocument,
  ShownPullDocument,
} from "../../server/index.ts";
import { OnForge } from "../parts/forge-links.tsx";
import { Repository } from "../parts/links.tsx";
import { State } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { countOf } from "../parts/words.ts";
import type { Answered, Visit } from "../visit.ts";
import { PullActs } from "./review-acts.tsx";
import { Causes, LinesOf, Projects, placeOf, ReviewFacts } from "./review-found.tsx";
import { Approvals, Commands, PullRuns } from "./review-people.tsx";
import { Changes, Verdict } from "./reviews.tsx";

/** Lines and findings of one page. */
const perPage = "50";

/**
 * A pull request: what it changes, what was found, what it waits for, and what somebody may do to it.
 * @param problem Why what was asked for was not done.
 */
export async function reviewPage(visit: Visit, id: string, problem?: ApiProblem): Promise<Answered> {
  const { url } = visit;
  const search = url.searchParams;
  const pull = await visit.api.get<ShownPullDocument>(`/reviews/${id}`);
  const wanted = search.get("job");
  const review = pull.reviews.find(({ job }) => wanted === null || job === wanted) ?? pull.reviews[0];
  const query = {
    ...{ job: review?.job, limit: perPage },
    ...{ kind: search.get("kind") ?? undefined, project: search.get("project") ?? undefined },
    after: search.get("after") ?? undefined,
  };
  const lines = await visit.list<ReviewedLineDocument>("lines", `/reviews/${id}/lines`, query);
  return visit.page(
    // What is said of something that was not done would go with the first change.
    { title: `#${pull.number} ${pull.title}`, part: "/reviews", isLive: problem === undefined },
    <>
      <h1>
        <span>
          <span class="quiet">#{pull.number}</span> {pull.title}
        </span>
        {pull.state === "open" ? (
          ""
        ) : (
          <State of={pull.state === "merged" ? "success" : "aborted"} word={pull.state} />
        )}
        {pull.draft ? <span class="tag">draft</span> : ""}
      </h1>
      <p class="quiet">
        <Repository url={pull.repo} /> by {pull.author} for {pull.base}, at{" "}
        <code title={pull.head}>{pull.head.slice(0, 12)}</code>, seen since <Time at={pull.seenAt} />
        {pull.endedAt === undefined ? (
          ""
        ) : (
          <>
            , {pull.state} <Time at={pull.endedAt} />
          </>
        )}
        .{" "}
        <OnForge repo={pull.repo} page={pull.page}>
          On the forge
        </OnForge>
      </p>
      {problem === undefined ? (
        ""
      ) : (
        <p class="problem" role="alert">
          <strong>Nothing was done:</strong> {problem.title}.{" "}
          {problem.detail === undefined ? "" : `${problem.detail}.`}
        </p>
      )}
      <div class="pinned">
        {review === undefined ? (
          <span class="none">No review yet</span>
        ) : (
          <>
            <Verdict of={review.verdict} />
            <Changes of={edgesOf(review)} />
          </>
        )}
        {pull.state === "open" ? (
          <a href="#missing">
            {pull.waits.length === 0 ? "nothing is missing" : `${countOf(pull.waits.length)} still missing`}
          </a>
        ) : (
          ""
        )}
        <a href="#lines">Lines</a>
        <a href="#approvals">Approvals</a>
      </div>
      <PullActs {...{ visit, pull }} />
      {pull.state === "open" ? <Missing pull={pull} /> : ""}
      {pull.reviews.length > 1 ? <Jobs {...{ id, pull, review }} /> : ""}
      {review === undefined ? (
        <NoReview pull={pull} />
      ) : (
        <>
          <section aria-labelledby="found">
            <h2 id="found">What was found</h2>
            <ReviewFacts review={review} />
            <Causes {...{ id, review }} />
          </section>
          <section aria-labelledby="projects">
            <h2 id="projects">Projects</h2>
            <Projects {...{ id, review }} />
          </section>
          <section aria-labelledby="lines">
            <h2 id="lines">Lines</h2>
            <LinesOf {...{ id, review, lines, search }} />
          </section>
        </>
      )}
      <section aria-labelledby="approvals">
        <h2 id="approvals">Approvals</h2>
        <Approvals {...{ visit, pull }} />
      </section>
      <section aria-labelledby="commands">
        <h2 id="commands">Commands</h2>
        <Commands {...{ visit, pull }} />
      </section>
      <section aria-labelledby="runs">
        <h2 id="runs">Runs</h2>
        <PullRuns visit={visit} runs={pull.runs} />
      </section>
    </>,
  );
}

function edgesOf({ edges }: JudgedReviewDocument) {
  return { added: edges.added ?? 0, removed: edges.removed ?? 0, moved: edges.moved ?? 0 };
}

function Missing({ pull: { waits, hold } }: { readonly pull: ShownPullDocument }) {
  return (
    <section aria-labelledby="missing">
      <h2 id="missing">Still missing for a merge</h2>
      {waits.length === 0 ? (
        <p class="empty">Nothing that is known here. What the forge itself demands stands beside.</p>
      ) : (
        <ul class="needs">
          {waits.map(({ for: what, text, since, run }) => (
            <li class={what === "findings" || what === "conflicts" ? "problem" : undefined}>
              <span>{text}</span> {run === undefined ? "" : <a href={`/runs/${run}`}>its run</a>}
              {since === undefined ? (
                ""
              ) : (
                <span class="below">
                  since <Time at={since} />
                  {what === "hold" && hold?.by !== undefined ? `, by ${holdWords[hold.by]}` : ""}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const holdWords = { label: "its label", draft: "being a draft", command: "a command" } as const;

function Jobs({
  id,
  pull,
  review,
}: {
  readonly id: string;
  readonly pull: ShownPullDocument;
  readonly review: JudgedReviewDocument | undefined;
}) {
  return (
    <nav aria-label="Reviews" class="bar">
      {pull.reviews.map(({ job, verdict }) => (
        <a
          href={`/reviews/${id}?job=${encodeURIComponent(job)}`}
          aria-current={job === review?.job ? "page" : undefined}
        >
          {job} <Verdict of={verdict} />
        </a>
      ))}
    </nav>
  );
}

function NoReview({ pull: { runs, state } }: { readonly pull: ShownPullDocument }) {
  const going = runs.find((run) => run.kind === "review" && run.state !== "ended");
  return (
    <p class="empty">
      {going !== undefined ? (
        <>
          Its review is being made: <a href={`/runs/${going.id}`}>{going.job}</a>. What it finds is here then.
        </>
      ) : state === "open" ? (
        "It was not reviewed yet. Say /test all under it, or push to it."
      ) : (
        "It was not reviewed."
      )}
    </p>
  );
}

/** All findings of one kind, by pages. */
export async function findingsPage(visit: Visit, id: string): Promise<Answered> {
  const search = visit.url.searchParams;
  const pull = await visit.api.get<ShownPullDocument>(`/reviews/${id}`);
  const query = Object.fromEntries(
    ["job", "code", "severity", "after"].flatMap((name) => {
      const value = search.get(name);
      return value === null || value === "" ? [] : [[name, value]];
    }),
  );
  const findings = await visit.list<ReviewFindingDocument>("findings", `/reviews/${id}/findings`, {
    ...query,
    limit: perPage,
  });
  const more = new URLSearchParams(search);
  if (findings.next !== undefined) more.set("after", findings.next);
  return visit.page(
    { title: `Findings of #${pull.number}`, part: "/reviews", isLive: false },
    <>
      <h1>Findings</h1>
      <p>
        Of{" "}
        <a href={`/reviews/${id}`}>
          #{pull.number} {pull.title}
        </a>
      </p>
      <Table
        label="Findings"
        columns={[
          {
            title: "Severity",
            cell: ({ severity }) => (
              <State of={severity === "fails" ? "failure" : "waiting"} word={severity} />
            ),
          },
          { title: "Code", cell: ({ code }) => <code>{code}</code> },
          { title: "At", cell: (finding) => <code>{placeOf(finding)}</code> },
          {
            title: "What",
            cell: ({ message, hint }) => (
              <>
                {message}
                {hint === undefined ? "" : <span class="below">What to do: {hint}</span>}
              </>
            ),
          },
        ]}
        of={findings}
        empty={
          <>
            No finding is like that. <a href={`/reviews/${id}`}>The pull request</a>
          </>
        }
      />
      <nav aria-label="Pages of the list" class="bar">
        {findings.next === undefined ? "" : <a href={`/reviews/${id}/findings?${more}`}>More</a>}
      </nav>
    </>,
  );
}

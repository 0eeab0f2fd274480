import type { ReviewedPullDocument } from "../../server/index.ts";
import { Change } from "../parts/change.tsx";
import { Repository } from "../parts/links.tsx";
import { ListPages } from "../parts/list-pages.tsx";
import { State } from "../parts/state.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";

/** What a list of pull requests is limited to, as the API calls it. */
const filters = ["state", "waits", "repo", "pull", "author", "search", "after"] as const;

/** What a pull request can wait for, as a filter says it. */
const waitTitles = {
  approval: "an approval",
  findings: "something to be mended",
  hold: "the end of a hold",
  draft: "its author (draft)",
  review: "a review",
  trust: "/ok-to-test",
  conflicts: "a rebase",
  nothing: "nothing",
} as const;

/** Pull requests that are reviewed: what waits, for whom, and since when; and those that have ended. */
export async function reviewsPage(visit: Visit): Promise<Answered> {
  const { url } = visit;
  const search = url.searchParams;
  const query: Record<string, string> = {};
  for (const name of filters) {
    const value = search.get(name);
    if (value !== null && value !== "") query[name] = value;
  }
  const pulls = await visit.list<ReviewedPullDocument>("reviews", "/reviews", { limit: "50", ...query });
  const isEnded = search.get("state") === "ended";
  const isFiltered = Object.keys(query).some((name) => name !== "state");
  return visit.page(
    { title: "Reviews", part: "/reviews", isLive: !search.has("after") },
    <>
      <h1>Reviews</h1>
      <nav aria-label="Which pull requests" class="bar">
        <a href="/reviews" aria-current={isEnded ? undefined : "page"}>
          Open
        </a>
        <a href="/reviews?state=ended" aria-current={isEnded ? "page" : undefined}>
          Merged or closed
        </a>
      </nav>
      <Filters search={search} isEnded={isEnded} />
      <Table
        label={isEnded ? "Pull requests that have ended" : "Open pull requests"}
        columns={isEnded ? endedColumns : openColumns}
        of={pulls}
        keyOf={({ id }) => `pull-${id}`}
        empty={
          isFiltered ? (
            <>
              No pull request is like that.{" "}
              <a href={isEnded ? "/reviews?state=ended" : "/reviews"}>All of them</a>
            </>
          ) : isEnded ? (
            "None has been merged or closed of late."
          ) : (
            <>
              No pull request waits. They are those of repositories for which a job of the kind{" "}
              <code>review</code> has <code>pullRequest</code>: see <a href="/jobs">the jobs</a>.
            </>
          )
        }
      />
      <ListPages url={url} of={pulls} />
    </>,
  );
}

const pull: Column<ReviewedPullDocument> = {
  title: "Pull request",
  cell: ({ id, number, title, repo, author, draft }) => (
    <>
      <a href={`/reviews/${id}`}>
        {`#${number} `}
        {title}
      </a>{" "}
      {draft ? <span class="tag">draft</span> : ""}
      <span class="below">
        <Repository url={repo} /> by {author}
      </span>
    </>
  ),
};

const found: Column<ReviewedPullDocument> = {
  title: "Review",
  cell: ({ review }) =>
    review === undefined ? (
      <span class="none">none yet</span>
    ) : (
      <>
        <Verdict of={review.verdict} />
        {review.isCurrent ? "" : <span class="below">of an older commit</span>}
      </>
    ),
};

const changes: Column<ReviewedPullDocument> = {
  title: "Images in destinations",
  cell: ({ review }) => (review === undefined ? <span class="none">–</span> : <Changes of={review} />),
};

const openColumns: readonly Column<ReviewedPullDocument>[] = [
  pull,
  found,
  changes,
  {
    title: "Waits for",
    cell: ({ waits }) =>
      waits.length === 0 ? (
        <State of="success" word="nothing known here" />
      ) : (
        <ul class="waits">
          {waits.map(({ text, since }) => (
            <li>
              {text}
              {since === undefined ? (
                ""
              ) : (
                <span class="below">
                  since <Time at={since} />
                </span>
              )}
            </li>
          ))}
        </ul>
      ),
  },
  { title: "Seen since", cell: ({ seenAt }) => <Time at={seenAt} /> },
];

const endedColumns: readonly Column<ReviewedPullDocument>[] = [
  pull,
  {
    title: "End",
    cell: ({ state }) => <State of={state === "merged" ? "success" : "aborted"} word={state} />,
  },
  found,
  changes,
  { title: "When", cell: ({ endedAt }) => <Time at={endedAt} /> },
];

/** What a review comes to. */
export function Verdict({ of }: { readonly of: "passes" | "fails" }) {
  return <State of={of === "passes" ? "success" : "failure"} word={of} />;
}

/** How many images are asked for otherwise in how many destinations. */
export function Changes({
  of: { added, removed, moved },
}: {
  readonly of: { readonly added: number; readonly removed: number; readonly moved: number };
}) {
  if (added + removed + moved === 0) return <span class="none">nothing otherwise</span>;
  return (
    <span class="changes">
      {added === 0 ? "" : <Change of="added" count={added} />}
      {removed === 0 ? "" : <Change of="removed" count={removed} />}
      {moved === 0 ? "" : <Change of="moved" count={moved} />}
    </span>
  );
}

function Filters({ search, isEnded }: { readonly search: URLSearchParams; readonly isEnded: boolean }) {
  return (
    <form action="/reviews" class="filters">
      {isEnded ? <input type="hidden" name="state" value="ended" /> : ""}
      <label>
        Title <input name="search" value={search.get("search") ?? ""} maxlength={200} />
      </label>
      <label>
        Author <input name="author" value={search.get("author") ?? ""} maxlength={200} />
      </label>
      <label>
        Repository{" "}
        <input name="repo" value={search.get("repo") ?? ""} maxlength={500} placeholder="https://…" />
      </label>
      {isEnded ? (
        ""
      ) : (
        <label>
          Waits for{" "}
          <select name="waits">
            <option value="">anything</option>
            {Object.entries(waitTitles).map(([name, title]) => (
              <option value={name} selected={name === search.get("waits")}>
                {title}
              </option>
            ))}
          </select>
        </label>
      )}
      <button type="submit">Show</button>
    </form>
  );
}

import type { DriftDocument, ProductionImageDocument } from "../../server/index.ts";
import { Health, healthWords, offHealths } from "../parts/health.tsx";
import { ListPages } from "../parts/list-pages.tsx";
import { Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import type { Listed } from "../tables.ts";
import type { Answered, Visit } from "../visit.ts";
import { projectAddress, withQuery } from "./production-links.ts";

export const driftEmpty = "All that the manifests ask for is there, as of the last look.";

/** What images are limited to, as the page and the API name it. */
export function imageQuery({ searchParams }: URL): Record<string, string | undefined> {
  const word = (name: string) => searchParams.get(name)?.trim() || undefined;
  const state = word("state");
  return {
    state: [...offHealths, "off", "known"].find((name) => name === state),
    ...{ mirror: word("mirror"), search: word("search"), after: word("after") },
  };
}

/** All that is not as asked, the newest first, by pages. */
export async function driftPage(visit: Visit): Promise<Answered> {
  const { url } = visit;
  const query = imageQuery(url);
  const drift = await visit.list<DriftDocument>("drift", "/production/drift", { ...query, limit: "50" });
  const isLimited = query.state !== undefined || query.mirror !== undefined || query.search !== undefined;
  return visit.page(
    { title: "Not as asked", part: "/production", isLive: query.after === undefined },
    <>
      <nav aria-label="Above" class="trail">
        <a href="/production">Production</a>
      </nav>
      <h1>Not as asked</h1>
      <ImageFilters action="/production/drift" query={query} />
      <DriftTable of={drift} empty={isLimited ? "Nothing that is not as asked is like that." : driftEmpty} />
      <ListPages url={visit.url} of={drift} />
    </>,
  );
}

/** What images are looked for. */
export function ImageFilters({
  action,
  query,
}: {
  readonly action: string;
  readonly query: Record<string, string | undefined>;
}) {
  return (
    <form action={action} class="filters">
      <label>
        Image, tag or digest <input name="search" value={query.search ?? ""} maxlength={200} />
      </label>
      <label>
        State{" "}
        <select name="state">
          <option value="">any</option>
          <option value="off" selected={query.state === "off"}>
            not as asked
          </option>
          <option value="known" selected={query.state === "known"}>
            not as asked, but read
          </option>
          {offHealths.map((health) => (
            <option value={health} selected={query.state === health}>
              {healthWords[health]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Mirror where it is not <input name="mirror" value={query.mirror ?? ""} maxlength={500} />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

/** Things that are not as asked: what, where, since when, who has found it, and the way out. */
export function DriftTable({ of, empty }: { readonly of: Listed<DriftDocument>; readonly empty: string }) {
  return (
    <Table
      {...{ label: "Not as asked", of, empty }}
      columns={[
        { title: "State", cell: ({ health }) => <Health of={health} /> },
        { title: "What", cell: (drift) => <What drift={drift} /> },
        { title: "Where", cell: ({ mirrors }) => <Mirrors names={mirrors} /> },
        { title: "Since", cell: ({ since }) => <Time at={since} /> },
        { title: "Found by", cell: ({ foundBy }) => <RunLink run={foundBy} /> },
        { title: "Why, and the way out", cell: (drift) => <Why of={drift} /> },
      ]}
    />
  );
}

function What({ drift: { project, name, digest, tags } }: { readonly drift: DriftDocument }) {
  return (
    <>
      <a href={withQuery(projectAddress(project), { search: name })}>{name}</a>
      {tags.length === 0 ? "" : `:${tags[0]}`}
      {tags.length > 1 ? ` and ${tags.length - 1} more tags` : ""}
      <span class="below">
        {project} <code title={digest}>{digest.slice(0, 19)}</code>
      </span>
    </>
  );
}

/** The first of them, and how many there are. */
export function Mirrors({ names }: { readonly names: readonly string[] }) {
  const [first, ...others] = names;
  if (others.length === 0) return <>{first}</>;
  return (
    <details>
      <summary>
        {first} and {others.length} more
      </summary>
      {names.join(", ")}
    </details>
  );
}

export function RunLink({ run }: { readonly run: string }) {
  return (
    <a href={`/runs/${run}`} title={`Run ${run}`}>
      {`…\u2060${run.slice(-6)}`}
    </a>
  );
}

/** Why something is so, and what to do about it. */
export function Why({
  of: { text, why, host, current, wayOut },
}: {
  readonly of: Pick<
    ProductionImageDocument["troubles"][number],
    "text" | "why" | "host" | "current" | "wayOut"
  >;
}) {
  return (
    <>
      {text}
      {current === undefined ? (
        ""
      ) : (
        <>
          {" "}
          (<code title={current}>{current.slice(0, 19)}</code>)
        </>
      )}
      {why === undefined ? "" : `: ${why}`}
      {host === undefined || why?.includes(host) ? "" : ` (${host})`}
      <span class="below">{wayOut}</span>
    </>
  );
}

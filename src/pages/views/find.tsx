import type { HitDocument } from "../../server/index.ts";
import { ListPages } from "../parts/list-pages.tsx";
import { Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import type { Answered, Visit } from "../visit.ts";
import { addressOfImage } from "./images/names.ts";

/** What each type of hit is called. */
const types: Readonly<Record<HitDocument["type"], string>> = {
  run: "run",
  job: "job",
  image: "image",
  tag: "tag",
  digest: "digest",
  commit: "commit",
  pull: "pull request",
  project: "project",
};

/** Characters of what is looked for. */
const longest = 500;

function textOf({ url }: Visit): string {
  return (url.searchParams.get("q") ?? "")
    .replace(/[\p{Cc}\p{Cs}]/gu, " ")
    .trim()
    .slice(0, longest);
}

/** Where what somebody looks for is, when it is one thing and nothing else; `undefined` when there is something to choose. */
export async function placeOf(visit: Visit): Promise<string | undefined> {
  const text = textOf(visit);
  if (text === "" || visit.format !== undefined || visit.url.searchParams.has("type")) return undefined;
  const { items } = await visit.api.get<{ readonly items: readonly HitDocument[] }>("/search", { q: text });
  const exact = items.filter(({ isExact }) => isExact);
  const [only] = exact.length === 0 ? items : exact;
  const isOne = exact.length === 1 || (exact.length === 0 && items.length === 1);
  return isOne && only !== undefined ? addressOf(only) : undefined;
}

/** All that fits, by what it is. */
export async function findPage(visit: Visit): Promise<Answered> {
  const text = textOf(visit);
  const type = visit.url.searchParams.get("type") ?? undefined;
  const after = visit.url.searchParams.get("after") ?? undefined;
  const frame = { title: text === "" ? "Find" : `Find ${text}`, part: "/images", searched: text };
  if (text === "") {
    return visit.page(
      frame,
      <>
        <h1>Find</h1>
        <p class="empty">{advice}</p>
      </>,
    );
  }
  const hits = await visit.list<HitDocument>("hits", "/search", { q: text, type, after, limit: "100" });
  const counts = new Map<HitDocument["type"], number>();
  for (const hit of hits.items) counts.set(hit.type, (counts.get(hit.type) ?? 0) + 1);
  return visit.page(
    frame,
    <>
      <h1>
        Find <q>{text}</q>
      </h1>
      <nav class="bar" aria-label="Types of what is found">
        {type === undefined ? "" : <a href={`/find?${new URLSearchParams({ q: text })}`}>everything</a>}
        {type !== undefined
          ? ""
          : Array.from(counts.keys(), (name) => (
              <a
                href={`/find?${new URLSearchParams({ q: text, type: name })}`}
              >{`only of type ${types[name]}`}</a>
            ))}
      </nav>
      <Table
        label="What was found"
        columns={[
          { title: "Type", cell: ({ type: of }) => <span class="tag">{types[of]}</span> },
          { title: "Name", cell: (hit) => <Name of={hit} /> },
          { title: "About", cell: (hit) => hit.title ?? hit.image ?? hit.job ?? "" },
          { title: "Last", cell: ({ at }) => <Time at={at} /> },
        ]}
        of={hits}
        empty={
          <>
            Nothing fits <q>{text}</q>. {advice}
          </>
        }
      />
      <ListPages url={visit.url} of={hits} />
    </>,
  );
}

const advice =
  "Type a name of an image, a job or a project, a tag, at least seven digits of a digest or a commit, the number of a run, " +
  "or a pull request as #7. What runs have done to images is known when they have ended.";

function Name({ of }: { readonly of: HitDocument }) {
  const { type, name, tag, digest } = of;
  const shown = type === "tag" && tag !== undefined ? tag : name;
  return (
    <>
      <a href={addressOf(of)}>{type === "digest" || type === "commit" ? <code>{shown}</code> : shown}</a>
      {type === "tag" && digest !== undefined ? <code class="below">{digest.slice(0, 19)}</code> : ""}
    </>
  );
}

function addressOf({ type, name, image, digest, run }: HitDocument): string {
  switch (type) {
    case "run":
      return `/runs/${run ?? name}`;
    case "job":
      return `/jobs/${encodeURIComponent(name)}`;
    case "image":
      return addressOfImage(image ?? name);
    case "tag":
    case "digest":
      return addressOfImage(image ?? "", digest);
    case "commit":
      return `/images?${new URLSearchParams({ commit: name })}`;
    case "pull":
      return `/images?${new URLSearchParams({ pull: name })}`;
    case "project":
      return `/images?${new URLSearchParams({ project: name })}`;
  }
}

import type { ImageEventDocument, ListedImageDocument } from "../../../server/index.ts";
import { pageOfRepository } from "../../parts/links.tsx";
import { ListPages } from "../../parts/list-pages.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { Listed } from "../../tables.ts";
import type { Answered, Visit } from "../../visit.ts";
import { addressOfImage, shortName } from "./names.ts";

/** Images, those first to which something happened last; of one pull request, commit or run all that it did to them. */
export async function imagesPage(visit: Visit): Promise<Answered> {
  const { searchParams } = visit.url;
  const asked = Object.fromEntries(
    ["pull", "commit", "run"].flatMap((name) => {
      const value = searchParams.get(name);
      return value === null || value === "" ? [] : [[name, value]];
    }),
  );
  if (Object.keys(asked).length > 0) return eventsPage(visit, asked);
  const of = (name: string): string | undefined => searchParams.get(name) || undefined;
  const [search, project, after] = [of("search"), of("project"), of("after")];
  const images = await visit.list<ListedImageDocument>("images", "/images", {
    ...{ search, project, after },
    limit: "50",
  });
  return visit.page(
    { title: "Images", part: "/images", isLive: after === undefined },
    <>
      <h1>Images</h1>
      <form class="filters" action="/images">
        <label>
          Name <input name="search" value={search} maxlength={200} placeholder="a part of it" />
        </label>
        <label>
          Project <input name="project" value={project} maxlength={200} />
        </label>
        <button type="submit">Show</button>
      </form>
      <Table
        label="Images"
        columns={[
          {
            title: "Image",
            cell: ({ image }) => (
              <a href={addressOfImage(image)} title={image}>
                {shortName(image)}
              </a>
            ),
          },
          { title: "Staging", cell: ({ image }) => <code>{image}</code> },
          {
            title: "Project",
            cell: ({ project: name }) =>
              name === undefined ? (
                ""
              ) : (
                <a href={`/images?${new URLSearchParams({ project: name })}`}>{name}</a>
              ),
          },
          { title: "Last tag", cell: ({ tag }) => tag ?? "" },
          { title: "Digests", cell: ({ digests }) => digests, isNumber: true },
          { title: "Mirrors", cell: ({ mirrors }) => mirrors, isNumber: true },
          { title: "Something happened", cell: ({ lastAt }) => <Time at={lastAt} /> },
        ]}
        of={images}
        keyOf={({ image }) => `image-${image}`}
        empty={
          search === undefined && project === undefined ? (
            <>
              No run has told of an image yet. Builds, proposals, reviews and promotions do, when they have
              ended: <a href="/jobs">look at the jobs</a>.
            </>
          ) : (
            <>
              No image fits. <a href="/images">Show all</a>.
            </>
          )
        }
      />
      <ListPages url={visit.url} of={images} />
    </>,
  );
}

async function eventsPage(visit: Visit, asked: Readonly<Record<string, string>>): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const events = await visit.list<ImageEventDocument>("events", "/images/events", { ...asked, after });
  const { pull, commit, run } = asked;
  // Anybody can write an address into that of this page: only one that a run has told of is a link.
  const isKnown = pull !== undefined && events.items.some((event) => event.pull === pull);
  const page = isKnown ? pageOfRepository(pull) : undefined;
  return visit.page(
    { title: "What happened to images", part: "/images" },
    <>
      <h1>What happened to images</h1>
      <p>
        {pull === undefined ? (
          ""
        ) : page === undefined ? (
          pull
        ) : (
          <a href={page.href} rel="noreferrer">
            {pull}
          </a>
        )}
        {commit === undefined ? (
          ""
        ) : (
          <>
            By runs at commit <code>{commit}</code>:{" "}
            <a href={`/runs?${new URLSearchParams({ search: commit })}`}>all of these runs</a>
          </>
        )}
        {run === undefined ? (
          ""
        ) : (
          <>
            By run <a href={`/runs/${encodeURIComponent(run)}`}>{run}</a>
          </>
        )}
      </p>
      <EventTable
        of={events}
        empty="Nothing is known. What runs have done to images is told when they have ended, by the files that they have left."
      />
      <ListPages url={visit.url} of={events} />
    </>,
  );
}

/** What has happened, one row for each. */
function EventTable({ of, empty }: { readonly of: Listed<ImageEventDocument>; readonly empty: string }) {
  return (
    <Table
      label="What happened"
      columns={[
        { title: "When", cell: ({ at }) => <Time at={at} /> },
        {
          title: "Image",
          cell: ({ image, digest }) => (
            <a href={addressOfImage(image, digest)} title={`${image}@${digest}`}>
              {shortName(image)} <code>{digest.slice(0, 19)}</code>
            </a>
          ),
        },
        { title: "Tags", cell: ({ tags }) => tags.join(", ") },
        { title: "What", cell: ({ text }) => text },
        { title: "Run", cell: ({ run, job }) => <a href={`/runs/${run}`}>{`${job} ${run}`}</a> },
      ]}
      of={of}
      empty={empty}
    />
  );
}

function _defined(query: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

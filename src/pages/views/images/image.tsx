import type { ImageSizeDocument, ImageTagDocument, ListedImageDocument } from "../../../server/index.ts";
import { bytesInWords } from "../../parts/amount.ts";
import { ListPages } from "../../parts/list-pages.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { nowhere } from "../../site.tsx";
import type { Listed } from "../../tables.ts";
import type { Answered, Visit } from "../../visit.ts";
import { addressOfImage, shortName } from "./names.ts";
import { soon } from "./soon.ts";

/** Digests whose sizes are shown. */
const sizesShown = 30;

/** An image: its tags with what each stood for, and how its size has changed. @param tag Of which alone. */
export async function imagePage(visit: Visit, image: string, tag?: string): Promise<Answered> {
  const { api, url } = visit;
  const after = url.searchParams.get("after") ?? undefined;
  const tags = await visit.list<ImageTagDocument>("tags", "/images/tags", { image, tag, after });
  const sizes = await soon(
    visit,
    visit.format === undefined || url.searchParams.get("table") === "sizes"
      ? api.get<{ readonly items: readonly ImageSizeDocument[] }>("/images/sizes", {
          ...{ image, limit: String(sizesShown) },
        })
      : Promise.resolve({ items: [] }),
  );
  const known = sizes === undefined ? undefined : visit.rows("sizes", sizes.items);
  if (tags.items.length === 0 && known?.items.length === 0) throw nowhere(`/images/${image}`);
  const { items } = await api.get<{ readonly items: readonly ListedImageDocument[] }>("/images", {
    ...{ search: image, limit: "10" },
  });
  const facts = items.find((each) => each.image === image);
  return visit.page(
    { title: shortName(image), part: "/images", isLive: after === undefined },
    <>
      <h1>
        {shortName(image)}
        {tag === undefined ? "" : <span class="tag">{tag}</span>}
      </h1>
      <p>
        <code>{image}</code>
        {facts?.project === undefined ? (
          ""
        ) : (
          <>
            {" "}
            of project{" "}
            <a href={`/images?${new URLSearchParams({ project: facts.project })}`}>{facts.project}</a>
          </>
        )}
        {facts === undefined ? "" : `, promoted to ${facts.mirrors} mirrors.`}
      </p>
      <section aria-labelledby="tags">
        <h2 id="tags">Tags, and what each stood for</h2>
        <Table
          label="Tags"
          columns={[
            {
              title: "Tag",
              cell: ({ tag: name, digest }) => <a href={addressOfImage(image, digest)}>{name}</a>,
            },
            { title: "Digest", cell: ({ digest }) => <code>{digest}</code> },
            { title: "Since", cell: ({ at }) => <Time at={at} /> },
            { title: "Run", cell: ({ run }) => <a href={`/runs/${run}`}>{run}</a> },
          ]}
          of={tags}
          empty="No tag of it is known."
        />
        <ListPages url={visit.url} of={tags} />
      </section>
      <section aria-labelledby="sizes">
        <h2 id="sizes">Size of the last digests</h2>
        {known === undefined ? (
          <p class="empty">Its registry has not answered yet. Read the page anew in a moment.</p>
        ) : (
          <Sizes of={known} image={image} />
        )}
      </section>
    </>,
  );
}

/** Sizes as bars, in a table that has the numbers as well. */
function Sizes({ of, image }: { readonly of: Listed<ImageSizeDocument>; readonly image: string }) {
  const most = Math.max(1, ...of.items.map(({ bytes }) => bytes ?? 0));
  return (
    <Table
      label="Sizes"
      columns={[
        { title: "Since", cell: ({ at }) => <Time at={at} /> },
        {
          title: "Tag",
          cell: ({ tag, digest }) => (
            <a href={addressOfImage(image, digest)}>{tag ?? <code>{digest.slice(0, 19)}</code>}</a>
          ),
        },
        {
          title: "Size",
          cell: ({ bytes }) => (bytes === undefined ? "unread" : bytesInWords(bytes)),
          isNumber: true,
        },
        {
          title: "Compared",
          cell: ({ bytes = 0 }) => (
            <svg class="size" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">
              <rect width={Math.round((bytes / most) * 200)} height="12" />
            </svg>
          ),
        },
      ]}
      of={of}
      empty="No size is known yet."
    />
  );
}

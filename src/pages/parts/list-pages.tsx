import type { ListPage } from "../../server/index.ts";

interface ListPagesProps {
  /** The page's own address. */
  readonly url: URL;
  readonly of: Pick<ListPage<unknown>, "next" | "previous">;
}

/** Where a list goes on, and back: the page's own address, with another place in the list. Nothing where all of it is here. */
export function ListPages({ url, of: { next, previous } }: ListPagesProps) {
  const at = (side?: "after" | "before", place?: string): string => {
    const search = new URLSearchParams(url.searchParams);
    search.delete("after");
    search.delete("before");
    if (side !== undefined && place !== undefined) search.set(side, place);
    return search.size === 0 ? url.pathname : `${url.pathname}?${search}`;
  };
  const isFirst = !url.searchParams.has("after") && !url.searchParams.has("before");
  if (isFirst && next === undefined) return null;
  return (
    <nav aria-label="Pages of the list" class="bar">
      {isFirst ? "" : <a href={at()}>First page</a>}
      {previous === undefined ? "" : <a href={at("before", previous)}>Page before</a>}
      {next === undefined ? "" : <a href={at("after", next)}>Next page</a>}
    </nav>
  );
}

import { csvOfRows, type ListPage } from "../server/index.ts";
import type { Api } from "./api.ts";
import type { Visit } from "./visit.ts";

const formats = ["json", "csv"] as const;
export type TableFormat = (typeof formats)[number];

/** Items that a list has at most when it is asked for as something else than a page. */
const mostItems = "500";

/** What a table of a page shows. */
export interface Listed<Row> extends ListPage<Row> {
  readonly name: string;
  /** Where the same list is got in another form. */
  readonly addresses: Readonly<Record<TableFormat, string>>;
}

/** In place of a page, one of its lists. It is thrown because what the page would need besides need not be read then. */
export class AsFormat extends Error {
  override readonly name = "AsFormat";
  readonly answer: Response;

  constructor(answer: Response) {
    super("a list of the page is asked for");
    this.answer = answer;
  }
}

/**
 * The lists of the page at an address. With `?format=json` or `csv` one of them is the answer: that which `&table=` names, or the first.
 */
export function listsOf(api: Api, url: URL): Pick<Visit, "format" | "list" | "rows"> {
  const format = formats.find((name) => name === url.searchParams.get("format"));
  const wanted = url.searchParams.get("table");
  let isFirst = true;
  const isWanted = (name: string): boolean => {
    const isIt = wanted === null ? isFirst : wanted === name;
    isFirst = false;
    return isIt;
  };
  const addressesOf = (name: string) => {
    const search = new URLSearchParams(url.searchParams);
    search.set("table", name);
    return {
      json: `?${search}&format=json`,
      csv: `?${search}&format=csv`,
    };
  };
  return {
    format,
    async list<Row extends object>(
      name: string,
      path: string,
      query: Record<string, string | undefined> = {},
    ) {
      if (format !== undefined && isWanted(name)) {
        const limit = url.searchParams.get("limit") ?? mostItems;
        throw new AsFormat(await api.answer(path, { ...query, limit, format }));
      }
      return { ...(await api.get<ListPage<Row>>(path, query)), name, addresses: addressesOf(name) };
    },
    rows<Row extends object>(name: string, items: readonly Row[]) {
      if (format !== undefined && isWanted(name)) throw new AsFormat(answerRows(name, items, format));
      return { items, name, addresses: addressesOf(name) };
    },
  };
}

function answerRows(name: string, items: readonly object[], format: TableFormat): Response {
  if (format === "json") return Response.json({ items });
  return new Response(csvOfRows(items), {
    headers: {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="${name}.csv"`,
    },
  });
}

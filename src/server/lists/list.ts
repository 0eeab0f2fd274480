import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Asking, Env } from "../context.ts";
import { answerInvalid } from "../problems.ts";
import { failures } from "../responses.ts";
import { csvOf } from "./csv.ts";

/** What every list is asked with. */
const pageShape = {
  limit: z.coerce.number().int().min(1).max(500).default(100),
  format: z.enum(["json", "csv"]).optional().openapi({
    description: "By `Accept` when it is left out; JSON when that does not say.",
  }),
};

/** A page, and what `after` is for the next one; nothing on the last. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly next?: string | undefined;
  /** What `before` is for the page before, of lists that go both ways; nothing on the first. */
  readonly previous?: string | undefined;
}

/** A list of the API: by pages, by filters, as JSON or as CSV. */
export interface ApiList<
  Item extends z.ZodObject,
  Filters extends z.ZodRawShape,
  Params extends z.ZodRawShape,
> {
  /** Below `/api/v1`, with `{name}` for what is different. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly item: Item;
  readonly params: Params;
  /** What may be asked for, `after` among it: another key is refused, for a filter with a wrong name would let everything through. */
  readonly filters: Filters;
  /** Refuses who may not read it, then reads. */
  read(
    c: Asking,
    query: z.output<z.ZodObject<typeof pageShape & Filters>>,
    params: z.output<z.ZodObject<Params>>,
  ): Promise<ListPage<z.output<Item>>>;
}

/** Adds a list to the API: all of them are asked and answered alike. */
export function addList<
  Item extends z.ZodObject,
  Filters extends z.ZodRawShape,
  Params extends z.ZodRawShape,
>(api: OpenAPIHono<Env>, list: ApiList<Item, Filters, Params>): void {
  const { path, tag, summary, item, filters, read } = list;
  const query = z.strictObject({ ...pageShape, ...filters });
  const params = z.object(list.params);
  const page = z.object({
    items: z.array(item),
    next: z
      .string()
      .optional()
      .openapi({ description: "What `after` is for the next page; not there on the last." }),
    ...("before" in filters
      ? {
          previous: z
            .string()
            .optional()
            .openapi({ description: "What `before` is for the page before; not there on the first." }),
        }
      : {}),
  });
  api.openAPIRegistry.registerPath({
    ...{ method: "get", path, tags: [tag], summary, request: { params, query } },
    responses: {
      200: {
        description: "A page of it.",
        headers: z.object({
          link: z
            .string()
            .optional()
            .openapi({ description: 'The next page, as `rel="next"`, and the one before, as `rel="prev"`.' }),
        }),
        content: { "application/json": { schema: page }, "text/csv": { schema: z.string() } },
      },
      ...failures,
    },
  });
  const name = path.split("/").at(-1) ?? "";
  api.get(path.replace(/\{(\w+)\}/g, ":$1"), async (c) => {
    const named = params.safeParse(c.req.param());
    if (!named.success) return answerInvalid(c, "param", named.error);
    const asked = query.safeParse(c.req.query());
    if (!asked.success) return answerInvalid(c, "query", asked.error);
    const { items, next, previous } = await read(c, asked.data, named.data);
    c.header("vary", "accept");
    const links = [
      ...(next === undefined ? [] : [`<${pageAt(c.req.url, "after", next)}>; rel="next"`]),
      ...(previous === undefined ? [] : [`<${pageAt(c.req.url, "before", previous)}>; rel="prev"`]),
    ];
    if (links.length > 0) c.header("link", links.join(", "));
    const format = c.req.query("format") ?? (accepts(c.req.header("accept"), "text/csv") ? "csv" : "json");
    if (format === "json") return c.json({ items, next, previous }, 200);
    return c.body(csvOf(item, items), 200, {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="${name}.csv"`,
    });
  });
}

/** Whether a type is asked for and JSON is not. */
function accepts(header: string | undefined, type: string): boolean {
  const types = (header ?? "")
    .toLowerCase()
    .split(",")
    .map((part) => part.split(";")[0]?.trim());
  return types.includes(type) && !types.includes("application/json");
}

function pageAt(url: string, side: "after" | "before", place: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.delete("after");
  searchParams.delete("before");
  searchParams.set(side, place);
  return `${pathname}?${searchParams}`;
}

import { z } from "@hono/zod-openapi";
import { lineSchema } from "../schemas.ts";
import type { ListPage } from "./list.ts";

/** Digits, in the order in which rows were written: where a page of them goes on. */
export const afterNumber = z
  .string()
  .regex(/^[0-9]{1,18}$/)
  .optional()
  .openapi({ description: "What `next` of the page before says." });

/** Where a page goes on of rows that are counted among those of one thing. */
export const afterPosition = z.coerce
  .number()
  .int()
  .min(0)
  .max(2_147_483_647)
  .optional()
  .openapi({ description: "What `next` of the page before says." });

const word = lineSchema(1_000);

/**
 * Where a page goes on whose order is that of several values, as {@link placeText} writes them.
 * @param most Characters.
 */
export const afterPlace = <Place>(values: z.ZodType<Place>, most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\w-]+$/)
    .transform((text, context): Place => {
      const parsed = values.safeParse(readJson(Buffer.from(text, "base64url").toString("utf8")));
      if (parsed.success) return parsed.data;
      context.addIssue({ code: "custom", message: "it is not what `next` of a page was" });
      return z.NEVER;
    })
    .optional()
    .openapi({ type: "string", description: "What `next` of the page before says." });

/** The same for two words: of rows, each is as its column has it. */
export const afterValues = (first: z.ZodType<string> = word, second: z.ZodType<string> = word) =>
  afterPlace(z.tuple([first, second]), 2_000);

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The values of the last row of a page, as {@link afterPlace} reads them. */
export function placeText(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

/** A page of rows of which one more was read than it may have. */
export function pageOfRows<Row, Item>(
  rows: readonly Row[],
  limit: number,
  nextOf: (last: Row) => string,
  itemOf: (row: Row) => Item,
): ListPage<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(itemOf),
    next: rows.length > limit && last !== undefined ? nextOf(last) : undefined,
  };
}

/** A page of what is in memory, in the order of its names. */
export function pageOfNamed<Item>(
  all: readonly Item[],
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  nameOf: (item: Item) => string,
): ListPage<Item> {
  const behind = all
    .filter((item) => after === undefined || nameOf(item) > after)
    .sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  return pageOfRows(behind, limit, nameOf, (item) => item);
}

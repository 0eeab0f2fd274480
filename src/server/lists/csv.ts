import { z } from "@hono/zod-openapi";

/** What a spreadsheet would take for a formula when it opens a file that somebody else's texts stand in. */
const formula = /^[=+\-@\t\r]/;

/**
 * A list as CSV (RFC 4180), a line for each item and a first one with the names of the columns. They are those of the item's schema, so that
 * they are the same whatever a page holds: `a.b` for what is in `a`; lists of words have spaces between them, all else is JSON. A text
 * that a spreadsheet would take for a formula has an apostrophe before it.
 */
export function csvOf(item: z.ZodObject, items: readonly object[]): string {
  return linesOf(columnsOf(item, []), items);
}

/** The same of what has no schema of its own: with a column for each key of any item. */
export function csvOfRows(items: readonly object[]): string {
  const names = new Set(items.flatMap((item) => Object.keys(item)));
  return linesOf(
    [...names].map((name) => [name]),
    items,
  );
}

function linesOf(columns: readonly (readonly string[])[], items: readonly object[]): string {
  const lines = [columns.map((path) => path.join(".")), ...items.map((one) => columns.map(cellAt(one)))];
  return lines.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}

function columnsOf({ shape }: z.ZodObject, path: readonly string[]): readonly (readonly string[])[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
    const here = [...path, name];
    // What may have any keys has no columns.
    const isOpen = inner instanceof z.ZodObject && inner.def.catchall !== undefined;
    return inner instanceof z.ZodObject && !isOpen ? columnsOf(inner, here) : [here];
  });
}

function cellAt(item: object): (path: readonly string[]) => string {
  return (path) => {
    let value: unknown = item;
    for (const name of path) value = isObject(value) ? value[name] : undefined;
    return textOf(value);
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return formula.test(value) ? `'${value}` : value;
  const isWords = Array.isArray(value) && value.every((word) => typeof word === "string" && !/\s/.test(word));
  if (isWords) return textOf(value.join(" "));
  return JSON.stringify(value);
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

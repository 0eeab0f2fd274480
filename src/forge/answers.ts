import type { z } from "zod";
import { ForgeError } from "./errors.ts";

/** What every client answers with. */
export interface ClientAnswer {
  readonly data: unknown;
  readonly headers: Headers | Readonly<Record<string, string | number | undefined>>;
}

/** Pages of a list that are read before somebody is told that there are too many. */
const maxPages = 50;

/**
 * What a client was asked for, as the schema has it.
 * @throws {ForgeError} What the wire threw, or `unexpected-answer`.
 */
export async function answered<T>(
  asked: Promise<{ readonly data: unknown }>,
  schema: z.ZodType<T>,
): Promise<T> {
  return parsed((await unwrapped(asked)).data, schema);
}

/**
 * A whole list, page by page. Forges say in a `Link` header that there is a next page, or in `X-Total-Count` how many there are of
 * all.
 * @throws {ForgeError} What the wire threw, or `unexpected-answer`, also when the list does not end.
 */
export async function allPages<T>(
  ask: (page: number) => Promise<ClientAnswer>,
  schema: z.ZodType<readonly T[]>,
): Promise<readonly T[]> {
  const found: T[] = [];
  for (let page = 1; page <= maxPages; page += 1) {
    const answer = await unwrapped(ask(page));
    const items = parsed(answer.data, schema);
    found.push(...items);
    const total = Number(headerOf(answer, "x-total-count") ?? 0);
    const goesOn = /rel="?next"?/.test(headerOf(answer, "link") ?? "") || found.length < total;
    if (items.length === 0 || !goesOn) return found;
  }
  throw new ForgeError(
    "unexpected-answer",
    `a list of more than ${maxPages} pages (${found.length} entries)`,
    {
      hint: "what is looked for may be behind them; nobody has so many of these on purpose",
    },
  );
}

/** A promise whose failure is what the wire threw: GitHub's client wraps it into an error of its own. */
export async function unwrapped<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (thrown) {
    const isWrapped = thrown instanceof Error && thrown.name === "HttpError" && thrown.cause instanceof Error;
    throw isWrapped ? thrown.cause : thrown;
  }
}

function parsed<T>(data: unknown, schema: z.ZodType<T>): T {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? "the answer" : issue.path.join(".");
  throw new ForgeError(
    "unexpected-answer",
    `the forge answers otherwise than documented: ${place}: ${issue?.message}`,
    {
      hint: "is the kind of the forge the right one, and is its version one that is still maintained?",
    },
  );
}

function headerOf({ headers }: ClientAnswer, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const value = headers[name];
  return value === undefined ? undefined : String(value);
}

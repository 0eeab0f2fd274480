import * as z from "zod/mini";
import { english } from "../oci/index.ts";
import { ForgeError } from "./errors.ts";
import type { ForgeKind } from "./forge.ts";
import type { Wire } from "./wire.ts";

/** What goes into a route, and the rest of it into its query or body, escaped; what is `undefined` is left out. */
type Values = Readonly<Record<string, unknown>>;

/**
 * Asks one forge by the routes of its REST API, as its documentation writes them: `GET /repos/{owner}/{repo}`. Methods throw what the
 * wire throws, and {@link ForgeError} `unexpected-answer` for what is not as the schema has it.
 */
export interface ForgeClient {
  ask<T>(route: string, values: Values, schema: z.ZodMiniType<T>): Promise<T>;
  /**
   * A whole list, page by page; one that does not end is an `unexpected-answer`.
   * @param listIn Where the list stands in an answer that is none itself.
   */
  list<T>(
    route: string,
    values: Values,
    item: z.ZodMiniType<T>,
    listIn?: (data: unknown) => unknown,
  ): Promise<readonly T[]>;
  /** A whole list, unless it is as it was when the forge had this word for its state. */
  listUnless<T>(
    route: string,
    values: Values,
    item: z.ZodMiniType<T>,
    etag: string | undefined,
  ): Promise<StatedList<T> | "unchanged">;
  send(route: string, values: Values): Promise<void>;
}

/** A list, and the forge's word for its state (RFC 9110, section 8.8.3) where it has one. */
export interface StatedList<T> {
  readonly items: readonly T[];
  readonly etag: string | undefined;
}

const jsonAlone = { accept: "application/json" };
const headersOf: Readonly<Record<ForgeKind, Readonly<Record<string, string>>>> = {
  github: { "x-github-api-version": "2022-11-28" },
  gitlab: jsonAlone,
  gitea: jsonAlone,
};

const pageSizes: Readonly<Record<ForgeKind, Values>> = {
  github: { per_page: 100 },
  gitlab: { per_page: 100 },
  gitea: { limit: 50 },
};

/** Pages of a list that are read before somebody is told that there are too many. */
export const maxPages = 50;

/** The client that sends all its requests by the wire. */
export function openClient(kind: ForgeKind, api: string, wire: Wire): ForgeClient {
  const headers = { "user-agent": "waybill", ...headersOf[kind] };
  const call = async (route: string, values: Values, more: Readonly<Record<string, string>> = {}) => {
    // It is larger than all of the rest, and most commands ask no forge.
    const { request } = await import("@octokit/request");
    try {
      const answer = await request(route, {
        baseUrl: api,
        ...values,
        headers: { ...headers, ...more },
        request: { fetch: wire, log },
      });
      // What is no JSON comes as the text that it is: a page is no answer, be it one that nobody looks into.
      if (typeof answer.data === "string" && answer.data !== "") throw noJson(new URL(api).host);
      return answer;
    } catch (thrown) {
      // It wraps what the wire threw into an error of its own.
      const isWrapped =
        thrown instanceof Error && thrown.name === "HttpError" && thrown.cause instanceof Error;
      throw isWrapped ? thrown.cause : thrown;
    }
  };
  const pages = async <T>(
    route: string,
    values: Values,
    item: z.ZodMiniType<T>,
    {
      etag,
      listIn = (data) => data,
    }: { etag?: string | undefined; listIn?: ((data: unknown) => unknown) | undefined },
  ): Promise<StatedList<T>> => {
    const found: T[] = [];
    for (let page = 1; page <= maxPages; page += 1) {
      const asked = { ...values, ...pageSizes[kind], page };
      const known = page === 1 && etag !== undefined ? { "if-none-match": etag } : {};
      const { data, headers: told } = await call(route, asked, known);
      const items = parsed(listIn(data), z.array(item));
      found.push(...items);
      // Forges say in a `Link` header that there is a next page, or in `X-Total-Count` how many there are of all.
      const goesOn =
        /rel="?next"?/.test(told.link ?? "") || found.length < Number(told["x-total-count"] ?? 0);
      if (items.length > 0 && goesOn) continue;
      // The word is one page's, and says nothing of the others.
      return { items: found, etag: page === 1 ? told.etag : undefined };
    }
    throw tooManyPages(`(${found.length} entries)`);
  };
  return {
    async ask(route, values, schema) {
      return parsed((await call(route, values)).data, schema);
    },
    async list(route, values, item, listIn) {
      return (await pages(route, values, item, { listIn })).items;
    },
    async listUnless(route, values, item, etag) {
      try {
        return await pages(route, values, item, { etag });
      } catch (error) {
        if (error instanceof Error && "status" in error && error.status === 304) return "unchanged";
        throw error;
      }
    },
    async send(route, values) {
      await call(route, values);
    },
  };
}

/** What a client says beside its answers (that a route is deprecated) has words of the outside in it, and is for nobody here. */
const log = { debug() {}, info() {}, warn() {}, error() {} };

function noJson(host: string): ForgeError {
  return new ForgeError("unexpected-answer", `${host} answers with something that is no JSON`, {
    where: host,
    hint: "is the kind of the forge the right one, and is there no login page in front of it?",
  });
}

/** A list that does not end, as far as anybody reads. */
export function tooManyPages(entries: string): ForgeError {
  return new ForgeError("unexpected-answer", `a list of more than ${maxPages} pages ${entries}`.trimEnd(), {
    hint: "what is looked for may be behind them; nobody has so many of these on purpose",
  });
}

function parsed<T>(data: unknown, schema: z.ZodMiniType<T>): T {
  const result = schema.safeParse(data, english);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? "the answer" : issue.path.join(".");
  const message = `the forge answers otherwise than documented: ${place}: ${issue?.message}`;
  throw new ForgeError("unexpected-answer", message, {
    hint: "is the kind of the forge the right one, and is its version one that is still maintained?",
  });
}

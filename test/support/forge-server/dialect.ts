import type { ForgeUser } from "./model.ts";

/** A request to an API, taken apart. */
export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** Whose token came with it; writing never comes without one. */
  readonly user: ForgeUser | undefined;
  /** Where the server is: `http://host:port`. */
  readonly origin: string;
  readonly path: string;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is no success, thrown. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}

/** Method, path with `:names`, and what is done. */
export type Route = readonly [method: string, path: string, handle: (call: Call) => Reply | Promise<Reply>];

/** What has to be in a body, and how many characters at most. */
export interface Demands {
  readonly required?: readonly string[];
  readonly longest?: Readonly<Record<string, number>>;
}

/** What is wrong with a field: it is missing, or longer than so many characters. */
export type Problem = "missing" | { readonly longest: number };

/** The first field of a body that is not as it is asked for. */
export function problemOf(
  { required = [], longest = {} }: Demands,
  body: Readonly<Record<string, unknown>>,
): readonly [field: string, problem: Problem] | undefined {
  const missing = required.find((field) => body[field] === undefined || body[field] === "");
  if (missing !== undefined) return [missing, "missing"];
  for (const [field, limit] of Object.entries(longest)) {
    const value = body[field];
    const texts = Array.isArray(value) ? value : [value];
    const isLonger = texts.some((text) => typeof text === "string" && [...text].length > limit);
    if (isLonger) return [field, { longest: limit }];
  }
  return undefined;
}

/** How one kind of forge is spoken to, with the words that it has for what every forge says. */
export interface Dialect {
  /** What its API is below. */
  readonly prefix: string;
  readonly routes: readonly Route[];
  /** The token that a request came with. */
  tokenOf(headers: Readonly<Record<string, string | undefined>>): string | undefined;
  /** Headers of every answer. */
  headers(user: ForgeUser | undefined): Readonly<Record<string, string>>;
  /** Says what kind it is to whoever has no token; needs none itself. */
  readonly openPaths: readonly string[];
  /** What the published descriptions ask of bodies, by method and path of a route. */
  readonly demands: Readonly<Record<string, Demands>>;
  /** A body that does not say that it is JSON. */
  notJson(contentType: string): Reply;
  invalid(field: string, problem: Problem): Reply;
  notFound(): Reply;
  badToken(): Reply;
  /** The token may only read. */
  readOnly(call: Pick<Call, "origin">): Reply;
  rateLimited(seconds: number): Reply;
}

/** The text at a key of a body, or what stands in for it. */
export function textIn(call: Call, key: string): string | undefined {
  const value = call.body[key];
  return typeof value === "string" ? value : undefined;
}

/** A list of texts at a key of a body. */
export function textsIn(call: Call, key: string): readonly string[] {
  const value = call.body[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A page of a list, with the headers that the forges tell the others by. */
export function pageOf<T>(
  call: Call,
  items: readonly T[],
  size: string,
): { readonly items: readonly T[]; readonly headers: Readonly<Record<string, string>> } {
  const perPage = Math.min(100, Number(call.query.get(size) ?? 30) || 30);
  const page = Number(call.query.get("page") ?? 1) || 1;
  const start = (page - 1) * perPage;
  const next = new URL(`${call.origin}${call.path}?${call.query}`);
  next.searchParams.set("page", String(page + 1));
  const goesOn = start + perPage < items.length;
  return {
    items: items.slice(start, start + perPage),
    headers: {
      "x-total-count": String(items.length),
      ...(goesOn ? { link: `<${next.href}>; rel="next"` } : {}),
    },
  };
}

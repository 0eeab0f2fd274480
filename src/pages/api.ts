import { harmless } from "../errors/index.ts";
import type { ApiProblem, App, ListPage, RequestOrigin } from "../server/index.ts";

/** An answer of the API that is no success. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  readonly problem: ApiProblem;

  constructor(problem: ApiProblem) {
    super(problem.title);
    this.problem = problem;
  }
}

/** Items of a list that a page is made of. */
const maxItems = 10_000;

type Query = Readonly<Record<string, string | undefined>>;

/** The API, as somebody who looks at a page may use it. */
export interface Api {
  /** What it answers, as the description of the API has it. @throws {ApiFailure} */
  get<Answer>(path: string, query?: Query): Promise<Answer>;
  /** The same with every sign as it is, for what is made harmless in another way. */
  exact<Answer>(path: string, query?: Query): Promise<Answer>;
  /** All items of a list, which are 10,000 at most. */
  all<Item>(path: string, query?: Query): Promise<readonly Item[]>;
  /** Does something. Paths of the API are those below its version; those of logins begin with `/auth/`. @throws {ApiFailure} */
  post(path: string, body?: object): Promise<Response>;
  /** Ends or removes something. @throws {ApiFailure} */
  remove(path: string): Promise<Response>;
  /** Its answer as it is, in whatever form is asked for. @throws {ApiFailure} */
  answer(path: string, query?: Query): Promise<Response>;
  /** The same, whatever it says. */
  raw(path: string, query?: Query): Promise<Response>;
}

/**
 * What of a request says who asks, and from where: all that the API goes by when it decides what somebody may see and do. Pages decide
 * nothing of that.
 */
const shown = ["authorization", "cookie", "origin", "sec-fetch-site", "x-forwarded-for"] as const;

/** The API with the rights of whoever has sent a request. */
export function apiFor(api: App, { request, from }: { request: Request; from: RequestOrigin }): Api {
  // Where a stream would be written to is the page's own.
  const origin: RequestOrigin = { ...from, outgoing: undefined, visit: {} };
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    for (const name of shown) {
      const value = request.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    const url = new URL(path.startsWith("/auth/") ? path : `/api/v1${path}`, request.url);
    // Whoever has gone is waited for by nobody, through a page either.
    return api.fetch(new Request(url, { signal: request.signal, ...init, headers }), origin);
  };
  const demanded = async (answer: Response): Promise<Response> => {
    if (answer.ok) return answer;
    throw new ApiFailure(await problemIn(answer));
  };
  const raw = (path: string, query: Query = {}): Promise<Response> => {
    const words = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const search = new URLSearchParams(words).toString();
    return ask(search === "" ? path : `${path}?${search}`);
  };
  const textOf = async (path: string, query?: Query): Promise<string> =>
    (await demanded(await raw(path, query))).text();
  return {
    get: async <Answer>(path: string, query?: Query) =>
      JSON.parse(await textOf(path, query), harmlessly) as Answer,
    exact: async <Answer>(path: string, query?: Query) => JSON.parse(await textOf(path, query)) as Answer,
    async all<Item>(path: string, query: Query = {}) {
      const items: Item[] = [];
      let after: string | undefined;
      do {
        const text = await textOf(path, { ...query, after, limit: "500" });
        const page = JSON.parse(text, harmlessly) as ListPage<Item>;
        items.push(...page.items);
        after = page.next;
      } while (after !== undefined && items.length < maxItems);
      return items;
    },
    async post(path, body) {
      const headers = { "content-type": "application/json" };
      const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) };
      return demanded(await ask(path, { method: "POST", ...sent }));
    },
    remove: async (path) => demanded(await ask(path, { method: "DELETE" })),
    answer: async (path, query) => demanded(await raw(path, query)),
    raw,
  };
}

/** Names and messages may have signs in them that disguise what is said; on a page they are seen. */
function harmlessly(_: string, value: unknown): unknown {
  return typeof value === "string" ? harmless(value) : value;
}

async function problemIn(answer: Response): Promise<ApiProblem> {
  if (answer.headers.get("content-type")?.startsWith("application/problem+json")) {
    return (await answer.json()) as ApiProblem;
  }
  const { status } = answer;
  return { type: "about:blank", title: "the server could not do it", status, code: "internal", instance: "" };
}

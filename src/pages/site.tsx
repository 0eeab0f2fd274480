import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { isOwnRequest } from "../access/index.ts";
import { type ApiProblem, type RequestOrigin, safeHeaders } from "../server/index.ts";
import { ApiFailure } from "./api.ts";
import { answerAsset } from "./assets.ts";
import { isOwnForm } from "./csrf.ts";
import { formOf } from "./form.ts";
import type { PagesParts } from "./model.ts";
import { AsFormat } from "./tables.ts";
import { Problem } from "./views/problem.tsx";
import { type Answered, type Visit, visitOf } from "./visit.ts";

/** What of an address is in its path, by the names that the path gives it. */
export type PathWord = (name: string) => string;
type Form = ReadonlyMap<string, string>;
type Answer = Answered | Response;

/** The addresses of pages. Each part of the site adds its own. */
export interface Site {
  /** What is shown at a path; its lists are answered as JSON and CSV as well, as `?format=` asks for them. */
  page(path: string, view: (visit: Visit, word: PathWord) => Answer | Promise<Answer>): void;
  /**
   * What a form of a page does. It was made by a page of this server, for a browser with the session that it has.
   * @param act Answers {@link seeOther}, so that reading the page anew does nothing again.
   */
  form(path: string, act: (visit: Visit, form: Form, word: PathWord) => Promise<Answer>): void;
  /** The same for a form of somebody who has no session yet. */
  firstForm(path: string, act: (visit: Visit, form: Form) => Promise<Answer>): void;
}

interface Env {
  readonly Bindings: { readonly from: RequestOrigin };
}
type Asking = Context<Env>;

/** Makes a site of parts, which add their addresses in their order. */
export function createSite(parts: PagesParts, adding: readonly ((site: Site) => void)[]): Hono<Env> {
  const app = new Hono<Env>();
  const isTls = parts.publicUrl.protocol === "https:";
  const visiting = (c: Asking): Promise<Visit> => visitOf(parts, { request: c.req.raw, from: c.env.from });
  const word =
    (c: Asking): PathWord =>
    (name) =>
      c.req.param(name) ?? "";

  app.use("*", async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(safeHeaders)) c.res.headers.set(name, value);
    if (isTls) c.res.headers.set("strict-transport-security", "max-age=31536000");
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  });
  app.onError(async (error, c) => {
    if (error instanceof AsFormat) return error.answer;
    const problem = problemOf(parts, error);
    const { pathname, search } = new URL(c.req.url);
    if (problem.status === 401 && c.req.method === "GET" && pathname !== "/login") {
      return c.redirect(`/login?return=${encodeURIComponent(`${pathname}${search}`)}`, 302);
    }
    const visit = await visiting(c).catch(() => undefined);
    const address = c.req.method === "GET" ? `${pathname}${search}` : undefined;
    const content = <Problem problem={problem} address={address} />;
    const answer = visit?.page({ title: problem.title }, content) ?? content;
    return c.html(await answer, problem.status as 400);
  });
  app.notFound((c) => {
    throw nowhere(c.req.path);
  });

  const answered = (c: Asking, answer: Answer): Response | Promise<Response> =>
    answer instanceof Response ? answer : c.html(answer);
  const sent = async (c: Asking, isWithSession: boolean): Promise<Form> => {
    const form = await formOf(c.req.raw);
    const source = {
      method: "POST",
      fetchSite: c.req.header("sec-fetch-site"),
      origin: c.req.header("origin"),
    };
    const isOwn = isOwnRequest(source, parts.publicUrl.origin);
    if (isOwn && (!isWithSession || isOwnForm(c.req.raw, form.get("csrf")))) return form;
    throw new ApiFailure({
      ...{ type: "urn:waybill:problem:cross-site", status: 403, code: "cross-site", instance: "" },
      title: "this form was not sent by a page of this server, or its session has ended",
      detail: "go back, read the page anew and send it again",
    });
  };
  const site: Site = {
    page: (path, view) =>
      app.get(path, async (c) => {
        const visit = await visiting(c);
        const answer = await view(visit, word(c));
        if (answer instanceof Response || visit.format === undefined) return answered(c, answer);
        throw nowhere(`${c.req.path} as ${visit.format}`);
      }),
    form: (path, act) =>
      app.post(path, async (c) => {
        const form = await sent(c, true);
        return answered(c, await act(await visiting(c), form, word(c)));
      }),
    firstForm: (path, act) =>
      app.post(path, async (c) => {
        const form = await sent(c, false);
        return answered(c, await act(await visiting(c), form));
      }),
  };
  app.get("/assets/:name", (c) => answerAsset(c.req.param("name")) ?? c.text("not found\n", 404));
  for (const add of adding) add(site);
  return app;
}

/** To another page, once a form has done what it does. */
export function seeOther(address: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(undefined, { status: 303, headers: { ...headers, location: address } });
}

/** There is nothing at an address. */
export function nowhere(path: string): ApiFailure {
  return new ApiFailure({
    ...{ type: "urn:waybill:problem:not-found", status: 404, code: "not-found", instance: "" },
    title: `there is no page at ${path.slice(0, 200)}`,
  });
}

function problemOf({ onProblem }: PagesParts, error: unknown): ApiProblem {
  if (error instanceof ApiFailure) return error.problem;
  const request = randomUUID();
  onProblem(error, request);
  return {
    ...{ type: "urn:waybill:problem:internal", status: 500, code: "internal" },
    title: "the server could not make this page",
    detail: "its log says why, under the name of this request",
    instance: `urn:waybill:request:${request}`,
  };
}

import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { isOwnRequest, localPath } from "../access/index.ts";
import { type ApiProblem, type ListedJobDocument, type RequestOrigin, safeHeaders } from "../server/index.ts";
import { ApiFailure, apiFor } from "./api.ts";
import { answerAsset } from "./assets.ts";
import { badgeOf } from "./badge.ts";
import { isOwnForm } from "./csrf.ts";
import { formerAddress } from "./deck.ts";
import { placeOf } from "./find.ts";
import { formOf } from "./form.ts";
import type { Pages, PagesParts } from "./model.ts";
import { acts } from "./views/acts.tsx";
import { jobPage, jobsPage } from "./views/jobs.tsx";
import { logPage, logPart } from "./views/log.tsx";
import { loginPage } from "./views/login.tsx";
import { nowPage } from "./views/now.tsx";
import { Problem } from "./views/problem.tsx";
import { runPage } from "./views/run.tsx";
import { queryOf, runsPage } from "./views/runs.tsx";
import { type Answered, type Visit, visitOf } from "./visit.ts";

interface Env {
  readonly Bindings: { readonly from: RequestOrigin };
}
type Asking = Context<Env>;

/** Addresses that are the API's own. */
const ofTheApi = /^\/(?:api|auth|webhooks|healthz|readyz|metrics)(?:\/|$)/;

/** Makes the pages of a server, over its API. */
export function createPages(parts: PagesParts): Pages {
  const app = assemble(parts);
  return {
    fetch: async (request, from = {}) =>
      ofTheApi.test(new URL(request.url).pathname)
        ? parts.api.fetch(request, from)
        : app.fetch(request, { from }),
  };
}

function assemble(parts: PagesParts): Hono<Env> {
  const app = new Hono<Env>();
  const isTls = parts.publicUrl.protocol === "https:";
  const visiting = (c: Asking): Promise<Visit> => visitOf(parts, { request: c.req.raw, from: c.env.from });
  const shows = (view: (visit: Visit, c: Asking) => Answered | Promise<Answered>) => async (c: Asking) =>
    c.html(await view(await visiting(c), c));

  app.use("*", async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(safeHeaders)) c.res.headers.set(name, value);
    if (isTls) c.res.headers.set("strict-transport-security", "max-age=31536000");
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  });
  app.onError(async (error, c) => {
    const problem = problemOf(parts, error);
    const { pathname, search } = new URL(c.req.url);
    if (problem.status === 401 && c.req.method === "GET" && pathname !== "/login") {
      return c.redirect(`/login?return=${encodeURIComponent(`${pathname}${search}`)}`, 302);
    }
    const visit = await visiting(c).catch(() => undefined);
    const content = <Problem problem={problem} />;
    const answer = visit?.page({ title: problem.title }, content) ?? content;
    return c.html(await answer, problem.status as 400);
  });
  app.notFound((c) => {
    throw notFound(c.req.path);
  });

  app.get("/assets/:name", (c) => answerAsset(c.req.param("name")) ?? c.text("not found\n", 404));
  app.get("/", async (c) => {
    const former = formerAddress(new URL(c.req.url));
    return former === undefined ? c.html(await nowPage(await visiting(c))) : c.redirect(former, 302);
  });
  app.get("/runs", async (c) => {
    const format = c.req.query("format");
    if (format !== "json" && format !== "csv") return c.html(await runsPage(await visiting(c)));
    const query = new URLSearchParams({ ...queryOf(new URL(c.req.url).searchParams), format });
    return apiFor(parts.api, { request: c.req.raw, from: c.env.from }).raw(`/runs?${query}`);
  });
  app.get(
    "/runs/:id{[0-9]{1,20}}",
    shows((visit, c) => runPage(visit, c.req.param("id") ?? "")),
  );
  app.get(
    "/runs/:id{[0-9]{1,20}}/log",
    shows((visit, c) => logPage(visit, c.req.param("id") ?? "")),
  );
  app.get(
    "/runs/:id{[0-9]{1,20}}/log/part",
    shows((visit, c) => logPart(visit, c.req.param("id") ?? "")),
  );
  app.get("/jobs", shows(jobsPage));
  app.get(
    "/jobs/:name{[A-Za-z0-9._-]{1,200}}",
    shows((visit, c) => jobPage(visit, c.req.param("name") ?? "")),
  );
  app.get(
    "/login",
    shows((visit) => loginPage(visit)),
  );
  app.get("/find", async (c) => c.redirect(await placeOf(await visiting(c), c.req.query("q") ?? ""), 302));
  app.get("/badge.svg", async (c) => {
    const jobs = await (await visiting(c)).api.all<ListedJobDocument>("/jobs");
    return c.body(badgeOf(jobs, c.req.query("jobs") ?? ""), 200, {
      "content-type": "image/svg+xml",
      "cache-control": "no-cache",
    });
  });
  addForms(app, parts, visiting);
  app.get("*", (c) => {
    const former = formerAddress(new URL(c.req.url));
    if (former === undefined) throw notFound(c.req.path);
    return c.redirect(former, 302);
  });
  return app;
}

/** What is done by the forms of pages: each leads to the page that it was sent from, or to what has come to be. */
function addForms(app: Hono<Env>, { publicUrl }: PagesParts, visiting: (c: Asking) => Promise<Visit>): void {
  const sent = async (c: Asking, isWithSession = true): Promise<ReadonlyMap<string, string>> => {
    const form = await formOf(c.req.raw);
    const source = {
      method: "POST",
      fetchSite: c.req.header("sec-fetch-site"),
      origin: c.req.header("origin"),
    };
    const isOwn = isOwnRequest(source, publicUrl.origin);
    if (!isOwn || (isWithSession && !isOwnForm(c.req.raw, form.get("csrf")))) {
      throw new ApiFailure({
        ...{ type: "urn:waybill:problem:cross-site", status: 403, code: "cross-site", instance: "" },
        title: "this form was not sent by a page of this server, or its session has ended",
        detail: "go back, read the page anew and send it again",
      });
    }
    return form;
  };

  app.post("/runs/:id{[0-9]{1,20}}", async (c) => {
    const form = await sent(c);
    const act = acts.find((name) => name === form.get("act"));
    if (act === undefined) throw notFound(c.req.path);
    const { api } = await visiting(c);
    const id = c.req.param("id");
    const answer = await api.post(`/runs/${id}/${act}`, act === "abort" ? {} : undefined);
    const made = act === "rerun" ? ((await answer.json()) as { readonly id: string }).id : undefined;
    return c.redirect(
      made === undefined ? localPath(form.get("return") ?? `/runs/${id}`) : `/runs/${made}`,
      303,
    );
  });
  app.post("/jobs/:name{[A-Za-z0-9._-]{1,200}}", async (c) => {
    const form = await sent(c);
    const ref = form.get("ref")?.trim();
    const { api } = await visiting(c);
    const answer = await api.post(
      `/jobs/${encodeURIComponent(c.req.param("name"))}/runs`,
      ref === undefined || ref === "" ? {} : { ref },
    );
    return c.redirect(`/runs/${((await answer.json()) as { readonly id: string }).id}`, 303);
  });
  app.post("/login", async (c) => {
    const form = await sent(c, false);
    const visit = await visiting(c);
    try {
      const answer = await visit.api.post("/auth/token", { token: form.get("token")?.trim() ?? "" });
      for (const cookie of answer.headers.getSetCookie()) c.header("set-cookie", cookie, { append: true });
      return c.redirect(localPath(c.req.query("return") ?? "/"), 303);
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.problem.status >= 500) throw error;
      return c.html(await loginPage(visit, `${error.problem.title}.`), 403);
    }
  });
  app.post("/logout", async (c) => {
    await sent(c);
    const { api } = await visiting(c);
    const answer = await api.post("/auth/logout");
    for (const cookie of answer.headers.getSetCookie()) c.header("set-cookie", cookie, { append: true });
    return c.redirect("/login", 303);
  });
}

function notFound(path: string): ApiFailure {
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

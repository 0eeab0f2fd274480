import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { type Identified, isOwnRequest, type Shown } from "../access/index.ts";
import { identifyNow } from "./acts.ts";
import { readBody } from "./body.ts";
import { type Asking, addressOf, type Env } from "./context.ts";
import { describe } from "./describe.ts";
import { safeHeaders } from "./headers.ts";
import type { App, ServerParts } from "./model.ts";
import { answerFailure, answerInvalid, answerProblem, problemOf } from "./problems.ts";
import { clientAddress } from "./proxies.ts";
import { addAbout } from "./routes/about.ts";
import { addAccess } from "./routes/access.ts";
import { addArchives } from "./routes/archives.ts";
import { addBackup } from "./routes/backup.ts";
import { addFiles } from "./routes/files.ts";
import { addHealth } from "./routes/health.ts";
import { addHosts } from "./routes/hosts.ts";
import { addImages } from "./routes/images.ts";
import { addJobs } from "./routes/jobs.ts";
import { addLive } from "./routes/live.ts";
import { addLogLines } from "./routes/log-lines.ts";
import { addLogin, sessionOf } from "./routes/login.ts";
import { addMessages } from "./routes/messages.ts";
import { addNeeds } from "./routes/needs.ts";
import { addProduction } from "./routes/production.ts";
import { addPromotion } from "./routes/promotion.ts";
import { addPromotionApproval } from "./routes/promotion-approval.ts";
import { addQueue } from "./routes/queue.ts";
import { addRemotes } from "./routes/remotes.ts";
import { addReviews } from "./routes/reviews.ts";
import { addRunEvents } from "./routes/run-events.ts";
import { addRuns } from "./routes/runs.ts";
import { addSearch } from "./routes/search.ts";
import { addWebhooks } from "./routes/webhooks.ts";

/** Whoever asks for what asks nobody. */
const nobody: Identified = {
  by: "nothing",
  principal: {
    kind: "anonymous",
    id: "anonymous",
    name: "nobody in particular",
    role: undefined,
    names: [],
    groups: [],
    most: "reader",
  },
};

/** Bytes of a request to the API. */
const maxRequestBytes = 64 * 1024;
/** Milliseconds for them. */
const requestWithin = 10_000;

/**
 * The server's answers: its API with the description of it, deliveries of forges and registries, logins, and whether it is well. It
 * listens nowhere by itself.
 */
export function createApp(parts: ServerParts): App {
  setMaxListeners(0, parts.stopping);
  const app = assemble(parts);
  return {
    fetch: async (request, from = {}) => app.fetch(request, from),
  };
}

function assemble(parts: ServerParts): OpenAPIHono<Env> {
  const { onProblem, publicUrl } = parts;
  const isTls = publicUrl.protocol === "https:";
  const addressOfClient = clientAddress(parts.trustedProxies);
  const app = new OpenAPIHono<Env>();

  app.use("*", async (c, next) => {
    c.set("requestId", randomUUID());
    c.set("address", addressOfClient(c.env.address, c.req.header("x-forwarded-for")));
    c.set("identified", nobody);
    await next();
    for (const [name, value] of Object.entries(safeHeaders)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
    if (isTls) c.res.headers.set("strict-transport-security", "max-age=31536000");
    c.res.headers.set("x-request-id", c.get("requestId"));
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  });
  app.onError((error, c) => {
    if (error instanceof HTTPException && error.status === 400) {
      return answerFailure(c, { code: "invalid-request", title: "the body is not JSON" });
    }
    const { problem, isOwn } = problemOf(c, error);
    if (isOwn) onProblem(error, c.get("requestId"));
    return answerProblem(c, problem);
  });
  app.notFound((c) => answerFailure(c, { code: "not-found", title: "there is nothing at this address" }));

  app.use("/metrics", guarding(parts));
  addHealth(app, parts);
  addWebhooks(app, parts);
  app.use("/api/*", guarding(parts));
  app.use("/auth/*", guarding(parts));
  addLogin(app, parts);
  app.route("/api/v1", apiOf(parts));
  describe(app, parts);
  return app;
}

function apiOf(parts: ServerParts): OpenAPIHono<Env> {
  const api = new OpenAPIHono<Env>({
    defaultHook: (result, c) => (result.success ? undefined : answerInvalid(c, result.target, result.error)),
  });
  addRuns(api, parts);
  addRunEvents(api, parts);
  addFiles(api, parts);
  addLogLines(api, parts);
  addArchives(api, parts);
  addPromotion(api, parts);
  addPromotionApproval(api, parts);
  addLive(api, parts);
  addJobs(api, parts);
  addRemotes(api, parts);
  addQueue(api, parts);
  addNeeds(api, parts);
  addReviews(api, parts);
  addMessages(api, parts);
  addImages(api, parts);
  addSearch(api, parts);
  addAccess(api, parts);
  addAbout(api, parts);
  addBackup(api, parts);
  addProduction(api, parts);
  addHosts(api, parts);
  return api;
}

/**
 * Finds out who asks, before anything else is done, and refuses what a page of somebody else's has a browser send with a session's
 * cookie. Whoever shows a token was not brought to it by a page.
 */
function guarding(parts: ServerParts) {
  const { publicUrl } = parts;
  const visitors = new WeakMap<object, Promise<Identified>>();
  const identifyOnce = (c: Asking, shown: Shown): Promise<Identified> => {
    const visit = c.env?.visit;
    if (visit === undefined || c.req.method !== "GET") return identifyNow(parts, shown);
    const known = visitors.get(visit) ?? identifyNow(parts, shown);
    visitors.set(visit, known);
    return known;
  };
  return async (c: Asking, next: () => Promise<void>): Promise<Response | undefined> => {
    const shown = {
      authorization: c.req.header("authorization"),
      session: sessionOf(c),
      from: addressOf(c),
    };
    c.set("identified", await identifyOnce(c, shown));
    const source = {
      method: c.req.method,
      fetchSite: c.req.header("sec-fetch-site"),
      origin: c.req.header("origin"),
    };
    const isByToken = c.get("identified").by === "token";
    const hasCookie = shown.session !== undefined;
    if (!isByToken && hasCookie && !isOwnRequest(source, publicUrl.origin)) {
      return answerFailure(c, {
        code: "cross-site",
        title: "this request was not sent by a page of this server",
        detail: `open ${publicUrl.origin}, or send a token instead of a cookie`,
      });
    }
    if (c.req.raw.body !== null) {
      const body = await readBody(c.req.raw, maxRequestBytes, requestWithin);
      if (typeof body === "string") {
        return answerFailure(c, { code: body, title: "the request is too large, or did not come in time" });
      }
      const { method, headers } = c.req.raw;
      if (body.length > 0 && !/^application\/json *(?:;|$)/i.test(headers.get("content-type") ?? "")) {
        const detail = "send it as: Content-Type: application/json";
        return answerFailure(c, {
          code: "not-json",
          title: "what is sent here is JSON, and says so",
          detail,
        });
      }
      c.req.raw = new Request(c.req.url, { method, headers, body: new Uint8Array(body) });
    }
    await next();
    return undefined;
  };
}

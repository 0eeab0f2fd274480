import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import {
  appendAudit,
  beginSession,
  endSession,
  identify,
  keepPerson,
  loginWithin,
  refuseUnsafe,
  sessionLife,
} from "../../access/index.ts";
import { whoOf } from "../acts.ts";
import { type Asking, addressOf, type Env, timeOf } from "../context.ts";
import type { ServerParts } from "../model.ts";

const tokenSchema = z.strictObject({ token: z.string().min(1).max(200) });

const sessionCookie = "waybill";
const loginCookie = "waybill-login";

/** A cookie that no other host can set or see, that no script can read, and that comes along when a link leads here. */
const cookie: CookieOptions = { prefix: "host", path: "/", secure: true, httpOnly: true, sameSite: "Lax" };

/** The secret of the session that a browser has, if it has one. */
export function sessionOf(c: Asking): string | undefined {
  return getCookie(c, sessionCookie, "host");
}

/** The routes by which people log in and out with a browser. */
export function addLogin(app: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, access } = parts;

  app.get("/auth/:provider", async (c) => {
    const returnTo = c.req.query("return") ?? "/";
    const { url, kept } = await access.logins.begin(c.req.param("provider"), returnTo);
    setCookie(c, loginCookie, kept, { ...cookie, maxAge: loginWithin / 1000 });
    return c.redirect(url, 302);
  });

  app.get("/auth/:provider/callback", async (c) => {
    const kept = getCookie(c, loginCookie, "host") ?? "";
    deleteCookie(c, loginCookie, cookie);
    const { search } = new URL(c.req.url);
    const { identity, returnTo } = await access.logins.finish(c.req.param("provider"), search, kept);
    const planted = sessionOf(c);
    const now = timeOf(parts);
    const secret = await db.transaction(async (sql) => {
      const person = await keepPerson(sql, identity, now);
      // Whatever session the browser had is over: it may be one that somebody else knows.
      if (planted !== undefined) await endSession(sql, planted);
      const made = await beginSession(sql, { person }, now);
      const who = { kind: "person", id: person, name: identity.shown } as const;
      const after = { provider: identity.provider, login: identity.login, groups: identity.groups };
      await appendAudit(
        sql,
        { ...whoOf(c), who, act: "session.begin", subject: `person/${person}`, after },
        now,
      );
      return made;
    });
    setCookie(c, sessionCookie, secret, { ...cookie, maxAge: sessionLife.whole / 1000 });
    return c.redirect(returnTo, 302);
  });

  app.post("/auth/token", async (c) => {
    refuseUnsafe(parts.publicUrl);
    const now = timeOf(parts);
    const { token } = tokenSchema.parse(await c.req.json());
    const shown = { authorization: `Bearer ${token}`, from: addressOf(c) };
    const { principal } = await identify(db, shown, access.settings, now);
    const planted = sessionOf(c);
    const secret = await db.transaction(async (sql) => {
      if (planted !== undefined) await endSession(sql, planted);
      const made = await beginSession(sql, { token: principal.id }, now);
      const who = { kind: principal.kind, id: principal.id, name: principal.name };
      await appendAudit(
        sql,
        { ...whoOf(c), who, act: "session.begin", subject: `token/${principal.id}` },
        now,
      );
      return made;
    });
    setCookie(c, sessionCookie, secret, { ...cookie, maxAge: sessionLife.whole / 1000 });
    return c.body(null, 204);
  });

  app.post("/auth/logout", async (c) => {
    const secret = sessionOf(c);
    deleteCookie(c, sessionCookie, cookie);
    const { principal, by } = c.get("identified");
    if (secret !== undefined && by === "session") {
      const subject = `${principal.kind === "person" ? "person" : "token"}/${principal.id}`;
      const entry = { ...whoOf(c), act: "session.end", subject };
      await db.transaction(async (sql) => {
        await endSession(sql, secret);
        await appendAudit(sql, entry, timeOf(parts));
      });
    }
    return c.body(null, 204);
  });
}

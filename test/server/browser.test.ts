import { describe, expect, test } from "vitest";
import { type AccessSettings, type Grant, listAudit, type Role } from "../../src/access/index.ts";
import { ask } from "../queue/support.ts";
import { usePglite } from "../support/databases.ts";
import { Browser, startIdentityProvider } from "../support/identity-provider.ts";
import { serverMigrations, serverWorld } from "./server-world.ts";

const databases = usePglite();
const cookie = "__Host-waybill";

/** A server where people log in, and a browser of somebody who has a role. */
async function worldOf(role: Role | undefined, more: { tls?: boolean; proxies?: readonly string[] } = {}) {
  const db = await databases.open(serverMigrations);
  const providers: AccessSettings["providers"][number][] = [];
  const roles: { -readonly [Name in Role]?: Grant } =
    role === undefined ? {} : { [role]: { users: ["ann"] } };
  let setGroups: (groups: readonly string[]) => void = () => {};
  const world = await serverWorld(db, {
    access: { providers, roles },
    parts: { trustedProxies: more.proxies ?? [] },
    publicUrl: (origin) => new URL(more.tls === true ? "https://waybill.example" : origin),
    prepare: async (publicUrl) => {
      const callback = new URL("/auth/sso/callback", publicUrl).href;
      const provider = await startIdentityProvider(callback, {
        subject: "17",
        claims: { preferred_username: "Ann", name: "Ann A.", groups: ["org"] },
      });
      setGroups = (groups) => {
        provider.account = { subject: "17", claims: { ...provider.account.claims, groups } };
      };
      providers.push({
        ...{ name: "sso", kind: "openid", issuer: provider.issuer, clientId: "waybill" },
        clientSecret: { variable: "SECRET" },
      });
    },
  });
  const browser = new Browser();
  const logIn = async (other = browser, returnTo = "/runs") => {
    const begun = await other.ask(`${world.origin}/auth/sso?return=${encodeURIComponent(returnTo)}`);
    const callback = `${world.origin}/auth/sso/callback`;
    const end = await other.follow(begun.headers.get("location") ?? "", callback);
    return other.ask(end);
  };
  const roleOf = async (other: Browser): Promise<unknown> =>
    JSON.parse(await (await other.ask(`${world.origin}/api/v1/me`)).text()).role;
  return {
    ...world,
    browser,
    logIn,
    roles,
    roleOf,
    setGroups: (groups: readonly string[]) => setGroups(groups),
  };
}

test("a person logs in with a browser, is known by a cookie, and logs out", async () => {
  const { browser, logIn, origin, host, db } = await worldOf("releaser");
  const begun = await browser.ask(`${origin}/auth/sso?return=/jobs`);
  expect(begun.status).toBe(302);
  expect(begun.headers.get("set-cookie")).toMatch(
    /^__Host-waybill-login=[\w-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
  const answer = await logIn();
  expect([answer.status, answer.headers.get("location")]).toEqual([302, "/runs"]);
  expect(answer.headers.getSetCookie()).toContainEqual(
    expect.stringMatching(
      /^__Host-waybill=[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    ),
  );
  expect(browser.cookie(host, "__Host-waybill-login")).toBeUndefined();
  const me = await (await browser.ask(`${origin}/api/v1/me`)).json();
  expect(me).toMatchObject({
    ...{ kind: "person", name: "Ann A.", role: "releaser", names: ["ann", "sso:ann", "sso:#17"] },
    login: ["sso"],
  });
  const secret = browser.cookie(host, cookie) ?? "";
  const headers = { "sec-fetch-site": "same-origin" };
  expect((await browser.ask(`${origin}/auth/logout`, { method: "POST", headers })).status).toBe(204);
  expect(browser.cookie(host, cookie)).toBeUndefined();
  browser.set(host, cookie, secret);
  const after = await (await browser.ask(`${origin}/api/v1/me`)).json();
  expect(after).toMatchObject({ kind: "anonymous" });
  expect(await listAudit(db, { limit: 5 })).toMatchObject([
    { act: "session.end", who: { kind: "person", name: "Ann A." } },
    { act: "session.begin", who: { name: "Ann A." }, after: { provider: "sso", login: "Ann" } },
  ]);
});

test("a session that somebody else has planted never becomes one of who logs in", async () => {
  const { browser, logIn, origin, host } = await worldOf("admin");
  await logIn();
  const planted = browser.cookie(host, cookie) ?? "";
  const victim = new Browser();
  victim.set(host, cookie, planted);
  await logIn(victim);
  expect(victim.cookie(host, cookie)).not.toBe(planted);
  const attacker = new Browser();
  attacker.set(host, cookie, planted);
  expect(await (await attacker.ask(`${origin}/api/v1/me`)).json()).toMatchObject({ kind: "anonymous" });
  const forged = new Browser();
  forged.set(host, cookie, "a".repeat(43));
  await logIn(forged);
  expect(forged.cookie(host, cookie)).not.toBe("a".repeat(43));
});

test("a login that another browser began is refused, and begins no session", async () => {
  const { browser, origin, host } = await worldOf("admin");
  const begun = await browser.ask(`${origin}/auth/sso`);
  const end = await browser.follow(begun.headers.get("location") ?? "", `${origin}/auth/sso/callback`);
  const victim = new Browser();
  const answer = await victim.ask(end);
  expect(answer.status).toBe(403);
  expect(victim.cookie(host, cookie)).toBeUndefined();
  expect(await answer.json()).toMatchObject({ code: "login-refused" });
  for (const query of ["?code=a&state=b", "?error=access_denied", "", "?state=&code=&iss=x"]) {
    expect((await victim.ask(`${origin}/auth/sso/callback${query}`)).status).toBe(403);
  }
  expect((await victim.ask(`${origin}/auth/other`)).status).toBe(404);
});

test("nobody is led out of the server after a login", async () => {
  const { logIn } = await worldOf("reader");
  for (const path of ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nx: y"]) {
    expect((await logIn(new Browser(), path)).headers.get("location")).toBe("/");
  }
});

describe("a page of somebody else's", () => {
  test.each([
    ["by a form", { "sec-fetch-site": "cross-site", "content-type": "application/x-www-form-urlencoded" }],
    ["of the same site", { "sec-fetch-site": "same-site", origin: "http://evil.localhost" }],
    ["without any word of it", { "content-type": "text/plain" }],
    ["of an opaque origin", { origin: "null" }],
    ["of another port", { origin: "http://127.0.0.1:1" }],
    ["with our name as Host", { origin: "http://evil.example", "x-forwarded-host": "evil.example" }],
  ])("has a browser do nothing %s", async (_, headers) => {
    const { browser, logIn, origin, db, queue } = await worldOf("admin");
    await logIn();
    const { id } = await ask(db, { job: "a" });
    for (const path of [`/api/v1/runs/${id}/abort`, "/api/v1/tokens", "/auth/logout"]) {
      const answer = await browser.ask(`${origin}${path}`, { method: "POST", headers, body: "{}" });
      expect([path, answer.status]).toEqual([path, 403]);
      expect(await answer.json()).toMatchObject({ code: "cross-site" });
    }
    const deleted = await browser.ask(`${origin}/api/v1/tokens/${crypto.randomUUID()}`, {
      ...{ method: "DELETE", headers },
    });
    expect(deleted.status).toBe(403);
    expect(await queue.read(id)).toMatchObject({ state: "waiting" });
  });

  test("may not be shown what an answer says, nor show ours in a frame", async () => {
    const { browser, logIn, origin } = await worldOf("admin");
    await logIn();
    const { headers } = await browser.ask(`${origin}/api/v1/me`, {
      headers: { origin: "https://evil.example" },
    });
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(Object.fromEntries(headers)).toMatchObject({
      ...{ "x-frame-options": "DENY", "x-content-type-options": "nosniff", "cache-control": "no-store" },
      "cross-origin-resource-policy": "same-origin",
      "content-security-policy": expect.stringContaining("frame-ancestors 'none'"),
    });
    expect(headers.get("content-security-policy")).not.toContain("unsafe");
  });
});

test("a page of somebody else's has a browser use no route that writes", async () => {
  const { browser, logIn, origin, at } = await worldOf("admin");
  await logIn();
  const { paths } = JSON.parse(await (await at("/api/v1/openapi.json")).text());
  const writing = Object.entries<object>(paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((method) => method !== "get")
      .map((method) => [method.toUpperCase(), path.replace(/\{\w+\}/g, "1")] as const),
  );
  expect(writing.length).toBeGreaterThan(12);
  for (const [method, path] of writing.filter(([, path]) => path.startsWith("/api/"))) {
    const headers = { "sec-fetch-site": "cross-site", "content-type": "application/json" };
    const answer = await browser.ask(`${origin}${path}`, { method, headers, body: "{}" });
    expect([method, path, answer.status, JSON.parse(await answer.text()).code]).toEqual([
      ...[method, path, 403, "cross-site"],
    ]);
  }
});

test("a role that is given or taken counts from the next request on", async () => {
  const { browser, logIn, roles, roleOf, setGroups } = await worldOf("releaser");
  await logIn();
  expect(await roleOf(browser)).toBe("releaser");
  delete roles.releaser;
  expect(await roleOf(browser)).toBeUndefined();
  roles.admin = { groups: ["org"] };
  expect(await roleOf(browser)).toBe("admin");
  // Groups are those of the last login, in whatever browser.
  setGroups(["other"]);
  await logIn(new Browser());
  expect(await roleOf(browser)).toBeUndefined();
});

test("who has no role is known, and may nothing", async () => {
  const { browser, logIn, origin, db } = await worldOf(undefined);
  await logIn();
  const { id } = await ask(db, { job: "a" });
  const me = JSON.parse(await (await browser.ask(`${origin}/api/v1/me`)).text());
  expect(me).toMatchObject({ kind: "person", name: "Ann A.", mayRead: false });
  for (const path of ["/runs", `/runs/${id}`, "/runs/1", "/jobs", "/people", "/audit-log", "/events"]) {
    expect([path, (await browser.ask(`${origin}/api/v1${path}`)).status]).toEqual([path, 403]);
  }
  const headers = { "sec-fetch-site": "same-origin" };
  for (const path of [`/runs/${id}/abort`, "/runs/1/abort", "/jobs/nightly/runs"]) {
    const answer = await browser.ask(`${origin}/api/v1${path}`, { method: "POST", headers });
    expect([path, answer.status === 403 || answer.status === 404]).toEqual([path, true]);
  }
});

test("a login ends once, and its answer is good for nothing afterwards", async () => {
  const { browser, origin, host } = await worldOf("admin");
  const begun = await browser.ask(`${origin}/auth/sso`);
  const kept = browser.cookie(host, "__Host-waybill-login") ?? "";
  const end = await browser.follow(begun.headers.get("location") ?? "", `${origin}/auth/sso/callback`);
  expect((await browser.ask(end)).status).toBe(302);
  const session = browser.cookie(host, cookie);
  expect((await browser.ask(end)).status).toBe(403);
  expect(browser.cookie(host, cookie)).toBe(session);
  const thief = new Browser();
  thief.set(host, "__Host-waybill-login", kept);
  expect((await thief.ask(end)).status).toBe(403);
  expect(thief.cookie(host, cookie)).toBeUndefined();
});

test("an admin ends all sessions of a person, and a person one's own", async () => {
  const { browser, logIn, origin, ask: api, roleOf } = await worldOf("runner");
  await logIn();
  const other = new Browser();
  await logIn(other);
  const { items } = JSON.parse(await (await api("/people", { as: "admin" })).text());
  expect(items).toMatchObject([{ login: "Ann", role: "runner", sessions: 2, groups: ["org"] }]);
  const path = `/people/${items[0].id}/sessions`;
  await api(path, { as: "admin", method: "DELETE" });
  expect([await roleOf(browser), await roleOf(other)]).toEqual([undefined, undefined]);
  await logIn();
  const headers = { "sec-fetch-site": "same-origin" };
  const own = await browser.ask(`${origin}/api/v1${path}`, { method: "DELETE", headers });
  expect(await own.json()).toEqual({ ended: 1 });
  const nobody = await browser.ask(`${origin}/api/v1${path}`, { method: "DELETE", headers });
  expect(nobody.status).toBe(401);
});

test("who was it is told by the address behind the proxies that are believed", async () => {
  const forwarded = { "x-forwarded-for": "1.1.1.1, 198.51.100.7" };
  for (const [proxies, address] of [
    [[], "127.0.0.1"],
    [["127.0.0.0/8"], "198.51.100.7"],
  ] as const) {
    const { ask: api, db } = await worldOf(undefined, { proxies });
    await api("/tokens", {
      ...{ as: "admin", headers: forwarded },
      body: { name: "ci", role: "reader", ownRights: true },
    });
    expect(await listAudit(db, { limit: 1 })).toMatchObject([{ act: "token.issue", from: { address } }]);
  }
});

test("our own pages do what their user may", async () => {
  const { browser, logIn, origin, db } = await worldOf("runner");
  await logIn();
  const abort = async (headers: Record<string, string>) => {
    const { id } = await ask(db, { job: "a", key: crypto.randomUUID() });
    return (await browser.ask(`${origin}/api/v1/runs/${id}/abort`, { method: "POST", headers })).status;
  };
  expect(await abort({ "sec-fetch-site": "same-origin" })).toBe(202);
  expect(await abort({ origin })).toBe(202);
});

test("a request with a token is nobody's page, wherever it says it is from", async () => {
  const { ask: api, db } = await worldOf("runner");
  const { id } = await ask(db, { job: "a" });
  const headers = { "sec-fetch-site": "cross-site", origin: "https://evil.example", cookie: `${cookie}=x` };
  expect((await api(`/runs/${id}/abort`, { as: "runner", method: "POST", headers })).status).toBe(202);
});

test("a person makes tokens of their own, and nobody else's are told of", async () => {
  const { browser, logIn, origin, at, token } = await worldOf("runner");
  await token("admin");
  await logIn();
  const headers = { "sec-fetch-site": "same-origin", "content-type": "application/json" };
  const body = JSON.stringify({ name: "laptop", role: "admin" });
  const made = await browser.ask(`${origin}/api/v1/tokens`, { method: "POST", headers, body });
  expect(made.status).toBe(201);
  const { token: secret } = JSON.parse(await made.text());
  const shown = await at("/api/v1/me", { headers: { authorization: `Bearer ${secret}` } });
  expect(await shown.json()).toMatchObject({ name: "laptop of Ann A.", role: "runner" });
  const { items } = JSON.parse(await (await browser.ask(`${origin}/api/v1/tokens`)).text());
  expect(items).toMatchObject([{ name: "laptop" }]);
  const more = { method: "POST", body, headers: { ...headers, authorization: `Bearer ${secret}` } };
  expect((await at("/api/v1/tokens", more)).status).toBe(403);
});

test("a server that is reached by TLS says so to browsers", async () => {
  const { at } = await worldOf("reader", { tls: true });
  const { headers } = await at("/healthz");
  expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
});

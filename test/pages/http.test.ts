import { expect, test } from "vitest";
import { closedAccess } from "../../src/access/index.ts";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { usePages } from "./page-world.ts";

const world = usePages();

test("the address of a run, which statuses lead to, says how it stands", async () => {
  const { db, queue, at, token, origin } = await world();
  const ended = await ask(db, { job: "promote", key: "a", commit: "c".repeat(40) });
  const details = { summary: "<b>prod</b> has\u202e another digest" };
  const worker = startWorker(db, { queue, carryOut: async () => ({ result: "FAILURE", details }) });
  await untilState(queue, ended.id, "ended");
  await worker.stop();
  const held = await ask(db, { job: "promote", key: "b", held: "release day" });
  const headers = { authorization: `Bearer ${await token("reader")}` };

  const page = await at(`/runs/${ended.id}`, { headers });
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=UTF-8"]);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  const text = await page.text();
  expect(text).toContain("&lt;b&gt;prod&lt;/b&gt; has\\u{202e} another digest");
  expect(text).toContain("c".repeat(40));

  const waits = await (await at(`/runs/${held.id}`, { headers })).text();
  expect(waits).toContain("somebody has to release it: release day");
  expect(waits).toContain(`waybill runs release ${held.id} --server ${origin}`);
  const list = await (await at("/runs", { headers })).text();
  expect(list.indexOf(held.id)).toBeLessThan(list.indexOf(ended.id));
  const json = JSON.parse(await (await at("/runs?state=failure&format=json", { headers })).text());
  expect(json.items).toMatchObject([{ id: ended.id, result: "FAILURE" }]);
});

test("whoever may not read is led to a login that comes back, and learns nothing", async () => {
  const { db, at, origin } = await world();
  const { id } = await ask(db, { job: "secret-job", key: "a" });
  for (const path of [
    "/",
    "/runs",
    `/runs/${id}`,
    `/runs/${id}/log`,
    "/runs/1",
    "/jobs",
    "/badge.svg?jobs=*",
  ]) {
    const page = await at(path);
    expect([page.status, page.headers.get("location")]).toEqual([
      302,
      `/login?return=${encodeURIComponent(path)}`,
    ]);
    expect(await page.text()).not.toContain("secret-job");
  }
  // What a proxy adds is no token of ours, and leads nowhere for ever.
  const proxied = await at("/login", { headers: { authorization: "Basic YTpi" } });
  expect(proxied.status).toBe(401);
  const login = await (await at("/login?return=%2Fruns%2F17")).text();
  expect(login).toContain('action="/login?return=%2Fruns%2F17"');
  const wrong = await at("/login", {
    method: "POST",
    headers: { origin, "content-type": "application/x-www-form-urlencoded" },
    body: "token=waybill_guessed",
  });
  expect([wrong.status, wrong.headers.getSetCookie()]).toEqual([403, []]);
});

test("a login leads to no other server, and a session ends with its token", async () => {
  const { db, at, token, origin } = await world();
  const secret = await token("reader");
  const sent = (more: Record<string, string>, address = "/login?return=%2F%2Fevil.example") =>
    at(address, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", ...more },
      body: new URLSearchParams({ token: secret }),
    });
  expect((await sent({ origin: "https://evil.example" })).status).toBe(403);
  expect((await sent({ origin, "sec-fetch-site": "cross-site" })).status).toBe(403);
  const answer = await sent({ origin });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"]);
  const [cookie = ""] = answer.headers.getSetCookie();
  expect(cookie).toMatch(/^__Host-waybill=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const headers = { cookie: cookie.split(";")[0] ?? "" };
  expect(await (await at("/", { headers })).text()).toContain("a reader");
  await db.query("UPDATE access_token SET revoked_at = now()");
  expect((await at("/", { headers })).headers.get("location")).toBe("/login?return=%2F");
});

test("nobody logs in by a token over plain HTTP from elsewhere", async () => {
  const { at, token } = await world({ publicUrl: () => new URL("http://waybill.example") });
  const answer = await at("/login", {
    method: "POST",
    headers: { origin: "http://waybill.example", "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ token: await token("reader") }),
  });
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
  expect(await answer.text()).toContain("nobody can log in over plain HTTP");
});

test("what is nowhere is told as a page, and what is the API's own stays so", async () => {
  const { at } = await world({ access: { ...closedAccess, anonymousReading: true } });
  const nowhere = await at("/nowhere");
  expect([nowhere.status, nowhere.headers.get("content-type")]).toEqual([404, "text/html; charset=UTF-8"]);
  expect((await at("/runs/1")).status).toBe(404);
  expect((await at("/jobs/no-such-job")).status).toBe(404);
  expect((await at("/healthz")).status).toBe(200);
  expect((await at("/api/v1/nowhere")).headers.get("content-type")).toBe("application/problem+json");
  const asset = /src="(\/assets\/page\.js\?[^"]+)"/.exec(await (await at("/")).text())?.[1] ?? "";
  const script = await at(asset);
  expect(script.headers.get("cache-control")).toContain("immutable");
  expect((await at("/assets/toString")).status).toBe(404);
});

test("a form that is too large or none is as one without fields", async () => {
  const { db, at, token, origin } = await world();
  const { id } = await ask(db, { job: "a" });
  const headers = { authorization: `Bearer ${await token("admin")}`, origin };
  const sent = (body: string, type = "application/x-www-form-urlencoded") =>
    at(`/runs/${id}`, { method: "POST", headers: { ...headers, "content-type": type }, body });
  expect((await sent(`act=abort&csrf=${"x".repeat(20_000)}`)).status).toBe(403);
  expect((await sent("{}", "application/json")).status).toBe(403);
});

test("each table of a page is got as JSON and CSV at the page's own address", async () => {
  const { db, at, token } = await world();
  const { id } = await ask(db, { job: "release", held: "=SUM(1)" });
  const headers = { authorization: `Bearer ${await token("reader")}` };
  const read = async (path: string) => (await at(path, { headers })).text();
  const page = await read("/?a=b");
  expect(page).not.toContain("table=running");
  const other = await ask(db, { job: "nightly" });
  expect(await read("/")).toContain('href="?table=waiting&amp;format=csv"');
  expect(JSON.parse(await read("/?format=json&table=needs")).items).toMatchObject([
    { kind: "worker" },
    { kind: "held", run: id },
  ]);
  expect(JSON.parse(await read("/?format=json&table=waiting")).items).toMatchObject([{ id: other.id }]);
  // Without the name of a table it is the first one of the page.
  expect(JSON.parse(await read("/?format=json")).items).toHaveLength(2);
  expect(await read("/runs?format=csv&state=held")).toContain("'=SUM(1)");
  expect(await read("/jobs?format=csv")).toMatch(/^job,kind,file,line,next,lastRun.id,/);
  expect((await at("/?format=csv&table=nothing", { headers })).status).toBe(404);
  expect((await at("/login?format=csv", { headers })).status).toBe(404);
  expect((await at("/?format=csv")).headers.get("location")).toBe("/login?return=%2F%3Fformat%3Dcsv");
});

test("an address that is no text leads nowhere, and fails at nothing", async () => {
  const { at, token } = await world();
  const headers = { authorization: `Bearer ${await token("reader")}` };
  for (const path of ["/view/gs/bucket/%E0%A4%A", "/view/gs/%E0%A4%A/x", "/runs/%E0%A4%A", "/%"]) {
    expect([path, (await at(path, { headers })).status]).toEqual([path, 404]);
  }
});

test("files of a run that are not what their names say are shown as they are, however deep they go", async () => {
  const { db, queue, runs, at, token } = await world();
  const headers = { authorization: `Bearer ${await token("reader")}` };
  const worker = startWorker(db, { queue });
  const wrong = [[{}], [{ repository: 1, digest: {}, tags: "v1" }], [null], {}, "x"];
  const wrongIds: string[] = [];
  for (const images of wrong) {
    const { id } = await ask(db, { job: "push-snoopdb", key: String(wrongIds.length) });
    const { attempt } = await worker.taken(id);
    const record = await runs.start({ id, attempt, job: "push-snoopdb", type: "postsubmit" });
    await record.write("images.json", JSON.stringify({ images }));
    await record.write("deep.json", `${"[".repeat(3_000)}${"]".repeat(3_000)}`);
    await record.write("wide.json", `${"[".repeat(60)}${"1,".repeat(200_000)}1${"]".repeat(60)}`);
    await record.write("usual.json", '{"a":["]",1]}');
    await record.finish({ result: "SUCCESS" });
    worker.finish(id);
    await untilState(queue, id, "ended");
    wrongIds.push(id);
  }
  for (const id of wrongIds) expect((await at(`/runs/${id}`, { headers })).status).toBe(200);
  const file = async (name: string) => (await at(`/runs/${wrongIds[0]}/files/${name}`, { headers })).text();
  for (const name of ["deep.json", "wide.json"]) expect((await file(name)).length).toBeLessThan(1_000_000);
  expect(await file("usual.json")).toContain("  &quot;a&quot;: [\n    &quot;]&quot;,\n    1\n  ]");
  await worker.stop();
});

import { describe, expect, test } from "vitest";
import { listAudit, verifyAuditLog } from "../../src/access/index.ts";
import { jsonText } from "../../src/database/index.ts";
import { acceptDelivery } from "../../src/deliveries/index.ts";
import { parseJobs } from "../../src/jobs/index.ts";
import { NotificationError } from "../../src/notifications/index.ts";
import { syncRemotes } from "../../src/triggers/index.ts";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { usePglite } from "../support/databases.ts";
import { jobFile, serverMigrations, serverWorld, type WorldOptions } from "./server-world.ts";

const databases = usePglite();
const world = async (options?: WorldOptions) => serverWorld(await databases.open(serverMigrations), options);
const bodyOf = async (answer: Promise<Response>) => {
  const { status, headers } = await answer;
  const body = JSON.parse(await (await answer).text());
  return { status, type: headers.get("content-type"), body };
};

describe("runs", () => {
  test("are listed newest first, by pages and filters, with why they wait", async () => {
    const { db, ask: api } = await world();
    const asked: string[] = [];
    for (const [job, more] of [
      ["a", {}],
      ["b", { kind: "promote", pull: 7 }],
      ["a", { key: "v1", held: "release day" }],
    ] as const) {
      asked.push((await ask(db, { job, ...more })).id);
    }
    const list = async (query: string) => {
      const { status, body } = await bodyOf(api(`/runs?${query}`, { as: "reader" }));
      expect(status).toBe(200);
      return body;
    };
    const all = await list("");
    expect(all.items.map(({ id }: { id: string }) => id)).toEqual([...asked].reverse());
    expect(all.items[0]).toMatchObject({
      ...{ job: "a", state: "held", held: "release day", attempt: 0, priority: 0 },
      waiting: { for: "release", text: "somebody has to release it: release day" },
      causes: [{ by: "hand", text: "asked by a test" }],
      askedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(all.items[1]).toMatchObject({ waiting: { for: "worker", text: "no worker is there" } });
    const first = await list("limit=2");
    expect(first.items).toHaveLength(2);
    const second = await list(`limit=2&after=${first.next}`);
    expect(second.items.map(({ id }: { id: string }) => id)).toEqual(asked.slice(0, 1));
    expect(second.next).toBeUndefined();
    for (const [query, found] of [
      ["job=a", 2],
      ["kind=promote", 1],
      ["pull=7", 1],
      ["state=held", 1],
      ["state=ended", 0],
      ["result=SUCCESS", 0],
      ["job=none", 0],
    ] as const) {
      expect((await list(query)).items).toHaveLength(found);
    }
  });

  test("are carried out, and shown with record, log and artifacts", async () => {
    const { db, queue, runs, ask: api, at } = await world({ access: { anonymousReading: true } });
    const { id } = await ask(db, { job: "a", commit: "c".repeat(40) });
    const worker = startWorker(db, {
      queue,
      carryOut: async (run) => {
        const record = await runs.start({
          ...{ id: run.id, attempt: run.attempt, job: run.job, type: run.type },
          head: { verb: "build", by: "test", subject: "images", options: { push: true } },
        });
        record.log("one\ntwo\n");
        await record.write("plan.json", '{"plan":1}');
        await record.write("deep/index.html", "<script>alert(1)</script>");
        await record.finish({ result: "SUCCESS", revision: run.commit });
        return { result: "SUCCESS", details: { summary: "2 images" } };
      },
    });
    await untilState(queue, id, "ended");
    await worker.stop();
    const { body: run } = await bodyOf(api(`/runs/${id}`));
    expect(run).toMatchObject({
      ...{ result: "SUCCESS", summary: "2 images", revision: "c".repeat(40), attempt: 1 },
      record: { result: "SUCCESS", head: { verb: "build", options: { push: true } } },
      artifacts: expect.arrayContaining(["deep/index.html", "plan.json"]),
    });
    const log = await api(`/runs/${id}/log`);
    expect(log.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await log.text()).toBe("one\ntwo\n");
    const part = async (range: string) => {
      const answer = await api(`/runs/${id}/log`, { headers: { range } });
      return [answer.status, answer.headers.get("content-range"), await answer.text()];
    };
    expect(await part("bytes=4-")).toEqual([206, "bytes 4-7/8", "two\n"]);
    expect(await part("bytes=0-2")).toEqual([206, "bytes 0-2/*", "one"]);
    expect(await part("bytes=8-")).toEqual([416, null, ""]);
    expect(await part("bytes=-3")).toEqual([200, null, "one\ntwo\n"]);
    expect(await (await api(`/runs/${id}/plan`)).json()).toEqual({ plan: 1 });
    const page = await api(`/runs/${id}/artifacts/deep/index.html`);
    expect(await page.text()).toBe("<script>alert(1)</script>");
    expect(Object.fromEntries(page.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename*=UTF-8''index.html",
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
    });
    for (const other of ["log", "plan", "log/events", "artifacts/x"]) {
      expect((await at(`/api/v1/runs/1e3/${other}`)).status).toBe(404);
      expect((await at(`/api/v1/runs/12345/${other}`)).status).toBe(404);
    }
    for (const path of ["none", "..%2f..%2ffinished.json", "../finished.json", "%00"]) {
      const { status } = await at(`/api/v1/runs/${id}/artifacts/${path}`);
      expect([path, status]).toEqual([path, 404]);
    }
  });

  test("are aborted, held, released and repeated by who may, and each act is on the log", async () => {
    const { db, queue, ask: api } = await world();
    const { id } = await ask(db, { job: "a" });
    const act = (path: string, as: "reader" | "runner" | "releaser", body?: unknown) =>
      bodyOf(api(`/runs/${id}/${path}`, { as, method: "POST", body }));
    expect(await act("abort", "reader")).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect(await act("hold", "runner", { why: "freeze" })).toMatchObject({
      ...{ status: 200, body: { state: "held", held: "a runner: freeze" } },
    });
    expect(await act("hold", "runner", {})).toMatchObject({ status: 400, body: { code: "invalid-request" } });
    expect(await act("release", "runner")).toMatchObject({ status: 403 });
    expect(await act("release", "releaser")).toMatchObject({ status: 200, body: { state: "waiting" } });
    expect(await act("release", "releaser")).toMatchObject({ status: 409, body: { code: "not-held" } });
    expect(await act("abort", "runner", { why: "wrong tag" })).toMatchObject({
      status: 202,
      body: { state: "ended", result: "ABORTED", abort: { who: "a runner", why: "wrong tag" } },
    });
    expect(await act("abort", "runner")).toMatchObject({ status: 409, body: { code: "ended" } });
    const again = await act("rerun", "runner");
    expect(again).toMatchObject({ status: 202, body: { outcome: "queued", state: "waiting" } });
    expect(await queue.read(again.body.id)).toMatchObject({
      rerunOf: id,
      causes: [{ by: "hand", who: "a runner" }],
    });
    expect(await listAudit(db, { limit: 10 })).toMatchObject([
      { act: "run.rerun", after: { id: again.body.id } },
      { act: "run.abort", after: { state: "ended", why: "wrong tag" }, who: { name: "a runner" } },
      { act: "run.release", before: { state: "held" }, who: { kind: "machine", name: "a releaser" } },
      { act: "run.hold", subject: `run/${id}`, from: { address: "127.0.0.1", request: expect.any(String) } },
    ]);
    expect(await verifyAuditLog(db)).toMatchObject({ entries: 4, fault: undefined });
  });
});

describe("jobs", () => {
  test("are listed with what is wrong with their files, and shown with their runs", async () => {
    const { db, ask: api } = await world();
    await ask(db, { job: "push-snoopdb" });
    const { body } = await bodyOf(api("/jobs", { as: "reader" }));
    expect(body.items).toMatchObject([
      { job: { name: "nightly" }, next: expect.stringMatching(/T07:00:00/) },
      {
        ...{ kind: "build", file: "jobs/all.yaml", line: 2, job: { name: "push-snoopdb" } },
        lastRun: { job: "push-snoopdb", state: "waiting" },
      },
    ]);
    expect(await bodyOf(api("/job-source", { as: "reader" }))).toMatchObject({
      body: { where: "jobs", jobs: 2, problems: [{ job: "wrong", severity: "error", line: 11 }] },
    });
    const shown = await bodyOf(api("/jobs/push-snoopdb", { as: "reader" }));
    expect(shown.body.runs).toMatchObject([{ job: "push-snoopdb", state: "waiting" }]);
    expect(await bodyOf(api("/jobs/none", { as: "reader" }))).toMatchObject({
      ...{ status: 404, type: "application/problem+json" },
      body: { code: "unknown-job", status: 404, type: "urn:waybill:problem:unknown-job" },
    });
  });

  test("are not taken for absent while nobody knows them", async () => {
    const none = { where: "jobs", commit: undefined, jobs: [], diagnostics: [], problems: [] };
    const { ask: api } = await world({
      parts: {
        jobs: {
          current: () => ({ ...none, trouble: undefined }),
          areKnown: () => false,
          ownersOf: async () => [],
          accept: async () => {},
          readNow: async () => {},
        },
      },
    });
    const answer = await api("/jobs/push-snoopdb/runs", { as: "runner", method: "POST", body: {} });
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(await bodyOf(Promise.resolve(answer))).toMatchObject({
      status: 503,
      body: { code: "jobs-unknown", title: "nobody knows yet which jobs there are" },
    });
  });

  test("are run by hand", async () => {
    const { db, queue, ask: api } = await world();
    const run = (body?: unknown, as: "reader" | "runner" = "runner") =>
      bodyOf(api("/jobs/push-snoopdb/runs", { as, method: "POST", body }));
    expect(await run({}, "reader")).toMatchObject({ status: 403 });
    const { status, body } = await run({ ref: "refs/heads/main" });
    expect(status).toBe(202);
    expect(await queue.read(body.id)).toMatchObject({ job: "push-snoopdb", causes: [{ who: "a runner" }] });
    expect(await run({ ref: "a b" })).toMatchObject({
      status: 400,
      body: { errors: [{ path: "json.ref" }] },
    });
    expect(await run({ ref: "none" })).toMatchObject({ status: 422, body: { code: "unknown-ref" } });
    expect(await listAudit(db, { limit: 5 })).toMatchObject([
      { act: "job.run", subject: "job/push-snoopdb" },
    ]);
  });

  test("are looked at for what would be told of them, by an admin", async () => {
    const preview = { rule: "all", receiver: "ops", to: "webhook at ops.example", body: "{}" };
    const asked: unknown[] = [];
    const { ask: api } = await world({
      parts: {
        previewOf: async ({ name }, telling) => {
          asked.push([name, telling]);
          if (telling === "waiting") throw new NotificationError("no-secret", "there is no secret");
          return [preview];
        },
      },
    });
    const path = "/jobs/nightly/notifications";
    expect((await api(path, { as: "releaser" })).status).toBe(403);
    expect(await bodyOf(api(path, { as: "admin" }))).toMatchObject({ body: { items: [preview] } });
    expect(await bodyOf(api(`${path}?telling=waiting`, { as: "admin" }))).toMatchObject({
      ...{ status: 422, body: { code: "no-secret", title: "there is no secret" } },
    });
    expect((await api(`${path}?telling=all`, { as: "admin" })).status).toBe(400);
    expect(asked).toEqual([
      ["nightly", "failing"],
      ["nightly", "waiting"],
    ]);
  });

  test("of a token for others are left alone", async () => {
    const { at, token } = await world();
    const secret = await token("admin", ["nightly"]);
    const run = (name: string) =>
      at(`/api/v1/jobs/${name}/runs`, {
        ...{ method: "POST", body: '{"ref":"refs/heads/main"}' },
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      });
    expect((await run("push-snoopdb")).status).toBe(403);
    expect((await run("nightly")).status).toBe(202);
  });
});

describe("access", () => {
  test("nobody reads anything without a credential, unless everybody may", async () => {
    const { db, ask: api, at } = await world();
    const { id } = await ask(db, { job: "a" });
    const paths = ["/runs", `/runs/${id}`, `/runs/${id}/log`, `/runs/${id}/plan`, `/runs/${id}/log/events`];
    for (const path of [...paths, "/events", "/jobs", "/jobs/nightly", "/queue", "/audit-log"]) {
      const answer = await api(path);
      expect([path, answer.status, answer.headers.get("www-authenticate")]).toEqual([
        ...[path, 401, 'Bearer realm="waybill"'],
      ]);
    }
    expect(await bodyOf(api("/me"))).toMatchObject({ body: { kind: "anonymous", mayRead: false } });
    const wrong = at("/api/v1/runs", { headers: { authorization: "Bearer waybill_wrong" } });
    expect(await bodyOf(wrong)).toMatchObject({ status: 401, body: { code: "credential-invalid" } });
  });

  test("who shows nothing is not told by acts what there is", async () => {
    const { db, ask: api } = await world();
    const { id } = await ask(db, { job: "a" });
    const acts = ["abort", "hold", "release", "rerun"].flatMap((act) => [
      `/runs/${id}/${act}`,
      `/runs/1/${act}`,
    ]);
    for (const path of [...acts, "/jobs/nightly/runs", "/jobs/none/runs"]) {
      const body =
        path.startsWith("/runs/") && !path.endsWith("rerun") && !path.endsWith("release") ? { why: "x" } : {};
      const { status } = await bodyOf(api(path, { method: "POST", body }));
      expect([path, status]).toEqual([path, 401]);
    }
  });

  test("an admin makes, lists and ends tokens, and a token is shown once", async () => {
    const { db, ask: api, at } = await world();
    const request = { name: "ci", role: "runner", jobs: ["nightly"], days: 7, ownRights: true };
    expect(await bodyOf(api("/tokens", { as: "releaser", body: request }))).toMatchObject({ status: 403 });
    const { status, body } = await bodyOf(api("/tokens", { as: "admin", body: request }));
    expect([status, body.token]).toEqual([201, expect.stringMatching(/^waybill_/)]);
    const listed = await api("/tokens", { as: "admin" });
    const text = await listed.text();
    expect(JSON.parse(text).items).toContainEqual(expect.objectContaining({ id: body.id, name: "ci" }));
    expect(text).not.toContain(body.token);
    expect(JSON.stringify(await listAudit(db, { limit: 10 }))).not.toContain(body.token);
    const me = () => at("/api/v1/me", { headers: { authorization: `Bearer ${body.token}` } });
    expect(await bodyOf(me())).toMatchObject({ body: { name: "ci", role: "runner", jobs: ["nightly"] } });
    expect((await api(`/tokens/${body.id}`, { as: "runner", method: "DELETE" })).status).toBe(403);
    expect((await api(`/tokens/${body.id}`, { as: "admin", method: "DELETE" })).status).toBe(200);
    expect((await me()).status).toBe(401);
    expect((await api(`/tokens/${body.id}`, { as: "admin", method: "DELETE" })).status).toBe(404);
    expect(
      (await bodyOf(api("/tokens", { as: "admin", body: { ...request, ownRights: false } }))).status,
    ).toBe(403);
  });

  test("an admin's token that is limited to jobs does nothing to tokens", async () => {
    const { ask: api, at, token } = await world();
    const { body } = await bodyOf(
      api("/tokens", { as: "admin", body: { name: "ci", role: "reader", ownRights: true } }),
    );
    const headers = { authorization: `Bearer ${await token("admin", ["nightly"])}` };
    expect((await at("/api/v1/tokens", { headers })).status).toBe(403);
    expect((await at(`/api/v1/tokens/${body.id}`, { headers, method: "DELETE" })).status).toBe(403);
    const me = await at("/api/v1/me", { headers: { authorization: `Bearer ${body.token}` } });
    expect(me.status).toBe(200);
  });

  test("the audit log is an admin's", async () => {
    const { ask: api } = await world();
    await api("/tokens", { as: "admin", body: { name: "ci", role: "reader", ownRights: true } });
    expect((await api("/audit-log", { as: "releaser" })).status).toBe(403);
    expect(await bodyOf(api("/audit-log?limit=5", { as: "admin" }))).toMatchObject({
      body: { items: [{ number: 1, act: "token.issue", hash: expect.any(String) }] },
    });
    const { body } = await bodyOf(api("/audit-log/verdict", { as: "admin" }));
    expect(body).toMatchObject({ entries: 1, head: { number: 1 } });
    const noted = `2:${"0".repeat(64)}`;
    expect(await bodyOf(api(`/audit-log/verdict?head=${noted}`, { as: "admin" }))).toMatchObject({
      body: { fault: { kind: "cut off" } },
    });
  });
});

test("repositories that are looked at are listed", async () => {
  const { db, ask: api } = await world();
  const [{ job } = expect.unreachable()] = parseJobs(jobFile, "jobs.yaml").jobs;
  await syncRemotes(db, [job], new Date());
  expect(await bodyOf(api("/remotes", { as: "reader" }))).toMatchObject({
    ...{
      status: 200,
      body: { items: [{ url: "https://github.com/cncf/apisnoop", what: "refs", movedTags: [] }] },
    },
  });
});

test("what came in and went out is listed for an admin, with what became of it", async () => {
  const { db, ask: api } = await world();
  const hint = { repositoryUrls: ["https://github.com/o/r"], refs: [], pull: undefined, comment: undefined };
  const delivery = { source: "forge", sender: "github", event: "push", registry: [], ...hint } as const;
  await acceptDelivery(db, { ...delivery, id: "d1" });
  await db.query(
    `INSERT INTO notification (receiver, telling, cause, jobs, made_at, due_at, state, failure)
     VALUES ('ops', 'failing', 'it is away', $1::jsonb, now(), now(), 'failed', 'ops.example answers with 400')`,
    [jsonText([{ job: "nightly", run: "7", summary: "", since: "", failures: 1 }])],
  );
  for (const path of ["/deliveries", "/notifications"]) {
    expect([path, (await api(path, { as: "releaser" })).status]).toEqual([path, 403]);
  }
  expect(await bodyOf(api("/deliveries", { as: "admin" }))).toMatchObject({
    body: { items: [{ source: "forge", id: "d1", event: "push", outcome: "waiting", arrivals: 1 }] },
  });
  expect(await bodyOf(api("/notifications", { as: "admin" }))).toMatchObject({
    body: {
      items: [
        { receiver: "ops", state: "failed", failure: "ops.example answers with 400", jobs: [{ run: "7" }] },
      ],
    },
  });
  expect((await bodyOf(api("/deliveries?after=1", { as: "admin" }))).body).toEqual({ items: [] });
});

test("the queue is counted", async () => {
  const { db, ask: api } = await world();
  await ask(db, { job: "a" });
  await ask(db, { job: "a", key: "v1", held: "wait" });
  expect(await bodyOf(api("/queue", { as: "reader" }))).toMatchObject({
    body: {
      counts: expect.arrayContaining([
        expect.objectContaining({ job: "a", state: "waiting", runs: 1 }),
        expect.objectContaining({ job: "a", state: "held", runs: 1 }),
      ]),
      workers: [],
    },
  });
});

test("the description is OpenAPI 3.1, has every route, and needs no credential", async () => {
  const { at, origin } = await world();
  const { body } = await bodyOf(at("/api/v1/openapi.json"));
  expect(body).toMatchObject({ openapi: "3.1.0", servers: [{ url: origin }] });
  const runPath = (act: string) => `runs/{id}/${act}`;
  expect(Object.keys(body.paths).sort()).toEqual(
    [
      ...["audit-log", "audit-log/verdict", "backup", "deliveries", "deliveries/{number}/repeat", "events"],
      ...["job-source", "jobs", "jobs/accept", "jobs/{name}", "jobs/{name}/commits/{commit}"],
      ...["jobs/{name}/notifications", "jobs/{name}/runs", "me", "notifications", "people"],
      ...["hosts", "hosts/traffic", "production", "production/drift", "production/history"],
      ...["production/projects/{project}/images", "production/trees"],
      ...["people/{id}/sessions", "queue", "remotes", "remotes/look", "roles", "runs", "runs/{id}"],
      ...["needs", "retries", "runs/count"],
      ...["abort", "events", "artifacts", "artifacts/{path}", "hold", "log", "log/events", "plan"].map(
        runPath,
      ),
      ...["log/lines", "log/matches", "log/outline", "release", "rerun"].map(runPath),
      ...["", "/approval", "/approved", "/count", "/edges", "/rows", "/rows/{row}"].map((more) =>
        runPath(`promotion${more}`),
      ),
      ...["", "/contents", "/events", "/life", "/sizes", "/tags"].map((more) => `images${more}`),
      ...["", "/{id}", "/{id}/findings", "/{id}/lines", "/{id}/{act}"].map((more) => `reviews${more}`),
      ...["search", "tokens", "tokens/exchange", "tokens/{id}", "sessions", "sessions/{id}"],
      ...["server", "destinations", "receivers", "jobs/read"],
      ...["archives", "archives/{archive}/jobs", "archives/{archive}/jobs/{job}/runs"],
      ...["", "/log", "/log/lines", "/log/matches", "/log/outline", "/artifacts/{path}"].map(
        (more) => `archives/{archive}/runs/{job}/{id}${more}`,
      ),
    ]
      .map((path) => `/api/v1/${path}`)
      .concat("/webhooks/{source}")
      .sort(),
  );
});

test("health asks nobody, and readiness asks the database", async () => {
  let why: string | undefined;
  const { db, at, problems } = await world({ parts: { whyUnready: async () => why } });
  expect((await at("/healthz")).status).toBe(200);
  expect((await at("/readyz")).status).toBe(200);
  why = "the disk is full";
  const unready = await at("/readyz");
  expect([unready.status, await unready.text()]).toEqual([503, "the disk is full\n"]);
  why = undefined;
  expect((await at("/readyz")).status).toBe(200);
  await db.close();
  expect((await at("/healthz")).status).toBe(200);
  expect((await at("/readyz")).status).toBe(503);
  expect(problems).toHaveLength(1);
});

test("a database that is gone is a 503, and what fails in the server is told to its log alone", async () => {
  const {
    db,
    ask: api,
    problems,
    at,
  } = await world({
    parts: {
      promotionOf: async () => {
        throw new Error("postgres://user:passw0rd@db/waybill");
      },
    },
  });
  const path = `/jobs/nightly/commits/${"a".repeat(40)}`;
  const answer = await bodyOf(api(path, { as: "reader" }));
  expect(answer).toMatchObject({
    status: 500,
    body: { code: "internal", title: "the server could not do it" },
  });
  expect(JSON.stringify(answer)).not.toContain("passw0rd");
  expect(problems).toHaveLength(1);
  await db.close();
  const gone = at("/api/v1/runs", { headers: { authorization: "Bearer waybill_x" } });
  expect(await bodyOf(gone)).toMatchObject({ status: 503, body: { code: "closed" } });
});

test("what cannot be read is refused, and starts nothing", async () => {
  const { ask: api, at, token, queue, problems } = await world();
  const authorization = `Bearer ${await token("admin")}`;
  const post = (body: string, type: string) =>
    at("/api/v1/jobs/push-snoopdb/runs", {
      ...{ method: "POST", body, headers: { authorization, "content-type": type } },
    });
  for (const [body, type, status, code] of [
    ["{nope", "application/json", 400, "invalid-request"],
    ['{"ref":"v1"}', "application/x-www-form-urlencoded", 415, "not-json"],
    ['{"ref":"v1"}', "text/plain", 415, "not-json"],
    ['{"reff":"v1"}', "application/json", 400, "invalid-request"],
    ['{"ref":"refs/heads/\\u0000"}', "application/json", 400, "invalid-request"],
    ['{"ref":"refs/heads/\\ud800"}', "application/json", 400, "invalid-request"],
    ['{"ref":"refs/heads/\\u001b[1m"}', "application/json", 400, "invalid-request"],
  ] as const) {
    const { status: answered, body: problem } = await bodyOf(post(body, type));
    expect([body, answered, problem.code]).toEqual([body, status, code]);
  }
  expect((await queue.list({ limit: 10 })).runs).toEqual([]);
  for (const query of ["pull=2147483648", "pull=1e400", "after=%00", "repo=%00"]) {
    expect((await api(`/runs?${query}`, { as: "reader" })).status).toBe(400);
  }
  expect(problems).toEqual([]);
});

import { describe, expect, it } from "vitest";
import {
  type AccessSettings,
  appendAudit,
  beginSession,
  issueToken,
  keepPerson,
  type ProviderSettings,
} from "../../src/access/index.ts";
import { type Database, jsonText } from "../../src/database/index.ts";
import { acceptDelivery } from "../../src/deliveries/index.ts";
import type { WorkEvent } from "../../src/events/index.ts";
import type { PullRequest } from "../../src/forge/index.ts";
import { parseJobs, repositoryKey } from "../../src/jobs/index.ts";
import { keepReview, notePulls } from "../../src/reviews/index.ts";
import { syncRemotes } from "../../src/triggers/index.ts";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { aReview } from "../reviews/a-review.ts";
import { describeDatabases } from "../support/databases.ts";
import { servedNothing, serverMigrations, serverWorld } from "./server-world.ts";

const now = new Date("2026-11-29T10:00:00Z");
const commit = "c".repeat(40);
const provider: ProviderSettings = {
  ...{ name: "forge", kind: "openid", issuer: "https://forge.example", clientId: "waybill" },
  clientSecret: { variable: "SECRET" },
};

const jobFile = `jobs:
${["a", "b", "c"]
  .map(
    (letter) => `- name: job-${letter}
  repo: https://github.com/o/${letter}
  on: { branch: ^main$ }
  build: { dir: images, project: k8s-staging-${letter} }
`,
  )
  .join("")}`;

const reviewJob = `- name: review-a
  repo: https://github.com/o/a
  pullRequest: { branch: ^main$ }
  review: { manifests: registry }
`;

/** Something of everything that is listed, so much that each list has three pages. */
async function fill(db: Database): Promise<void> {
  for (const [at, letter] of ["a", "b", "c"].entries()) {
    await ask(db, { job: `job-${letter}`, repo: `https://github.com/o/${letter}`, key: letter });
    await acceptDelivery(db, {
      ...{ source: "forge", id: letter, sender: "github", event: "push", registry: [], refs: [] },
      ...{ repositoryUrls: [`https://github.com/o/${letter}`], pull: undefined, comment: undefined },
    });
    await db.query(
      `INSERT INTO notification (receiver, telling, cause, jobs, made_at, due_at) VALUES ($1, 'failing', '=1+1', $2::jsonb, now(), now())`,
      [letter, jsonText([{ job: `job-${letter}`, run: "7", summary: "", since: "", failures: 1 }])],
    );
    const person = await keepPerson(
      db,
      {
        ...{ provider: "forge", issuer: provider.issuer, subject: letter, login: letter },
        ...{ shown: `Person ${letter}`, groups: ["team"] },
      },
      now,
    );
    await beginSession(db, { person }, new Date());
    const who = { kind: "person", id: person, name: letter } as const;
    await db.transaction((sql) => appendAudit(sql, { act: "test.act", subject: `run/${at}`, who }, now));
    const endsAt = new Date(Date.now() + 3_600_000);
    await issueToken(db, { name: letter, role: "reader", endsAt, madeBy: "a test" }, new Date());
  }
  const { jobs: parsed } = parseJobs(jobFile, "jobs.yaml");
  await syncRemotes(
    db,
    parsed.map(({ job }) => job),
    now,
  );
}

const access: Partial<AccessSettings> = {
  providers: [provider],
  roles: { admin: { groups: ["team"] }, reader: { everyone: true } },
};

/** The lists, and what tells the items of each apart. */
const lists = [
  { path: "/runs", of: "job", order: ["job-c", "job-b", "job-a"] },
  { path: "/runs?order=turn", of: "job", order: ["job-a", "job-b", "job-c"] },
  { path: "/jobs", of: "file", order: ["jobs/all.yaml", "jobs/all.yaml", "jobs/all.yaml"] },
  { path: "/remotes", of: "url", order: ["a", "b", "c"].map((name) => `https://github.com/o/${name}`) },
  { path: "/deliveries", of: "id", order: ["c", "b", "a"] },
  { path: "/notifications", of: "receiver", order: ["c", "b", "a"] },
  { path: "/people", of: "login", order: ["a", "b", "c"] },
  { path: "/audit-log", of: "subject", order: ["run/2", "run/1", "run/0"] },
] as const;

/** What is a number, a time or a place for a schema that does not look closely. */
const crafted = [
  ...["0", "2147483648", "9".repeat(18), "9223372036854775808", "9".repeat(20), "1.1", "x"],
  ...["0000-01-01", "0000-01-01T00:00:00.000Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"],
  ...[
    ["x", "x"],
    ["", ""],
    ["0000-01-01T00:00:00.000Z", "1"],
    ["+275760-01-01T00:00:00.000Z", "1"],
    ["2026-01-01T00:00:00.000Z", "x"],
    ["2026-01-01T00:00:00.000Z", "9".repeat(18)],
    ["2026-01-01T00:00:00.000Z", "9".repeat(20)],
    ["2026", "1"],
    ["9".repeat(20), "x"],
    ["0000-01-01T00:00:00.000Z", 1, "a", "b"],
    ["2026-01-01T00:00:00.000Z", 1, "\u0000", "\u0000"],
    ["2026-01-01T00:00:00.000Z", 1, "\ud800", "b"],
  ].map((values) => Buffer.from(JSON.stringify(values)).toString("base64url")),
];

/** A pull request with a review of it: its id. */
async function judgedPull(db: Database): Promise<string> {
  const url = "https://github.com/o/a";
  const head = { commit, branch: "change", repository: "o/a" };
  const pull = { number: 7, url: `${url}/pull/7`, title: "a change", author: "ann", head } as const;
  const rest = { base: { branch: "main" }, labels: [], draft: false, state: "open", hasConflicts: false };
  await notePulls(db, url, [{ ...pull, ...rest } as unknown as PullRequest], now);
  const judged = { run: "1", job: "job-a", url, number: 7, commit, review: aReview(commit) };
  await keepReview(db, { ...judged, approvals: undefined, at: now });
  const [row] = await db.query<{ readonly id: string }>("SELECT id::text AS id FROM review_pull");
  return String(row?.id);
}

const withQuery = (path: string, query: string) => `${path}${path.includes("?") ? "&" : "?"}${query}`;

describeDatabases((databases) => {
  const world = async () => {
    const db = await databases.open(serverMigrations);
    await fill(db);
    const made = await serverWorld(db, { jobs: jobFile, access });
    const get = async (path: string) => {
      const answer = await made.ask(path, { as: "admin" });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    };
    const page = async (path: string) => {
      const { status, headers, text } = await get(path);
      expect([path, status]).toEqual([path, 200]);
      return { ...JSON.parse(text), link: headers.get("link") };
    };
    return { ...made, get, page };
  };

  describe("lists", () => {
    it("are read by pages, each as all others", async () => {
      const { page } = await world();
      for (const { path, of, order } of lists) {
        const seen: unknown[] = [];
        let after: string | undefined;
        for (let pages = 0; pages < 3; pages += 1) {
          const query = after === undefined ? "limit=1" : `limit=1&after=${encodeURIComponent(after)}`;
          const { items, next, link } = await page(withQuery(path, query));
          expect([path, items.length]).toEqual([path, 1]);
          seen.push(items[0][of]);
          expect([path, link?.includes('rel="next"') ?? false]).toEqual([path, next !== undefined]);
          if (link !== null) {
            const [, url] = /^<\/api\/v1([^>]+)>; rel="next"/.exec(link) ?? [];
            if (url !== undefined) expect((await page(url)).items).toHaveLength(1);
          }
          after = next;
        }
        expect([path, seen, after]).toEqual([path, order, undefined]);
      }
      // Those of the world's own are among them.
      const first = await page("/tokens?limit=2");
      const second = await page(`/tokens?limit=2&after=${first.next}`);
      const names = [...first.items, ...second.items].map(({ name }: { name: string }) => name);
      expect(names.sort()).toEqual(["a", "a admin", "b", "c"]);
    });

    it("go back as they went on, where they have an order of their own", async () => {
      const { page } = await world();
      const first = await page("/runs?limit=1");
      const second = await page(`/runs?limit=1&after=${first.next}`);
      expect(first.previous).toBeUndefined();
      expect(second.link).toContain(`before=${second.previous}>; rel="prev"`);
      const back = await page(`/runs?limit=1&before=${second.previous}`);
      expect([back.items, back.next, back.previous]).toEqual([first.items, first.next, undefined]);
      expect(await page("/runs/count?job=job-a,job-b")).toMatchObject({ runs: 2, isExact: true });
    });

    it("are filtered by the server, which knows each filter or refuses it", async () => {
      const { page, get } = await world();
      for (const [path, found] of [
        ["/runs?search=job%20b", 1],
        ["/runs?type=postsubmit&machine=box", 0],
        ["/runs?author=ann", 0],
        ["/runs?job=job-a,job-c", 2],
        ["/runs?job=*-b", 1],
        ["/runs?repo=*/o/a,*/o/b&order=oldest", 2],
        ["/runs?status=waiting,FAILURE", 3],
        ["/runs?state=held,running", 0],
        ["/runs?since=2026-01-01&until=2100-01-01T00:00:00%2B02:00", 3],
        ["/runs?until=2020-01-01", 0],
        ["/jobs?search=JOB-B", 1],
        ["/jobs?kind=promote", 0],
        ["/jobs?repo=https://github.com/o/a", 1],
        ["/remotes?state=unread", 0],
        ["/remotes?url=https://github.com/o/a", 1],
        ["/deliveries?repo=https://github.com/o/b&event=push&source=forge&outcome=waiting", 1],
        ["/deliveries?event=ping", 0],
        ["/notifications?receiver=a", 1],
        ["/notifications?job=job-b&telling=failing&state=waiting", 1],
        ["/notifications?state=sent", 0],
        ["/people?search=PERSON%20B", 1],
        ["/audit-log?act=test.act", 3],
        ["/audit-log?subject=run/1", 1],
        ["/audit-log?who=nobody", 0],
        ["/tokens?person=nobody", 0],
      ] as const) {
        expect([path, (await page(path)).items.length]).toEqual([path, found]);
      }
      for (const { path } of [...lists, { path: "/tokens" }, { path: "/roles" }]) {
        for (const query of ["stat=ended", "limit=0", "limit=501", "format=xml"]) {
          const asked = withQuery(path, query);
          expect([asked, (await get(asked)).status]).toEqual([asked, 400]);
        }
      }
      for (const path of [
        "/runs?search=%00",
        "/people?after=xx",
        "/tokens?after=WyJhIiwiYiJd",
        "/runs?since=x",
        "/runs?state=waiting,ende",
        "/runs?job=,",
        "/runs/count?limit=1",
      ]) {
        expect([path, (await get(path)).status]).toEqual([path, 400]);
      }
      expect(JSON.parse((await get("/runs?stat=ended")).text)).toMatchObject({
        ...{ code: "invalid-request", errors: [{ message: expect.stringContaining("stat") }] },
      });
    });

    it("do not fail by what was never a place of theirs, or by what no database has", async () => {
      const { db, ask: api, problems } = await world();
      const [run, pull] = [await ask(db, { job: "job-a", key: "crafted" }), await judgedPull(db)];
      const document = JSON.parse(await (await api("/openapi.json", { as: "admin" })).text());
      const places = ["after", "before", "since", "until"];
      const asked = Object.entries<{
        get?: { parameters?: { name: string; in: string; required?: true }[] };
      }>(document.paths).flatMap(([template, { get }]) => {
        const query = (get?.parameters ?? []).filter((one) => one.in === "query");
        const demanded = query
          .filter(({ required }) => required === true)
          .map(({ name }) => `${name}=${name === "image" ? "r.example/a/app" : "job"}`);
        const path = template
          .replace("/api/v1", "")
          .replace("/runs/{id}", `/runs/${run.id}`)
          .replace("/reviews/{id}", `/reviews/${pull}`)
          .replace(/\{\w+\}/g, "1");
        return query
          .filter(({ name }) => places.includes(name))
          .map(({ name }) => ({ path: withQuery(path, demanded.join("&")), name }));
      });
      expect(asked.length).toBeGreaterThan(30);
      const failed: unknown[] = [];
      for (const { path, name } of asked) {
        for (const value of crafted) {
          const { status } = await api(withQuery(path, `${name}=${encodeURIComponent(value)}`), {
            as: "admin",
          });
          if (status >= 500) failed.push([path, name, value]);
        }
      }
      expect(failed).toEqual([]);
      expect(problems).toEqual([]);
    });

    it("are CSV for those who ask for it, and hold no formula", async () => {
      const { ask: api } = await world();
      const csv = async (path: string, accept?: string) => {
        const headers = accept === undefined ? {} : { accept };
        const answer = await api(path, { as: "admin", headers });
        return { type: answer.headers.get("content-type"), lines: (await answer.text()).split("\r\n") };
      };
      const { type, lines } = await csv("/notifications?format=csv&limit=1");
      expect(type).toBe("text/csv; charset=utf-8; header=present");
      expect(lines[0]).toBe("number,id,receiver,telling,cause,jobs,state,attempts,failure,at,dueAt");
      expect(lines[1]).toMatch(
        /^\d+,[\w-]{36},c,failing,'=1\+1,"\[\{""job"":""job-c"",""run"":""7""\}\]",waiting,0,,2/,
      );
      expect(lines).toHaveLength(3);
      const [head, first] = (await csv("/runs", "text/csv")).lines;
      expect(head?.split(",")).toEqual(
        expect.arrayContaining(["id", "waiting.for", "waiting.text", "abort.who"]),
      );
      expect(first).toContain("no worker is there");
      for (const accept of ["application/json, text/csv", "*/*"]) {
        expect((await csv("/runs", accept)).type).toContain("application/json");
      }
      for (const { path } of [...lists, { path: "/tokens" }, { path: "/roles" }]) {
        const { lines: all } = await csv(withQuery(path, "format=csv"));
        expect([path, all.length]).toEqual([path, path === "/tokens" ? 6 : path === "/roles" ? 6 : 5]);
      }
    });
  });

  it("reviews by what they wait for are looked through some at a time, ended ones not at all", async () => {
    const db = await databases.open(serverMigrations);
    await db.query(
      `INSERT INTO review_pull (repository, number, url, page, title, author, head, base, labels, draft, held_since, seen_at, changed_at)
       SELECT $1, number, 'https://github.com/o/a', 'https://github.com/o/a/pull/' || number, 'a change', 'ann',
         repeat('c', 40), 'main', CASE WHEN number = 2500 THEN '["do-not-merge/hold"]' ELSE '[]' END::jsonb, false,
         CASE WHEN number = 2500 THEN now() END, now() + number * interval '1 second', now()
       FROM generate_series(1, 2500) AS number`,
      [repositoryKey("https://github.com/o/a")],
    );
    const { ask: api } = await serverWorld(db, { jobs: `${jobFile}${reviewJob}` });
    const page = async (query: string) =>
      JSON.parse(await (await api(`/reviews?${query}`, { as: "reader" })).text());
    const first = await page("waits=hold");
    expect([first.items, typeof first.next]).toEqual([[], "string"]);
    const second = await page(`waits=hold&after=${first.next}`);
    expect([second.items.map(({ number }: { number: number }) => number), second.next]).toEqual([
      [2500],
      undefined,
    ]);
    await db.query("UPDATE review_pull SET state = 'closed', ended_at = seen_at");
    for (const waits of ["hold", "nothing"]) {
      expect(await page(`state=ended&waits=${waits}`)).toEqual({ items: [] });
    }
    expect((await page("state=ended&limit=1")).items).toHaveLength(1);
  });

  it("what needs a person is one list, the worst first", async () => {
    const db = await databases.open(serverMigrations);
    const host = { isConfigured: false, limits: {}, quotas: [], requests: 1, throttled: 0, pausedSeconds: 0 };
    const at = now.toISOString();
    const destinations = async () => [
      { ...host, host: "gcr.io", status: 401, refused: { status: 401, at } },
      { ...host, host: "quay.io", status: 200, refused: { status: 403, at } },
    ];
    const parts = {
      whyUnready: async () => "the disk is nearly full",
      state: { ...servedNothing, destinations },
    };
    const { ask: api, queue } = await serverWorld(db, { jobs: jobFile, parts });
    const worker = startWorker(db, { queue });
    for (const key of ["1", "2"]) {
      const { id } = await ask(db, { job: "job-a", key });
      await worker.taken(id);
      worker.finish(id, { result: "FAILURE", details: { summary: "prod has another digest" } });
      await untilState(queue, id, "ended");
    }
    const { id: failed } = await ask(db, { job: "job-b", key: "1" });
    await worker.taken(failed);
    await worker.stop();
    const { id: held } = await ask(db, { job: "job-c", held: "release day" });
    await db.query(
      `INSERT INTO promotion_retry (job, key, state, failures, since, due_at, run_id, summary, crashed)
       VALUES ('job-b', 'x', 'over', 9, now(), NULL, 7, 'quota', false), ('job-c', 'y', 'due', 2, now(), now(), 8, 'away', false)`,
    );
    const items = async (path: string) => JSON.parse(await (await api(path, { as: "reader" })).text()).items;
    const needs = await items("/needs");
    expect(needs.map(({ kind, subject, run }: Record<string, unknown>) => [kind, subject, run])).toEqual([
      ["server", "this server", undefined],
      ["worker", "workers", undefined],
      ["held", "job-c", held],
      ["credential", "gcr.io", undefined],
      ["given-up", "job-b", "7"],
      ["failing", "job-a", expect.any(String)],
    ]);
    expect(needs.at(-1).text).toBe("2 failures in a row: prod has another digest");
    expect(await items("/retries")).toMatchObject([
      { job: "job-c", failures: 2, dueAt: expect.any(String), summary: "away" },
      { job: "job-b", failures: 9, summary: "quota" },
    ]);
    expect((await api("/needs")).status).toBe(401);
  });

  it("what happened in a run is listed while it goes on, and once it is over", async () => {
    const db = await databases.open(serverMigrations);
    const { ask: api, queue, runs } = await serverWorld(db, { jobs: jobFile });
    const { id } = await ask(db, { job: "job-a" });
    const get = async (path: string) => JSON.parse(await (await api(path, { as: "reader" })).text());
    const page = (query = "") => get(`/runs/${id}/events${query}`);
    expect(await page()).toEqual({ items: [] });
    const worker = startWorker(db, { queue });
    const { attempt } = await worker.taken(id);
    const record = await runs.start({ id, attempt, job: "job-a", type: "postsubmit" });
    for (const step of [0, 1]) {
      record.append({ type: "build-step-started", step } as WorkEvent);
      record.append({ type: "build-step-ended", step } as WorkEvent);
    }
    const all = await page();
    expect(all.items).toMatchObject([
      { number: 1, type: "build-step-started", event: { step: 0 } },
      { number: 2, type: "build-step-ended" },
      ...[{ number: 3 }, { number: 4 }],
    ]);
    const first = await page("?limit=1&type=build-step-ended");
    expect(first).toMatchObject({ items: [{ number: 2 }], next: expect.any(String) });
    const second = await page(`?after=${first.next}&type=build-step-ended`);
    expect([second.items.map(({ number }: { number: number }) => number), second.next]).toEqual([
      [4],
      undefined,
    ]);
    // Whatever it is called, what is in between is read once more by nobody.
    const [, at] = /^[0-9]+\.([0-9]+)$/.exec(first.next) ?? [];
    expect(Number(at)).toBeGreaterThan(200);
    expect((await page(`?after=9.999999999`)).items).toEqual([]);
    await record.finish({ result: "SUCCESS" });
    worker.finish(id);
    await untilState(queue, id, "ended");
    expect(await page()).toEqual(all);
    expect((await get(`/runs/${id}`)).attempts).toMatchObject([{ attempt: 1, ending: "SUCCESS" }]);
    await worker.stop();
  });

  it("of very many events of a run some are looked through at a time", async () => {
    const db = await databases.open(serverMigrations);
    const { ask: api, queue, runs } = await serverWorld(db, { jobs: jobFile });
    const { id } = await ask(db, { job: "job-a" });
    const worker = startWorker(db, { queue });
    const { attempt } = await worker.taken(id);
    const record = await runs.start({ id, attempt, job: "job-a", type: "postsubmit" });
    const many = 12;
    for (let step = 0; step < many; step += 1) {
      record.append({ type: "build-step-started", step, id: "x".repeat(500_000) } as unknown as WorkEvent);
    }
    record.append({ type: "build-step-ended", step: many } as WorkEvent);
    const page = async (query: string) =>
      JSON.parse(
        await (await api(`/runs/${id}/events?type=build-step-ended${query}`, { as: "reader" })).text(),
      );
    const first = await page("");
    expect([first.items, typeof first.next]).toEqual([[], "string"]);
    expect(await page(`&after=${first.next}`)).toMatchObject({ items: [{ number: many + 1 }] });
    await record.finish({ result: "SUCCESS" });
    worker.finish(id);
    await untilState(queue, id, "ended");
    expect(await page(`&after=${first.next}`)).toMatchObject({ items: [{ number: many + 1 }] });
    await worker.stop();
  });

  describe("what lists lead to", () => {
    it("is who may do what, and the end of somebody's sessions", async () => {
      const { page, ask: api, db } = await world();
      const { items: people } = await page("/people");
      expect(people[0]).toMatchObject({
        login: "a",
        name: "Person a",
        role: "admin",
        sessions: 1,
        tokens: 0,
      });
      expect((await page("/roles")).items).toMatchObject([
        { role: "reader", everyone: true, users: [], groups: [] },
        ...[{ role: "runner" }, { role: "releaser" }],
        { role: "admin", everyone: false, groups: ["team"] },
      ]);
      for (const path of ["/people", "/roles"])
        expect((await api(path, { as: "releaser" })).status).toBe(403);
      const path = `/people/${people[0].id}/sessions`;
      expect((await api(path, { as: "releaser", method: "DELETE" })).status).toBe(403);
      const ended = await api(path, { as: "admin", method: "DELETE" });
      expect([ended.status, await ended.json()]).toEqual([200, { ended: 1 }]);
      const rows = await db.query("SELECT person_id FROM access_session WHERE person_id = $1", [
        people[0].id,
      ]);
      expect(rows).toEqual([]);
      expect((await page("/audit-log?act=session.end-all")).items).toHaveLength(1);
    });

    it("is a look at a repository, and once more at what a delivery was about", async () => {
      const { page, ask: api, db } = await world();
      const look = (url: string, as: "reader" | "runner") =>
        api("/remotes/look", { as, method: "POST", body: { url } });
      expect((await look("https://github.com/o/a", "reader")).status).toBe(403);
      expect((await look("https://github.com/o/none", "runner")).status).toBe(404);
      expect((await look("https://github.com/o/a", "runner")).status).toBe(202);
      expect((await page("/remotes?url=https://github.com/o/a")).items).toMatchObject([
        { toldAt: expect.any(String) },
      ]);
      await db.query("UPDATE delivery SET outcome = 'failed', attempts = 6, failure = 'away'");
      const { items } = await page("/deliveries?limit=1");
      expect(items).toMatchObject([{ outcome: "failed", failure: "away" }]);
      const repeat = (number: string, as: "runner" | "admin") =>
        api(`/deliveries/${number}/repeat`, { as, method: "POST" });
      expect((await repeat(items[0].number, "runner")).status).toBe(403);
      expect((await repeat("999", "admin")).status).toBe(404);
      expect((await repeat(items[0].number, "admin")).status).toBe(202);
      expect((await page("/deliveries?outcome=waiting")).items).toMatchObject([{ id: "c", attempts: 0 }]);
      expect((await page("/audit-log?limit=2")).items).toMatchObject([
        { act: "delivery.repeat" },
        { act: "remote.look", subject: "remote/https://github.com/o/a" },
      ]);
    });

    it("is the runs themselves: shown, held, released, aborted and repeated", async () => {
      const { db, ask: api, queue } = await world();
      const { id } = await ask(db, { job: "job-a", key: "x", commit });
      const act = async (path: string, as: "runner" | "releaser", body?: unknown) => {
        const answer = await api(`/runs/${id}/${path}`, { as, method: "POST", body });
        return [answer.status, JSON.parse(await answer.text()).state];
      };
      expect(await act("hold", "runner", { why: "freeze" })).toEqual([200, "held"]);
      expect((await act("release", "runner"))[0]).toBe(403);
      expect(await act("release", "releaser")).toEqual([200, "waiting"]);
      expect(await act("abort", "runner")).toEqual([202, "ended"]);
      expect(await act("rerun", "runner")).toEqual([202, "waiting"]);
      const shown = await (await api(`/runs/${id}`, { as: "reader" })).json();
      expect(shown).toMatchObject({ state: "ended", result: "ABORTED", commit, artifacts: [] });
      expect(await (await api(`/runs/${id}/artifacts`, { as: "reader" })).json()).toEqual({ items: [] });
      expect((await queue.list({ job: "job-a", limit: 9 })).runs.map(({ rerunOf }) => rerunOf)).toContain(id);
    });
  });
});

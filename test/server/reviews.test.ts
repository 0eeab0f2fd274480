import { describe, expect, it } from "vitest";
import { listAudit, verifyAuditLog } from "../../src/access/index.ts";
import { aFinding, aLine, aReview, edgesOf } from "../reviews/a-review.ts";
import { path, reviewForge } from "../reviews/review-world.ts";
import { usePglite } from "../support/databases.ts";
import { serverMigrations, serverWorld } from "./server-world.ts";

/** A list, or something else that has no items. */
interface Answer {
  readonly items: readonly { readonly id: string }[];
  readonly next?: string;
}

const uncovered = { standing: [], void: [], uncovered: ["registry/images/app/images.yaml"] };

describe.each(["github", "gitlab", "gitea"] as const)("reviews of pull requests of %s", (kind) => {
  const databases = usePglite();
  const begin = async () => {
    const db = await databases.open(serverMigrations);
    const place = await reviewForge(kind);
    const server = await serverWorld(db, place.optionsFor(db));
    const json = async (path: string): Promise<Answer> =>
      (await (await server.ask(path, { as: "reader" })).json()) as Answer;
    /** What somebody's browser sends from a page of ours. */
    const act = async (
      login: string,
      id: string,
      act: string,
      body: object = {},
      headers: Record<string, string> = {},
    ) =>
      server.at(`/api/v1/reviews/${id}/${act}`, {
        method: "POST",
        headers: {
          ...{
            cookie: `__Host-waybill=${await place.session(db, login)}`,
            "content-type": "application/json",
          },
          ...{ origin: server.origin, "sec-fetch-site": "same-origin", ...headers },
        },
        body: JSON.stringify(body),
      });
    const see = async (login: string, id: string) => {
      const cookie = `__Host-waybill=${await place.session(db, login)}`;
      return (await (await server.at(`/api/v1/reviews/${id}`, { headers: { cookie } })).json()) as {
        readonly you: { readonly acts: readonly { readonly act: string; readonly may: boolean }[] };
      };
    };
    const mayOf = async (login: string, id: string) =>
      (await see(login, id)).you.acts.filter(({ may }) => may).map(({ act }) => act);
    /** The id of the pull request that has waited for the longest. */
    const first = async () => String((await json("/reviews")).items[0]?.id);
    return { db, place, server, json, act, first, mayOf };
  };

  it("lists what waits for whom, and shows what was found", async () => {
    const { db, place, server, json, first: oldest } = await begin();
    const number = await place.propose(db, "Promote =HYPERLINK(1) <script>");
    const second = await place.propose(db, "another");
    const found = { lines: [aLine("v1"), aLine("v2")], findings: [aFinding("v1")] };
    await place.judge(db, number, (commit) => aReview(commit, found), { approvals: uncovered });
    const list = await json("/reviews");
    expect(list.items).toMatchObject([
      {
        ...{ number, title: "Promote =HYPERLINK(1) <script>", author: "ann", state: "open" },
        review: { verdict: "fails", isCurrent: true, added: 4, fails: 1 },
        waitsFor: ["findings", "approval"],
      },
      { number: second, waitsFor: ["review"] },
    ]);
    expect((await json("/reviews?waits=approval")).items).toHaveLength(1);
    expect((await json("/reviews?waits=nothing")).items).toEqual([]);
    expect((await json(`/reviews?pull=${second}&repo=${encodeURIComponent(place.url)}`)).items).toHaveLength(
      1,
    );
    expect((await json("/reviews?repo=https://github.com/o/other")).items).toEqual([]);
    const first = await json("/reviews?limit=1");
    expect((await json(`/reviews?limit=1&after=${first.next}`)).items).toMatchObject([{ number: second }]);
    const csv = await (await server.ask("/reviews?format=csv", { as: "reader" })).text();
    expect(csv).toContain("waitsFor");
    const id = await oldest();
    expect(await json(`/reviews/${id}`)).toMatchObject({
      reviews: [
        {
          ...{ edgesHash: edgesOf("e"), causes: [{ code: "lost", count: 1 }], lines: 2 },
          approvals: { uncovered: ["registry/images/app/images.yaml"] },
        },
      ],
      you: { whyNot: "it is done by people who have logged in themselves, not with a token" },
    });
    expect((await json(`/reviews/${id}/lines?kind=added&limit=1`)).items).toMatchObject([{ tag: "v1" }]);
    expect((await json(`/reviews/${id}/findings?severity=fails`)).items).toMatchObject([{ code: "lost" }]);
    expect((await server.ask("/reviews/999999", { as: "reader" })).status).toBe(404);
    expect((await server.ask("/reviews")).status).toBe(401);
  });

  it("those may act who could by a comment, and nobody else", async () => {
    const { db, place, json, act, first, mayOf, server } = await begin();
    const number = await place.propose(db, "a change");
    await place.judge(db, number, aReview, { approvals: uncovered });
    const id = await first();
    expect(await mayOf("pam", id)).toEqual(["approve", "hold", "test"]);
    expect(await mayOf("ann", id)).toEqual(["hold", "test"]);
    expect(await mayOf("eve", id)).toEqual([]);
    const edges = [edgesOf("e")];
    for (const login of ["ann", "rob", "eve"]) {
      const answer = await act(login, id, "approve", { edges });
      expect(answer.status, login).toBe(403);
      expect(await answer.json()).toMatchObject({ detail: expect.stringContaining("in a comment") });
    }
    for (const role of ["admin", "releaser"] as const) {
      expect((await server.ask(`/reviews/${id}/approve`, { as: role, body: { edges } })).status).toBe(403);
    }
    expect((await server.at(`/api/v1/reviews/${id}/approve`, { method: "POST" })).status).toBe(401);
    // A page of somebody else's has the browser of pam send it.
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    expect((await act("pam", id, "approve", { edges }, foreign)).status).toBe(403);
    expect((await act("pam", id, "merge", { edges })).status).toBe(400);
    expect(place.forge.pullRequest(path, number).comments).toEqual([]);
    expect(await listAudit(db, { limit: 9 })).toEqual([]);

    const done = await act("pam", id, "approve", { edges });
    expect(done.status).toBe(200);
    expect(await done.json()).toMatchObject({ outcome: "done", line: "/approve" });
    expect(await mayOf("pam", id)).toEqual(["cancel-approval", "hold", "test"]);
    expect(await json(`/reviews/${id}`)).toMatchObject({
      words: [{ user: "pam", isCurrent: true }],
      commands: [{ who: "pam", line: "/approve", onPage: true }],
      runs: [{ job: "pull-review" }],
    });
    expect(await listAudit(db, { limit: 9 })).toMatchObject([
      {
        act: "pull.approve",
        who: { kind: "person", name: "pam" },
        after: { login: "pam", edges: edgesOf("e") },
      },
    ]);
    expect((await verifyAuditLog(db)).fault).toBeUndefined();
  });

  it("what the page did not show is not approved", async () => {
    const { db, place, act, first } = await begin();
    const number = await place.propose(db, "a change");
    await place.judge(db, number, aReview);
    const id = await first();
    await place.judge(db, number, (commit) =>
      aReview(commit, { edges: "f", lines: [aLine("v1"), aLine("v9")] }),
    );
    const answer = await act("pam", id, "approve", { edges: [edgesOf("e")] });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      code: "outdated",
      detail: expect.stringContaining("hello:v9"),
    });
    expect((await act("pam", id, "approve")).status).toBe(409);
    expect((await act("pam", id, "approve", { edges: ["x"] })).status).toBe(400);
    expect(await listAudit(db, { limit: 9 })).toEqual([]);
  });

  it("it is held with a reason, and let go", async () => {
    const { db, place, json, act, first, mayOf } = await begin();
    await place.propose(db, "a change");
    const id = await first();
    expect((await act("ann", id, "hold", { why: "until Monday" })).status).toBe(200);
    expect(await json(`/reviews/${id}`)).toMatchObject({
      hold: { who: "ann", why: "until Monday" },
      waitsFor: ["review", "hold"],
    });
    expect(await mayOf("ann", id)).toEqual(["lift-hold", "test"]);
    expect((await act("ann", id, "hold", { why: "cancel" })).status).toBe(403);
    expect((await act("ann", id, "lift-hold")).status).toBe(200);
    expect((await json("/reviews?waits=hold")).items).toEqual([]);
    expect((await act("ann", id, "hold", { why: "two\nlines" })).status).toBe(400);
  });

  it("those who listen are told which pull request has changed", async () => {
    const { db, place, server, first } = await begin();
    const number = await place.propose(db, "a change");
    const id = await first();
    const answer = await server.ask("/events", { as: "reader" });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (words: string): Promise<void> => {
      while (!text.includes(words)) text += (await reader?.read())?.value ?? "";
    };
    await until("event: reset");
    await place.judge(db, number, aReview);
    await until(`event: review\ndata: {"id":"${id}"}`);
    await reader?.cancel();
  });
});

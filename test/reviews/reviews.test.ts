import { describe, expect, it } from "vitest";
import { chatopsMigrations } from "../../src/chatops/index.ts";
import type { PullRequest } from "../../src/forge/index.ts";
import { queueMigrations } from "../../src/queue/index.ts";
import {
  causesOf,
  differenceBetween,
  findingsOf,
  forgetReviews,
  holdIn,
  type KeptPull,
  keepReview,
  linesOf,
  listPulls,
  newestReviews,
  notePullEnded,
  notePulls,
  notePullTaken,
  type PullFacts,
  readPull,
  reviewsMigrations,
  waitsOf,
} from "../../src/reviews/index.ts";
import { describeDatabases } from "../support/databases.ts";
import { aFinding, aLine, aReview, edgesOf } from "./a-review.ts";

const url = "https://github.com/Org/images.git";
const repository = "https://github.com/org/images";
const now = new Date("2026-11-30T10:00:00Z");
const later = new Date("2026-11-30T11:00:00Z");

function aPull(number: number, more: Partial<PullRequest> = {}): PullRequest {
  return {
    ...{ number, url: `https://github.com/org/images/pull/${number}`, title: `change ${number}`, body: "" },
    ...{ state: "open", draft: false, author: "ann", labels: [] },
    head: { repository: "org/images", branch: "change", commit: "a".repeat(40) },
    ...{ base: { branch: "main" }, updatedAt: "2026-11-30T10:00:00Z" },
    ...more,
  };
}

describeDatabases((databases) => {
  const open = () => databases.open([...queueMigrations, ...chatopsMigrations, ...reviewsMigrations]);
  const all = { state: "open", repositories: [repository], limit: 100 } as const;
  const judged = (run: string, edges: string, more: Parameters<typeof aReview>[1] = {}) => ({
    ...{ run, job: "review", url, number: 1, commit: "a".repeat(40), approvals: undefined },
    ...{
      review: aReview("a".repeat(40), { edges, ...more }),
      at: new Date(now.getTime() + Number(run) * 1000),
    },
  });

  it("a pull request is as it was last seen, and stays for a while when it is merged", async () => {
    const db = await open();
    const other = aPull(2, { head: { repository: "", branch: "x", commit: "" } });
    await notePulls(db, url, [aPull(1), other], now);
    await notePullTaken(db, url, 1, { jobs: ["review"], trusted: true });
    const [first, ...others] = await listPulls(db, all);
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      repository,
      url,
      number: 1,
      seenAt: now,
      changedAt: now,
      jobs: ["review"],
    });
    // What is as it was is not said to have changed.
    await notePulls(db, url, [aPull(1)], later);
    expect(await listPulls(db, all)).toEqual([first]);
    // Of a new commit nobody knows yet what it concerns.
    const pushed = aPull(1, { head: { repository: "", branch: "x", commit: "c".repeat(40) }, draft: true });
    await notePulls(db, url, [pushed], later);
    expect(await readPull(db, first?.id ?? "")).toMatchObject({
      ...{ head: "c".repeat(40), jobs: undefined, heldSince: later, seenAt: now, changedAt: later },
    });
    await notePullEnded(db, url, 1, { state: "merged", mergeCommit: "d".repeat(40) }, later);
    expect(await listPulls(db, all)).toEqual([]);
    const ended = { ...all, state: "ended" } as const;
    expect(await listPulls(db, ended)).toMatchObject([{ state: "merged", endedAt: later }]);
    await keepReview(db, judged("1", "e"));
    await forgetReviews(db, later);
    expect(await listPulls(db, ended)).toHaveLength(1);
    await forgetReviews(db, new Date(later.getTime() + 1));
    expect(await listPulls(db, ended)).toEqual([]);
    expect(await linesOf(db, "1", { limit: 9 })).toEqual([]);
  });

  it("an attempt that has lost its run replaces nothing of what a later one has kept", async () => {
    const db = await open();
    await keepReview(db, judged("1", "e", { lines: [aLine("v1"), aLine("v2")] }));
    const lost = new Error("another worker has it");
    const fence = async () => {
      throw lost;
    };
    await expect(keepReview(db, judged("1", "f"), fence)).rejects.toBe(lost);
    expect(await linesOf(db, "1", { limit: 9 })).toHaveLength(2);
  });

  it("what concerns no job is not listed, and lists go on where they ended", async () => {
    const db = await open();
    await notePulls(
      db,
      url,
      [1, 2, 3, 4].map((number) => aPull(number, { title: `Change <b>${number}` })),
      now,
    );
    await notePullTaken(db, url, 2, { jobs: [], trusted: true });
    const [one, two] = await listPulls(db, { ...all, limit: 2 });
    expect([one?.number, two?.number]).toEqual([1, 3]);
    const after = [two?.seenAt ?? now, two?.id ?? ""] as const;
    expect((await listPulls(db, { ...all, after })).map(({ number }) => number)).toEqual([4]);
    expect(await listPulls(db, { ...all, repositories: [] })).toEqual([]);
    expect(await listPulls(db, { ...all, search: "<B>4" })).toHaveLength(1);
    expect(await listPulls(db, { ...all, author: "ANN", number: 3 })).toHaveLength(1);
  });

  it("what a review lists is read by pages, and the last reviews of a job are kept", async () => {
    const db = await open();
    await notePulls(db, url, [aPull(1)], now);
    const lines = [aLine("v1"), aLine("v2", { kind: "removed" }), aLine("v3")];
    const findings = [
      ...["a", "b", "c", "d", "e", "f"].map((tag) => aFinding(tag)),
      aFinding("x", { code: "conflict", hint: "give it another tag" }),
    ];
    for (let run = 1; run <= 12; run += 1) await keepReview(db, judged(String(run), "e"));
    await keepReview(db, judged("20", "f", { lines, findings }));
    await keepReview(db, judged("20", "f", { lines, findings }));
    expect(await linesOf(db, "1", { limit: 9 })).toEqual([]);
    expect(await linesOf(db, "12", { limit: 9 })).toHaveLength(1);
    const [first] = await linesOf(db, "20", { limit: 1 });
    expect(first).toMatchObject({
      ...{ number: 1, project: "app", kind: "added", image: "hello", tag: "v1", line: 3 },
      destinations: ["registry.example/eu", "registry.example/us"],
    });
    expect((await linesOf(db, "20", { after: 1, limit: 9 })).map(({ tag }) => tag)).toEqual(["v2", "v3"]);
    expect(await linesOf(db, "20", { kind: "removed", project: "app", limit: 9 })).toHaveLength(1);
    expect(await linesOf(db, "20", { project: "other", limit: 9 })).toEqual([]);
    expect(await findingsOf(db, "20", { code: "conflict", limit: 9 })).toHaveLength(1);
    expect(await causesOf(db, "20")).toMatchObject([
      { severity: "fails", code: "lost", count: 6, first: [{ number: 1 }, {}, {}, {}, {}] },
      { code: "conflict", hint: "give it another tag", count: 1 },
    ]);
    const [pull] = await listPulls(db, all);
    const newest = await newestReviews(db, pull === undefined ? [] : [pull]);
    expect(newest.get(pull?.id ?? "")).toMatchObject([
      { run: "20", edgesHash: edgesOf("f"), summary: { fails: 7, lines: 3, passedOver: 1 } },
    ]);
    const place = { repository, number: 1 };
    expect(await differenceBetween(db, place, edgesOf("e"), "20", 1)).toMatchObject({
      ...{ more: 2, fewer: 0 },
      lines: [{ sign: "+", line: { tag: "v2" } }],
    });
    expect(await differenceBetween(db, place, edgesOf("0"), "20", 1)).toBeUndefined();
  });
});

describe("what a pull request waits for", () => {
  const pull: KeptPull = {
    ...{ id: "1", url, repository, number: 1, page: "", title: "", author: "ann", head: "a", base: "main" },
    ...{ labels: [], draft: false, conflicts: undefined, state: "open", mergeCommit: undefined },
    ...{
      jobs: ["review"],
      trusted: true,
      seenAt: now,
      heldSince: undefined,
      changedAt: now,
      endedAt: undefined,
    },
  };
  const review = {
    ...{
      run: "7",
      job: "review",
      commit: "a",
      edgesHash: edgesOf("e"),
      verdict: "passes" as const,
      at: later,
    },
    approvals: { standing: [], void: [], uncovered: ["images.yaml", "more.yaml"] },
    summary: {
      ...{ offline: false, allowRemovals: false, outside: { errors: 0, warnings: 0 }, path: ".", base: "b" },
      edges: { added: 1, removed: 0, moved: 0, "source-changed": 0, unchanged: 0 },
      ...{ planHash: undefined, fails: 2, mentions: 0, lines: 1, passedOver: 0, rewritten: 0, isCut: false },
      projects: [
        {
          ...{ project: "app", added: 1, removed: 0, moved: 0, newDestinations: [], removedDestinations: [] },
          files: ["images.yaml", "more.yaml"].map((file) => ({
            file,
            owners: { approvers: ["pam", "tom"], reviewers: [] },
          })),
        },
      ],
    },
  };
  const waits = (facts: Partial<PullFacts>) =>
    waitsOf({ pull, reviews: [review], hold: undefined, runs: [], ...facts });

  it("the approvals that are missing, with who may give them", () => {
    expect(waits({})).toEqual([
      {
        ...{ for: "approval", since: later, run: "7" },
        text: "the approval of one of @pam, @tom, for images.yaml and 1 more",
      },
    ]);
    expect(waits({ reviews: [{ ...review, approvals: undefined }] })).toEqual([]);
  });

  it("a review of the newest commit, what is to be mended, and somebody who knows its author", () => {
    const runs = [{ id: "9", job: "review", since: later }];
    expect(waits({ reviews: [], runs })).toMatchObject([{ for: "review", run: "9" }]);
    expect(waits({ reviews: [{ ...review, commit: "old" }] })).toMatchObject([
      { for: "review", text: "a review of its newest commit by review" },
    ]);
    expect(waits({ pull: { ...pull, trusted: false }, reviews: [] })).toMatchObject([{ for: "trust" }]);
    const failing = { ...review, verdict: "fails" as const, approvals: undefined };
    expect(waits({ reviews: [failing] })).toMatchObject([
      { for: "findings", text: "2 findings of review to be mended" },
    ]);
    expect(waits({ pull: { ...pull, conflicts: true, state: "merged" } })).toEqual([]);
    expect(
      waits({ pull: { ...pull, conflicts: true }, reviews: [{ ...review, approvals: undefined }] }),
    ).toMatchObject([{ for: "conflicts" }]);
  });

  it("the end of a hold, with who has said it and why", () => {
    const words = (line: string, at: Date, isDone = true) => ({ who: "tom", line, at, isDone });
    const held = { labels: ["do-not-merge/hold"], draft: false, heldSince: now };
    const free = { labels: [], draft: false, heldSince: undefined };
    expect(holdIn(free, [])).toBeUndefined();
    expect(holdIn(held, [])).toEqual({ by: "label", who: undefined, why: undefined, since: now });
    const hold = holdIn(held, [words("/hold", now), words("/hold until Monday", later)]);
    expect(hold).toEqual({ by: "label", who: "tom", why: "until Monday", since: later });
    expect(waits({ hold, reviews: [{ ...review, approvals: undefined }] })).toMatchObject([
      { for: "hold", text: "the end of the hold of tom: until Monday" },
    ]);
    // Held by a status alone, which is not looked at.
    expect(holdIn(free, [words("/hold", now)])).toMatchObject({ by: "command", who: "tom" });
    expect(holdIn(free, [words("/hold", now), words("/hold cancel", later)])).toBeUndefined();
    expect(holdIn(free, [words("/hold", now, false)])).toBeUndefined();
    expect(holdIn({ ...free, draft: true }, [])).toMatchObject({ by: "draft" });
  });
});

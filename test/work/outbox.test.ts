import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import {
  type ForgeOutbox,
  noteStatusEnd,
  openOutbox,
  type RunStatus,
  workMigrations,
} from "../../src/work/index.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";

describe("what is to be said to a forge", { timeout: 120_000 }, () => {
  const { open } = usePglite();
  let forge: ForgeServer;
  let db: Database;
  let outbox: ForgeOutbox;
  let commit: string;
  let token: string;
  let problems: unknown[];

  beforeEach(async () => {
    problems = [];
    forge = await startForgeServer({ kind: "gitea" });
    token = forge.addUser("robot");
    await forge.createRepository("robot/app");
    commit = (await forge.branch("robot/app", "main")) ?? "";
    db = await open(workMigrations);
    outbox = another();
  });
  afterEach(() => forge.close());

  /** The outbox as another process has it. */
  const another = (): ForgeOutbox =>
    openOutbox(db, {
      settings: { ...defaultSettings, forges: { [forge.host]: { kind: "gitea" } } },
      environment: { PATH: process.env.PATH, WAYBILL_FORGE_TOKEN: token },
      folder: "/nowhere",
      onProblem: (error) => void problems.push(error),
    });
  const repo = () => `${forge.url}/robot/app.git`;
  const status = (more: Partial<RunStatus> = {}): RunStatus => ({
    ...{ repo: repo(), commit, context: "promote", state: "success", description: "x", url: undefined },
    ...{ run: "1", isFinal: true },
    ...more,
  });
  const statuses = () =>
    forge.world.repositories.flatMap((one) =>
      one.statuses.map(({ context, state }) => `${context} ${state}`),
    );
  const left = async (): Promise<number> =>
    (
      await db.query(
        "SELECT 1 FROM work_status WHERE due IS NOT NULL UNION ALL SELECT 1 FROM work_comment WHERE due IS NOT NULL",
      )
    ).length;
  const until = async (look: () => Promise<boolean>): Promise<void> => {
    while (!(await look())) await sleep(20);
  };
  const saying = async (work: () => Promise<void>, ...by: readonly ForgeOutbox[]): Promise<void> => {
    const stopping = new AbortController();
    const delivering = (by.length === 0 ? [outbox] : by).map((one) => one.deliver(stopping.signal));
    await work();
    stopping.abort();
    await Promise.all(delivering);
  };
  const allSaid = () => until(async () => (await left()) === 0);
  const propose = async (): Promise<string> => {
    const head = await forge.commit("robot/app", "change", { "a.txt": "a\n" });
    const opened = await fetch(`${forge.url}/api/v1/repos/robot/app/pulls`, {
      method: "POST",
      headers: { authorization: `token ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ title: "a change", head: "change", base: "main", body: "" }),
    });
    expect(opened.status).toBe(201);
    return head;
  };
  const comments = () => forge.pullRequest("robot/app", 1).comments.map(({ body }) => body);
  const marker = "<!-- mark -->";

  test("statuses are said in the end, the newest alone, also after the forge was down", async () => {
    // Nobody says anything yet: what is newer takes the place of what is older.
    await outbox.setStatus(status({ state: "pending" }));
    await outbox.setStatus(status());
    await outbox.setStatus(status({ context: "build", state: "failure" }));
    expect(await left()).toBe(2);
    forge.failNext({ kind: "answer", status: 500, body: "down" }, { path: /statuses/, times: 50 });
    await saying(async () => {
      await until(async () => problems.length >= 2);
      expect(statuses()).toEqual([]);
      forge.clearFaults();
      await db.query("UPDATE work_status SET due = now()");
      await db.query("SELECT pg_notify('waybill_status', '')");
      await allSaid();
    });
    expect(statuses().sort()).toEqual(["build failure", "promote success"]);
  });

  test("statuses of a repository on no forge are nobody's business", async () => {
    await outbox.setStatus(status({ repo: "file:///srv/app" }));
    await saying(allSaid);
    expect(problems).toEqual([]);
  });

  test("a status that a run has begun has an end, whoever has seen the run end", async () => {
    await outbox.setStatus(status({ state: "pending", isFinal: false }));
    await outbox.setStatus(status({ state: "pending", isFinal: false, context: "other", run: "2" }));
    await outbox.setStatus(status({ commit: "b".repeat(40), state: "pending", isFinal: false }));
    await saying(async () => {
      await allSaid();
      const summary = "3 done";
      const ended = {
        id: "1",
        kind: "promote",
        result: "SUCCESS",
        details: { summary, revision: commit },
      } as const;
      await db.transaction((sql) => noteStatusEnd(sql, ended));
      await allSaid();
    });
    expect(statuses().slice(3).sort()).toEqual(["promote error", "promote success"]);
    // Once it has its end, nothing changes it.
    await db.transaction((sql) => noteStatusEnd(sql, { id: "1", kind: "promote", result: "ERROR" }));
    expect(await left()).toBe(0);
  });

  test("of a review that nobody has finished, nothing is a success", async () => {
    await outbox.setStatus(status({ state: "pending", isFinal: false }));
    const details = { summary: "its record says how it ended", revision: commit };
    await db.transaction((sql) =>
      noteStatusEnd(sql, { id: "1", kind: "review", result: "SUCCESS", details }),
    );
    await saying(allSaid);
    expect(statuses()).toEqual(["promote error"]);
  });

  test("there is one comment, the newest, whatever breaks and however many processes write it", async () => {
    const head = await propose();
    const comment = { repo: repo(), pull: 1, marker, commit: head };
    forge.failNext({ kind: "hang-up-after" }, { method: "POST", path: /comments/ });
    await saying(
      async () => {
        await outbox.putComment({ ...comment, body: "first" });
        await until(async () => problems.length > 0);
        await outbox.putComment({ ...comment, body: "second" });
        await allSaid();
      },
      outbox,
      another(),
    );
    expect(comments()).toEqual([`second\n\n${marker}`]);
  });

  test.each(["merged", "moved on"])(
    "nothing is said under a pull request that has %s meanwhile",
    async (how) => {
      const commit = await propose();
      await outbox.putComment({ repo: repo(), pull: 1, marker, commit, body: "late" });
      if (how === "merged") await forge.merge("robot/app", 1);
      else await forge.commit("robot/app", "change", { "b.txt": "b\n" });
      await saying(allSaid);
      expect(comments()).toEqual([]);
      expect(problems).toEqual([]);
    },
  );
});

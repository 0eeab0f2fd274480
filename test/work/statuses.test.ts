import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultSettings } from "../../src/settings/index.ts";
import { openStatuses, workMigrations } from "../../src/work/index.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";

describe("statuses for a forge", () => {
  const { open } = usePglite();
  let forge: ForgeServer;
  let commit: string;
  let environment: NodeJS.ProcessEnv;
  const problems: unknown[] = [];

  beforeEach(async () => {
    problems.length = 0;
    forge = await startForgeServer({ kind: "gitea" });
    environment = { PATH: process.env.PATH, WAYBILL_FORGE_TOKEN: forge.addUser("robot") };
    await forge.createRepository("robot/app");
    commit = (await forge.branch("robot/app", "main")) ?? "";
  });
  afterEach(() => forge.close());

  const statuses = () =>
    forge.world.repositories.flatMap((one) =>
      one.statuses.map(({ context, state }) => `${context} ${state}`),
    );
  const until = async (look: () => Promise<boolean>): Promise<void> => {
    while (!(await look())) await sleep(20);
  };

  test("are said in the end, the newest alone, also after the forge was down", {
    timeout: 120_000,
  }, async () => {
    const db = await open(workMigrations);
    const outbox = openStatuses(db, {
      settings: { ...defaultSettings, forges: { [forge.host]: { kind: "gitea" } } },
      environment,
      folder: "/nowhere",
      onProblem: (error) => void problems.push(error),
    });
    const status = {
      repo: `${forge.url}/robot/app.git`,
      commit,
      context: "promote",
      description: "x",
      url: undefined,
    };
    // Nobody says anything yet: what is newer takes the place of what is older.
    await outbox.set({ ...status, state: "pending" });
    await outbox.set({ ...status, state: "success" });
    await outbox.set({ ...status, context: "build", state: "failure" });
    const left = async (): Promise<number> => (await db.query("SELECT 1 FROM work_status")).length;
    expect(await left()).toBe(2);

    for (let times = 0; times < 50; times += 1)
      forge.failNext({ kind: "answer", status: 500, body: "down" }, { path: /statuses/ });
    const stopping = new AbortController();
    const delivering = outbox.deliver(stopping.signal);
    await until(async () => problems.length >= 2);
    expect(statuses()).toEqual([]);
    expect(await left()).toBe(2);

    forge.clearFaults();
    await db.query("UPDATE work_status SET due = now()");
    await db.query("SELECT pg_notify('waybill_status', '')");
    await until(async () => (await left()) === 0);
    expect(statuses().sort()).toEqual(["build failure", "promote success"]);
    stopping.abort();
    await delivering;
  });

  test("of a repository on no forge are nobody's business", { timeout: 60_000 }, async () => {
    const db = await open(workMigrations);
    const outbox = openStatuses(db, {
      settings: defaultSettings,
      environment: {},
      folder: "/nowhere",
      onProblem: (error) => void problems.push(error),
    });
    await outbox.set({
      repo: "file:///srv/app",
      commit,
      context: "build",
      state: "success",
      description: "",
      url: undefined,
    });
    const stopping = new AbortController();
    const delivering = outbox.deliver(stopping.signal);
    await until(async () => (await db.query("SELECT 1 FROM work_status")).length === 0);
    expect(problems).toEqual([]);
    stopping.abort();
    await delivering;
  });
});

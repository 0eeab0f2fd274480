import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { type LiveJobs, openLiveJobs } from "../../src/serve/live-jobs.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openSources } from "../../src/work/index.ts";
import { startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { serve } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

describe("the jobs of a branch that not everybody may read", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeEach(async () => {
    folder = await temporaryFolder("live-jobs");
  });

  afterEach(() => folder.remove());

  const jobsAt = (origin: string, token: string, signal?: AbortSignal): LiveJobs => {
    const settings = { ...defaultSettings, forges: { [new URL(origin).host]: { kind: "gitea" as const } } };
    const environment = { ...gitEnvironment, WAYBILL_FORGE_TOKEN: token };
    return openLiveJobs({
      place: { repo: `${origin}/robot/config.git`, branch: "main" },
      capacities: [],
      mirrors: join(folder.path, "mirrors"),
      ...{ environment, signal },
      sourceOf: openSources({ settings, environment, folder: folder.path }, signal),
      log: () => {},
    });
  };

  test("are read once the forge answers that was away when they were looked at first", async () => {
    const forge = await startForgeServer({ kind: "gitea" });
    try {
      const token = forge.addUser("robot");
      const files = {
        "a.yaml": "name: a\nrepo: https://github.com/example/a\ntriggers: {}\nbuild: {dir: .}\n",
      };
      await forge.createRepository("robot/config", files, { isPrivate: true });
      const jobs = jobsAt(forge.url, token);
      forge.failNext({ kind: "answer", status: 403 }, { path: /^\/api\// });
      expect(await jobs.look()).toMatchObject({ jobs: [], trouble: { code: "unreachable" } });
      expect(jobs.areKnown()).toBe(false);
      expect(await jobs.look()).toMatchObject({ jobs: [{ job: { name: "a" } }], trouble: undefined });
      expect(forge.sawForeignToken()).toBe(false);
    } finally {
      await forge.close();
    }
  });

  test("are waited for until that is called off", async () => {
    const stopping = new AbortController();
    const reason = new Error("enough");
    const silent = await serve(() => stopping.abort(reason));
    await expect(jobsAt(silent.origin, "", stopping.signal).look()).rejects.toBe(reason);
  });
});

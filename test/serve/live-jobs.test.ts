import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, vi } from "vitest";
import { acceptedBranchMigrations } from "../../src/serve/accepted-branch.ts";
import { type LiveJobs, openLiveJobs } from "../../src/serve/live-jobs.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openSources } from "../../src/work/index.ts";
import { usePglite } from "../support/databases.ts";
import { startForgeServer } from "../support/forge-server/server.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
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

  const jobsAt = (
    origin: string,
    token: string,
    signal?: AbortSignal,
    hasToken = (): boolean => true,
  ): LiveJobs => {
    const settings = { ...defaultSettings, forges: { [new URL(origin).host]: { kind: "gitea" as const } } };
    const environment = { ...gitEnvironment, WAYBILL_FORGE_TOKEN: token };
    return openLiveJobs({
      place: { repo: `${origin}/robot/config.git`, branch: "main" },
      capacities: [],
      mirrors: join(folder.path, "mirrors"),
      ...{ environment, signal },
      sourceOf: (url) => {
        const shown = hasToken() ? environment : gitEnvironment;
        return openSources({ settings, environment: shown, folder: folder.path }, signal)(url);
      },
      log: () => {},
    });
  };

  test("are read whatever the API of their forge answers, and once there is a token", async () => {
    const forge = await startForgeServer({ kind: "gitea" });
    try {
      const token = forge.addUser("robot");
      const files = {
        "a.yaml": "name: a\nrepo: https://github.com/example/a\ntriggers: {}\nbuild: {dir: .}\n",
      };
      await forge.createRepository("robot/config", files, { isPrivate: true });
      forge.failNext({ kind: "answer", status: 403 }, { path: /^\/api\//, times: 100 });
      let isThere = false;
      const jobs = jobsAt(forge.url, token, undefined, () => isThere);
      expect(await jobs.look()).toMatchObject({ jobs: [], trouble: { code: "unreachable" } });
      expect(jobs.areKnown()).toBe(false);
      isThere = true;
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

describe("a branch that was rewritten and taken by somebody", () => {
  const databases = usePglite();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeEach(async () => {
    folder = await temporaryFolder("accepted");
  });

  afterEach(() => folder.remove());

  test("is taken by all processes of the database, each with mirrors of its own, and once", async () => {
    const db = await databases.open(acceptedBranchMigrations);
    const repository = await createRepository(join(folder.path, "config"));
    const commit = async (name: string): Promise<string> => {
      const text = `name: ${name}\nrepo: https://github.com/example/a\ntriggers: {}\nbuild: {dir: .}\n`;
      await writeFile(join(repository.path, "a.yaml"), text);
      return repository.commit();
    };
    const process = async (name: string): Promise<LiveJobs> =>
      openLiveJobs({
        db: await databases.openAgain(),
        place: { repo: pathToFileURL(repository.path).href, branch: "main" },
        capacities: [],
        mirrors: join(folder.path, name),
        environment: gitEnvironment,
        sourceOf: openSources({
          settings: defaultSettings,
          environment: gitEnvironment,
          folder: folder.path,
        }),
        log: () => {},
      });
    const first = await commit("a");
    const second = await commit("b");
    const [one, other, late] = [await process("one"), await process("other"), await process("late")];
    const all = async () =>
      Promise.all(
        [one, other].map(async (each) => {
          const { jobs, trouble } = await each.look();
          return trouble?.code ?? jobs.map(({ job }) => job.name).join();
        }),
      );
    expect(await all()).toEqual(["b", "b"]);
    await late.look();
    await repository.git("reset", "--quiet", "--hard", first);
    const forced = await commit("c");
    expect(await all()).toEqual(["branch-rewritten", "branch-rewritten"]);
    await one.accept(db, forced);
    expect(await all()).toEqual(["c", "c"]);
    // One that was away meanwhile finds the branch further on.
    const further = await commit("d");
    expect(await all()).toEqual(["d", "d"]);
    expect(await late.look()).toMatchObject({ commit: further, trouble: undefined });
    // Who goes back by force to what was taken once is asked about anew.
    await repository.git("reset", "--quiet", "--hard", forced);
    expect(await all()).toEqual(["branch-rewritten", "branch-rewritten"]);
    await other.accept(db, second);
    expect(await all()).toEqual(["branch-rewritten", "branch-rewritten"]);
  });

  test("is looked at as soon as another process is told", async () => {
    const db = await databases.open(acceptedBranchMigrations);
    const repository = await createRepository(join(folder.path, "config"));
    // Two that say the same within a second would be one.
    const commit = async (text: string): Promise<string> => {
      await writeFile(join(repository.path, "a.yaml"), `# ${text}\n`);
      return repository.commit();
    };
    const first = await commit("first");
    await commit("second");
    const stopping = new AbortController();
    const jobs = openLiveJobs({
      db: await databases.openAgain(),
      place: { repo: pathToFileURL(repository.path).href, branch: "main" },
      ...{ capacities: [], mirrors: join(folder.path, "mirrors"), environment: gitEnvironment },
      sourceOf: openSources({ settings: defaultSettings, environment: gitEnvironment, folder: folder.path }),
      log: () => {},
    });
    const watching = jobs.watch(stopping.signal);
    await jobs.known;
    await repository.git("reset", "--quiet", "--hard", first);
    const forced = await commit("forced");
    expect((await jobs.look()).trouble?.code).toBe("branch-rewritten");
    await jobs.accept(db, forced);
    await vi.waitFor(() => expect(jobs.current()).toMatchObject({ commit: forced, trouble: undefined }), {
      ...{ timeout: 25_000, interval: 20 },
    });
    stopping.abort();
    await watching;
  });
});

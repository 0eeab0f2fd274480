import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueue, type RunOutcome } from "../../src/queue/index.ts";
import {
  actOnEnds,
  askByHand,
  listRemotes,
  lookNow,
  noteEnd,
  syncRemotes,
} from "../../src/triggers/index.ts";
import { dueRemotes } from "../../src/triggers/remotes.ts";
import { startWorker, until } from "../queue/support.ts";
import { describeDatabases } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, jobsOf, migrations, type TestWorld } from "./trigger-world.ts";

describeDatabases(({ open, openAgain }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let world: TestWorld;

  beforeEach(async () => {
    folder = await temporaryFolder("triggers");
    world = createWorld(await open(migrations), join(folder.path, "mirrors"));
  });

  afterEach(() => folder.remove());

  const commit = "0123456789abcdef0123456789abcdef01234567";
  const by = { who: "ann", at: new Date("2026-11-30T12:00:00Z"), from: "hand" } as const;

  describe("after a success", () => {
    const jobs = jobsOf(`
jobs:
  - name: build
    repo: https://git.example.org/org/images
    build: { dir: . }
  - name: propose
    repo: https://git.example.org/org/images
    after: [build]
    propose: { from: build, repo: 'https://git.example.org/org/k8s.io', manifests: registry.k8s.io, project: images }
  - name: verify
    repo: https://git.example.org/org/k8s.io
    ref: main
    after: [build]
    verify: { manifests: registry.k8s.io }
  - name: shadow
    repo: https://git.example.org/org/images
    shadow: true
    after: [build]
    build: { dir: . }
`);

    /** Has runs of `build` carried out. */
    async function build(outcome: RunOutcome, change: Partial<(typeof jobs)[number]> = {}): Promise<string> {
      const queue = openQueue(world.db, { onEnd: noteEnd });
      const worker = startWorker(world.db, { queue, carryOut: async () => outcome });
      const [job] = jobs;
      if (job === undefined) throw new Error("there is a job");
      const { id } = await world.db.transaction((sql) =>
        askByHand(sql, { ...job, ...change }, { ref: "refs/tags/v1", commit }, by),
      );
      await until(queue, async () => (await queue.read(id)).state === "ended");
      await worker.stop();
      return id;
    }

    it("the jobs that wait for it are asked for, once, by whoever looks", async () => {
      world.setJobs(jobs);
      const id = await build({ result: "SUCCESS" });
      const other: TestWorld = { ...world, db: await openAgain() };
      const acted = await Promise.all([actOnEnds(world), actOnEnds(other)]);
      expect(acted[0] + acted[1]).toBe(1);
      expect(await actOnEnds(world)).toBe(0);
      const asked = (await world.runs()).filter(({ state }) => state !== "ended");
      expect(asked).toMatchObject([
        {
          ...{ job: "propose", ref: "refs/tags/v1", commit, key: `after/${id}` },
          causes: [{ by: "after", text: `success of build, run ${id}` }],
          input: { after: { job: "build", id } },
        },
        { job: "verify", ref: "refs/heads/main", key: "refs/heads/main" },
        { job: "shadow", ref: "refs/tags/v1", commit, shadow: true },
      ]);
      expect(asked[1]?.commit).toBeUndefined();
    });

    it("each proposes what it made, and a failure starts nothing", async () => {
      world.setJobs(jobs.filter(({ name }) => name !== "shadow" && name !== "verify"));
      await build({ result: "FAILURE" });
      expect(await actOnEnds(world)).toBe(0);
      await build({ result: "SUCCESS" });
      await build({ result: "SUCCESS" });
      expect(await actOnEnds(world)).toBe(2);
      expect((await world.runs()).filter(({ job }) => job === "propose")).toHaveLength(2);
    });

    it("that was one in shadow, nothing is started that writes", async () => {
      world.setJobs(jobs);
      await build({ result: "SUCCESS" }, { shadow: true });
      await actOnEnds(world);
      const asked = (await world.runs()).filter(({ state }) => state !== "ended");
      expect(asked.map(({ job }) => job)).toEqual(["shadow"]);
    });
  });

  describe("a clock that was a year ahead", () => {
    it("keeps no remote from being looked at once it is right again", async () => {
      const jobs = jobsOf(
        "name: a\nrepo: https://git.example.org/org/images\ntriggers: {}\nbuild: { dir: . }\n",
      );
      const right = world.now();
      world.set("2027-11-30T12:00:00Z");
      await syncRemotes(world.db, jobs, world.now());
      await world.db.query("UPDATE remote SET claimed_until = $1", [world.now()]);
      expect(await dueRemotes(world.db, right)).toMatchObject([{ what: "refs", failing: false }]);
      const soon = new Date(right.getTime() + 15 * 60_000);
      await world.db.query("UPDATE remote SET claimed_until = NULL, due_at = $1", [soon]);
      expect(await dueRemotes(world.db, right)).toEqual([]);
    });
  });

  describe("a delivery", () => {
    const jobs = jobsOf(`
jobs:
  - name: build
    repo: https://git.example.org/org/images
    triggers: {}
    build: { dir: . }
  - name: review
    repo: git@git.example.org:Org/Images.git
    pullRequest: {}
    review: { manifests: registry.k8s.io }
  - name: other
    repo: https://git.example.org/org/other
    triggers: {}
    build: { dir: . }
  - name: propose
    repo: https://git.example.org/org/images
    ref: main
    registry: { repository: ^gcr.io/k8s-staging-images/, tag: ^v }
    verify: { manifests: registry.k8s.io }
`);
    const none = { repositoryUrls: [], refs: [], pull: undefined, registry: [] };
    const urls = ["https://git.example.org/org/images.git", "ssh://git@git.example.org/org/images"];

    beforeEach(async () => {
      world.setJobs(jobs);
      await syncRemotes(world.db, jobs, world.now());
      world.pass(-60_000);
    });

    const told = async () => {
      const remotes = await listRemotes(world.db);
      return remotes.flatMap(({ url, what, dueAt, toldAt }) =>
        toldAt === undefined ? [] : [[url, what, dueAt.getTime() === world.now().getTime()]],
      );
    };
    const hear = (...deliveries: Partial<Parameters<typeof lookNow>[2][number]>[]) =>
      world.db.transaction((sql) =>
        lookNow(
          sql,
          jobs,
          deliveries.map((delivery) => ({ ...none, ...delivery })),
          world.now(),
        ),
      );

    it("makes what it is about due, and nothing else", async () => {
      await hear({ repositoryUrls: urls, refs: ["refs/tags/v1"] });
      expect(await told()).toEqual([["https://git.example.org/org/images", "refs", true]]);
      await hear({ repositoryUrls: urls, pull: 7 });
      expect((await told()).map(([, what]) => what).sort()).toEqual(["pulls", "refs"]);
      await hear({ repositoryUrls: ["https://git.example.org/nobody/knows"] });
      expect(await told()).toHaveLength(2);
      expect(await world.runs()).toEqual([]);
    });

    it("is heard together with others", async () => {
      await hear(
        { repositoryUrls: urls, refs: ["refs/tags/v1"] },
        { repositoryUrls: urls, refs: ["refs/tags/v2"] },
        { repositoryUrls: ["https://git.example.org/nobody/knows"] },
        { repositoryUrls: urls, pull: 7 },
      );
      expect((await told()).map(([, what]) => what).sort()).toEqual(["pulls", "refs"]);
    });

    it("that names neither a ref nor a pull request is about both", async () => {
      await hear({ repositoryUrls: urls });
      expect((await told()).map(([, what]) => what).sort()).toEqual(["pulls", "refs"]);
    });

    it("of a registry asks for the jobs that wait for such pushes, which are one run", async () => {
      const pushed = { registry: "gcr.io", repository: "k8s-staging-images/a", digest: undefined };
      await hear({
        registry: [
          { ...pushed, tag: "latest" },
          { ...pushed, tag: undefined },
        ],
      });
      await hear({ registry: [{ ...pushed, repository: "elsewhere/a", tag: "v1" }] });
      expect(await world.runs()).toEqual([]);
      await hear({
        registry: [
          { ...pushed, tag: "v1" },
          { ...pushed, tag: "v2" },
        ],
      });
      expect(await world.runs()).toMatchObject([
        {
          ...{ job: "propose", kind: "verify", ref: "refs/heads/main", priority: 5 },
          causes: [
            { by: "registry", text: "push of gcr.io/k8s-staging-images/a:v1 to the registry" },
            { by: "registry", text: "push of gcr.io/k8s-staging-images/a:v2 to the registry" },
          ],
        },
      ]);
    });
  });

  describe("by hand", () => {
    const [build, review] = jobsOf(`
jobs:
  - { name: build, repo: 'https://git.example.org/org/images', build: { dir: . } }
  - { name: review, repo: 'https://git.example.org/org/images', pullRequest: {}, review: { manifests: registry.k8s.io } }
`);
    const ask = (ref?: string, job = build) => {
      if (job === undefined) throw new Error("there is a job");
      return world.db.transaction((sql) => askByHand(sql, job, { ref }, by));
    };

    it("a job is run for a branch or a tag as it was last seen", async () => {
      const refs = ["refs/heads/main", "refs/tags/v1", "refs/heads/both", "refs/tags/both"];
      for (const ref of refs) {
        await world.db.query(
          "INSERT INTO remote_ref (repository, ref, object, commit, seen_at) VALUES ($1, $2, $3, $3, now())",
          ["https://git.example.org/org/images", ref, commit],
        );
      }
      await ask("v1");
      await ask("refs/heads/unseen");
      expect(await world.runs()).toMatchObject([
        { ref: "refs/tags/v1", commit, causes: [{ by: "hand", text: "ann asked for it", who: "ann" }] },
        { ref: "refs/heads/unseen", commit: undefined },
      ]);
      await expect(ask("both")).rejects.toMatchObject({ code: "unknown-ref" });
      await expect(ask("nothing")).rejects.toMatchObject({ code: "unknown-ref" });
      await expect(ask()).rejects.toMatchObject({ code: "unknown-ref" });
      await expect(ask("main", review)).rejects.toMatchObject({ code: "not-startable" });
    });
  });
});

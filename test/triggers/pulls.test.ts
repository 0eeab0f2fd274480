import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { type ForgeKind, openForge } from "../../src/forge/index.ts";
import { repositoryKey } from "../../src/jobs/index.ts";
import { listRemotes, lookAtPulls, type PullToHeed, syncRemotes } from "../../src/triggers/index.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, jobsOf, migrations, type TestWorld } from "./trigger-world.ts";

const test = testWith("git");

const manifests = { "registry.k8s.io/images/a/images.yaml": "- name: a\n", "README.md": "# Images\n" };

describe.each<ForgeKind>(["github", "gitlab", "gitea"])("pull requests of %s", (kind) => {
  describe("on PGlite", () => {
    const { open } = usePglite();
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let server: ForgeServer;
    let world: TestWorld;
    let url: string;
    let heeded: PullToHeed[];
    let noted: string[];
    let branches = 0;

    beforeEach(async () => {
      folder = await temporaryFolder("pulls");
      server = await startForgeServer({ kind });
      const token = server.addUser("robot");
      for (const name of ["alice", "stranger"]) server.addUser(name);
      await server.createRepository("org/images", manifests);
      for (const name of ["robot", "alice"]) server.addWriter("org/images", name);
      await server.fork("org/images", "stranger");
      url = `${server.url}/org/images.git`;
      heeded = [];
      noted = [];
      const forge = openForge({ kind, host: server.host, token, timing: { firstBackoff: 1 } });
      world = createWorld(await open(migrations), join(folder.path, "mirrors"), {
        projectOf: async () => forge.project("org/images"),
        heed: async (pull) => void heeded.push(pull),
        notes: {
          seen: async (_, __, pulls) => void noted.push(`seen ${pulls.map(({ number }) => number)}`),
          taken: async (_, __, number, { jobs, trusted }) =>
            void noted.push(`taken ${number} ${jobs.join(" ")} ${trusted}`),
          ended: async (_, __, number, { state }) => void noted.push(`ended ${number} ${state}`),
        },
      });
    });

    afterEach(async () => {
      await server.close();
      await folder.remove();
    });

    const reviews = (more = "") =>
      jobsOf(`
jobs:
  - name: review
    repo: ${url}
    pullRequest: { branch: ^main$ }
    review: { manifests: registry.k8s.io ${more} }
  - name: review-images
    repo: ${server.url}/Org/images
    pullRequest: { branch: ^main$, paths: ^registry.k8s.io/images/ }
    review: { manifests: registry.k8s.io }
`);

    async function use(jobs = reviews()): Promise<void> {
      world.setJobs(jobs);
      await syncRemotes(world.db, world.jobs(), world.now());
    }

    async function look(): Promise<boolean> {
      world.pass(60_000);
      return lookAtPulls(world, repositoryKey(url));
    }

    async function propose(files: Readonly<Record<string, string>>): Promise<number> {
      branches += 1;
      const head = { repository: "stranger/images", branch: `change-${branches}` };
      await server.commit(head.repository, head.branch, files);
      const forge = openForge({ kind, host: server.host, token: server.world.user("stranger")?.token });
      const { pullRequests } = forge.project("org/images");
      const { number } = await pullRequests.open({ title: "A change", body: "", base: "main", head });
      return number;
    }

    const push = (number: number, files: Readonly<Record<string, string>>) => {
      const { head } = server.pullRequest("org/images", number);
      return server.commit(head.repository.path, head.branch, files);
    };

    const asked = async () => (await world.runs()).map(({ job, pull, commit }) => `${job} ${pull} ${commit}`);

    test("start nothing when they are seen for the first time", async () => {
      const number = await propose({ "README.md": "# Other\n" });
      await use();
      expect(await look()).toBe(true);
      expect(await asked()).toEqual([]);
      expect(heeded.map(({ pull, isFirst }) => [pull.number, isFirst])).toEqual([[number, true]]);
    });

    test("start the reviews whose filters let them through, once for each head", async () => {
      await use();
      await look();
      const number = await propose({ "README.md": "# Other\n" });
      await look();
      const first = server.pullRequest("org/images", number).headCommit;
      expect(await asked()).toEqual([`review ${number} ${first}`]);
      const [run] = await world.runs();
      expect(run).toMatchObject({
        ...{ kind: "review", type: "presubmit", repo: url, ref: "refs/heads/main", key: `pull/${number}` },
        causes: [{ by: "pull-request", text: `pull request ${number} by stranger at ${first.slice(0, 12)}` }],
        input: {
          pull: { number, author: "stranger", head: { repository: "stranger/images", commit: first } },
        },
      });
      await look();
      expect(await asked()).toHaveLength(1);
      expect(noted).toContain(`seen ${number}`);
      expect(noted.filter((note) => note.startsWith("taken"))).toEqual([`taken ${number} review true`]);
      const second = await push(number, { "registry.k8s.io/images/a/images.yaml": "- name: b\n" });
      await look();
      expect([...(await asked())].sort()).toEqual([
        `review ${number} ${second}`,
        `review-images ${number} ${second}`,
      ]);
      expect((await world.runs())[0]?.causes).toHaveLength(2);
    });

    const failOwn = (number: number, status: number): void =>
      server.failNext(
        { kind: "answer", status, body: { message: "no" } },
        { path: new RegExp(`/(?:pulls|merge_requests)/${number}$`) },
      );

    test("take back what waits for them when they are neither listed nor found", async () => {
      await use();
      await look();
      const number = await propose({ "README.md": "# One\n" });
      await look();
      server.closePullRequest("org/images", number);
      failOwn(number, 404);
      expect(await look()).toBe(true);
      expect(noted.at(-1)).toBe(`ended ${number} gone`);
      expect(await world.runs()).toMatchObject([
        {
          result: "ABORTED",
          details: { summary: expect.stringContaining(`pull request ${number} is gone`) },
        },
      ]);
    });

    test("are heeded also while one of them cannot be read", async () => {
      await use();
      await look();
      const number = await propose({ "README.md": "# One\n" });
      const other = await propose({ "README.md": "# Two\n" });
      await look();
      heeded.length = 0;
      server.closePullRequest("org/images", number);
      await push(other, { "README.md": "# Three\n" });
      failOwn(number, 403);
      expect(await look()).toBe(false);
      expect(heeded.map(({ pull }) => pull.number)).toContain(other);
      expect((await world.runs()).map(({ state }) => state)).toEqual(["waiting", "waiting"]);
    });

    test("take back what waits for them when they are closed or merged, and not when a list lacks them", async () => {
      await use();
      await look();
      const closed = await propose({ "README.md": "# One\n" });
      const merged = await propose({ "README.md": "# Two\n" });
      const open = await propose({ "README.md": "# Three\n" });
      await look();
      const unlisted = { kind: "answer", status: 200, body: [] } as const;
      server.failNext(unlisted, { path: /\/(?:pulls|merge_requests)$/ });
      await look();
      expect((await world.runs()).map(({ state }) => state)).toEqual(["waiting", "waiting", "waiting"]);
      server.closePullRequest("org/images", closed);
      await server.merge("org/images", merged);
      await look();
      expect((await world.runs()).map(({ pull, state, result }) => [pull, state, result])).toEqual([
        [closed, "ended", "ABORTED"],
        [merged, "ended", "ABORTED"],
        [open, "waiting", undefined],
      ]);
    });

    test("are heeded when anything is said, until that is settled, and again where it failed", async () => {
      await use();
      await look();
      const number = await propose({ "README.md": "# Other\n" });
      const numbers = () => heeded.splice(0).map(({ pull }) => pull.number);
      await look();
      expect(numbers()).toEqual([number]);
      world.pass(5_000);
      await look();
      expect(numbers()).toEqual([number]);
      await look();
      expect(numbers()).toEqual([]);
      // A comment in another second than the last one: the forge's clock has seconds alone.
      const pull = server.pullRequest("org/images", number);
      pull.updatedAt = "2026-01-01T00:00:00Z";
      await look();
      numbers();
      server.comment("org/images", number, "alice", "/test all");
      const failing: TestWorld = {
        ...world,
        heed: async () => {
          throw new Error("the owners cannot be read");
        },
      };
      world.pass(60_000);
      expect(await lookAtPulls(failing, repositoryKey(url))).toBe(false);
      expect(await listRemotes(world.db)).toMatchObject([
        { unread: { failure: { message: "the owners cannot be read" } } },
      ]);
      expect(await look()).toBe(true);
      expect(numbers()).toEqual([number]);
    });

    test("of somebody who may not start anything do so once they may", async () => {
      const trusted = new Set<string>();
      const guarded: TestWorld = {
        ...world,
        mayRun: async ({ pull }) =>
          pull.labels.some((label) => label === "ok-to-test") || trusted.has(pull.author),
      };
      const lookGuarded = async () => {
        world.pass(60_000);
        expect(await lookAtPulls(guarded, repositoryKey(url))).toBe(true);
      };
      await use();
      await lookGuarded();
      const number = await propose({ "README.md": "# Other\n" });
      await lookGuarded();
      await lookGuarded();
      expect(await asked()).toEqual([]);
      expect(heeded.length).toBeGreaterThan(0);
      server.setLabels("org/images", number, ["ok-to-test"]);
      server.pullRequest("org/images", number).updatedAt = "2026-01-01T00:00:00Z";
      await lookGuarded();
      expect(await asked()).toEqual([
        `review ${number} ${server.pullRequest("org/images", number).headCommit}`,
      ]);
    });

    test("start a review again that waits for approvals, when these are others", async () => {
      await use(reviews(", requireApproval: true"));
      await look();
      const number = await propose({ "README.md": "# Other\n" });
      await look();
      await server.approve("org/images", number, "alice");
      server.pullRequest("org/images", number).updatedAt = "2026-01-01T00:00:00Z";
      await look();
      const [run] = await world.runs();
      expect(run?.causes.map(({ text }) => text)).toEqual([
        expect.stringMatching(/by stranger at/),
        `approvals of pull request ${number} have changed`,
      ]);
    });

    test("never start what writes", async () => {
      await use(
        jobsOf(`
name: build
repo: ${url}
pullRequest: {}
build: { dir: . }
`),
      );
      await look();
      await propose({ "README.md": "# Other\n" });
      await look();
      expect(await asked()).toEqual([]);
    });

    test("of a forge that is down are unread", async () => {
      await use();
      await look();
      server.failNext({ kind: "answer", status: 500, body: "down" }, { path: /\/(?:pulls|merge_requests)$/ });
      expect(await look()).toBe(false);
      expect(await listRemotes(world.db)).toMatchObject([
        { what: "pulls", unread: { failure: { code: "unreachable" } } },
      ]);
      expect(await look()).toBe(true);
      expect((await listRemotes(world.db))[0]?.unread).toBeUndefined();
    });
  });
});

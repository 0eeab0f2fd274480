import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { repositoryKey } from "../../src/jobs/index.ts";
import { listRemotes, lookAtRefs, syncRemotes } from "../../src/triggers/index.ts";
import { describeDatabases } from "../support/databases.ts";
import { createRepository, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, jobsOf, migrations, type TestWorld, urlOf } from "./trigger-world.ts";

const test = testWith("git");

const semver = String.raw`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`;

describeDatabases(({ open, openAgain }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let repository: TestRepository;
  let world: TestWorld;
  let url: string;

  beforeEach(async () => {
    folder = await temporaryFolder("refs");
    repository = await createRepository(join(folder.path, "org", "images"));
    url = urlOf(repository);
    world = createWorld(await open(migrations), join(folder.path, "mirrors"));
  });

  afterEach(() => folder.remove());

  async function commit(files: Readonly<Record<string, string>>): Promise<string> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(repository.path, path, ".."), { recursive: true });
      await writeFile(join(repository.path, path), text);
    }
    return repository.commit();
  }

  /** A job that builds, with what its filter says. */
  const builds = (name: string, filter: string) =>
    jobsOf(`{name: ${name}, repo: '${url}', triggers: ${filter}, build: {dir: .}}`);

  async function use(...jobs: readonly ReturnType<typeof builds>[]): Promise<void> {
    world.setJobs(jobs.flat());
    await syncRemotes(world.db, world.jobs(), world.now());
  }

  async function look(): Promise<boolean> {
    world.pass(60_000);
    return lookAtRefs(world, repositoryKey(url));
  }

  /** What was asked for since the last time, in short. */
  let seen = 0;
  beforeEach(() => {
    seen = 0;
  });
  async function asked(): Promise<readonly string[]> {
    const runs = await world.runs();
    const fresh = runs.slice(seen).map(({ job, ref, commit: of }) => `${job} ${ref} ${of}`);
    seen = runs.length;
    return fresh;
  }

  describe("a remote", () => {
    test("starts nothing for what it has when it is seen for the first time", async () => {
      await commit({ a: "1" });
      await repository.git("tag", "v1.0.0");
      await use(builds("all", "{}"));
      expect(await look()).toBe(true);
      expect(await look()).toBe(true);
      expect(await asked()).toEqual([]);
      expect(world.told).toEqual([{ type: "remote-first-seen", url, what: "refs", found: 2 }]);
    });

    test("starts a job for what was pushed, once, by the job's filters", async () => {
      const first = await commit({ a: "1", "images/b": "1" });
      await use(
        builds("main", "{branch: ^main$}"),
        builds("tags", `{branch: '${semver}'}`),
        builds("images", "{branch: ^main$, paths: ^images/}"),
        builds("others", "{skipBranch: '^(main|dependabot/|v)'}"),
      );
      await look();
      const second = await commit({ a: "2" });
      await repository.git("tag", "--annotate", "--message", "one", "v1.0.0");
      await repository.git("tag", "nightly");
      await repository.git("branch", "dependabot/x");
      await repository.git("branch", "feature");
      expect(await look()).toBe(true);
      expect([...(await asked())].sort()).toEqual([
        `main refs/heads/main ${second}`,
        `others refs/heads/feature ${second}`,
        `others refs/tags/nightly ${second}`,
        `tags refs/tags/v1.0.0 ${second}`,
      ]);
      const [run] = (await world.runs()).filter(({ job }) => job === "main");
      expect(run).toMatchObject({
        ...{ kind: "build", type: "postsubmit", repo: url, priority: 10, key: `refs/heads/main@${second}` },
        causes: [{ by: "push", text: `push to main: ${first.slice(0, 12)}..${second.slice(0, 12)}` }],
        input: { job: { name: "main" }, push: { before: first, after: second, forced: false } },
      });
      const third = await commit({ "images/b": "2" });
      await look();
      expect([...(await asked())].sort()).toEqual([
        `images refs/heads/main ${third}`,
        `main refs/heads/main ${third}`,
      ]);
      await look();
      expect(await asked()).toEqual([]);
    });

    test("has all that it got while nobody looked", async () => {
      await commit({ a: "1" });
      await use(builds("images", "{branch: ^main$, paths: ^images/}"), builds("tags", "{branch: ^v}"));
      await look();
      await commit({ "images/b": "1" });
      await repository.git("tag", "v1");
      const last = await commit({ a: "2" });
      await repository.git("tag", "v2");
      const again = createWorld(await openAgain(), world.mirrors);
      again.setJobs(world.jobs());
      again.set("2026-12-24T12:00:00Z");
      await syncRemotes(again.db, again.jobs(), again.now());
      expect(await lookAtRefs(again, repositoryKey(url))).toBe(true);
      const tag = await repository.git("rev-parse", "v1");
      expect([...(await asked())].sort()).toEqual([
        `images refs/heads/main ${last}`,
        `tags refs/tags/v1 ${tag}`,
        `tags refs/tags/v2 ${last}`,
      ]);
    });

    test("may have taken history back: what that changed is found, and said to be forced", async () => {
      const first = await commit({ a: "1" });
      const taken = await commit({ "images/b": "1" });
      await use(builds("images", "{branch: ^main$, paths: ^images/}"));
      await look();
      await repository.git("reset", "--quiet", "--hard", first);
      await look();
      expect(await asked()).toEqual([`images refs/heads/main ${first}`]);
      expect((await world.runs())[0]).toMatchObject({
        causes: [{ text: `force push to main: ${taken.slice(0, 12)}..${first.slice(0, 12)}` }],
        input: { push: { before: taken, after: first, forced: true } },
      });
    });

    test("tells of a tag that moved, and starts what a tag of that name starts, with both commits", async () => {
      const first = await commit({ a: "1" });
      await repository.git("tag", "v1.0.0");
      await use(builds("tags", `{branch: '${semver}'}`));
      await look();
      const second = await commit({ a: "2" });
      await repository.git("tag", "--force", "v1.0.0");
      await look();
      expect(await asked()).toEqual([`tags refs/tags/v1.0.0 ${second}`]);
      expect((await world.runs())[0]).toMatchObject({
        causes: [{ text: `tag v1.0.0 moved from ${first.slice(0, 12)} to ${second.slice(0, 12)}` }],
        input: { push: { after: second, movedFrom: first } },
      });
      const moved = { ref: "refs/tags/v1.0.0", from: first, to: second };
      expect(world.told).toContainEqual({ type: "tag-moved", url, tag: { ...moved, seenAt: world.now() } });
      expect(await listRemotes(world.db)).toMatchObject([{ url, movedTags: [moved] }]);
      // Also when it was away in between; at the same commit, and as another object, it is the same tag.
      await repository.git("tag", "--delete", "v1.0.0");
      await look();
      await repository.git("tag", "--annotate", "--message", "again", "v1.0.0");
      await look();
      expect(await asked()).toEqual([]);
      await repository.git("tag", "--delete", "v1.0.0");
      await look();
      await repository.git("tag", "v1.0.0", first);
      await look();
      expect(await asked()).toEqual([`tags refs/tags/v1.0.0 ${first}`]);
      expect(world.told.filter(({ type }) => type === "tag-moved")).toHaveLength(2);
    });

    test("starts nothing when a branch is deleted", async () => {
      await commit({ a: "1" });
      await repository.git("branch", "other");
      await use(builds("all", "{}"));
      await look();
      await repository.git("branch", "--delete", "--force", "other");
      await look();
      expect(await asked()).toEqual([]);
    });

    test("has a promotion for its branch alone, which waits as one and has no commit", async () => {
      await commit({ a: "1" });
      const promote = jobsOf(
        `{name: promote, repo: '${url}', triggers: {branch: ^main$}, promote: {manifests: registry.k8s.io}}`,
      );
      await use(promote);
      await look();
      for (const a of ["2", "3", "4"]) {
        await commit({ a });
        await look();
      }
      const runs = await world.runs();
      expect(runs).toHaveLength(1);
      expect(runs[0]).toMatchObject({ kind: "promote", ref: "refs/heads/main", key: "refs/heads/main" });
      expect(runs[0]?.commit).toBeUndefined();
      expect(runs[0]?.causes).toHaveLength(3);
    });

    test("that cannot be read is unread: nothing follows, it is looked at less and less often, and told once it can", async () => {
      await commit({ a: "1" });
      await use(builds("all", "{}"));
      await look();
      await rename(repository.path, `${repository.path}-away`);
      const waits: number[] = [];
      for (let attempt = 0; attempt < 6; attempt += 1) {
        expect(await look()).toBe(false);
        const [state] = await listRemotes(world.db);
        waits.push(((state?.dueAt.getTime() ?? 0) - world.now().getTime()) / 60_000);
      }
      expect(waits).toEqual([1, 2, 4, 8, 15, 15]);
      expect(await listRemotes(world.db)).toMatchObject([
        { url, unread: { attempts: 6, failure: { code: "unreachable", where: url } } },
      ]);
      await rename(`${repository.path}-away`, repository.path);
      const second = await commit({ a: "2" });
      expect(await look()).toBe(true);
      expect(await asked()).toEqual([`all refs/heads/main ${second}`]);
      expect((await listRemotes(world.db))[0]?.unread).toBeUndefined();
      expect(world.told.at(-1)).toMatchObject({ type: "remote-read-again", url, what: "refs" });
    });

    test("whose history cannot be fetched keeps that push alone waiting", async () => {
      await commit({ a: "1" });
      await use(builds("images", "{branch: ^main$, paths: ^images/}"), builds("tags", "{branch: ^v}"));
      await look();
      const second = await commit({ "images/b": "1" });
      await repository.git("tag", "v1");
      // A file stands where the folder of mirrors should.
      await writeFile(world.mirrors, "");
      expect(await look()).toBe(false);
      expect(await asked()).toEqual([`tags refs/tags/v1 ${second}`]);
      await rename(world.mirrors, `${world.mirrors}-away`);
      expect(await look()).toBe(true);
      expect(await asked()).toEqual([`images refs/heads/main ${second}`]);
    });

    test("may get thousands of tags at once: all are found", async () => {
      const first = await commit({ a: "1" });
      await use(builds("tags", `{branch: '${semver}', paths: ^never}`), builds("releases", "{branch: ^v7}"));
      await look();
      const tags = Array.from({ length: 5_000 }, (_, at) => `create refs/tags/v${at % 10}.${at}.0 ${first}`);
      await writeFile(join(folder.path, "tags"), `${tags.join("\n")}\n`);
      await repository.git("-c", "core.fsync=none", "pack-refs", "--all");
      const packed = tags.map((line) => `${first} ${line.split(" ")[1]}`).sort();
      await writeFile(join(repository.path, ".git", "packed-refs"), `${packed.join("\n")}\n`, { flag: "a" });
      expect(await look()).toBe(true);
      const { runs } = await world.queue.list({ limit: 500 });
      expect(runs).toHaveLength(500);
      expect(new Set(runs.map(({ ref }) => ref)).size).toBe(500);
      expect(runs.every(({ priority }) => priority === 20)).toBe(true);
      const [count] = await world.db.query(
        "SELECT count(*)::int AS refs FROM remote_ref WHERE ref LIKE 'refs/tags/%'",
      );
      expect(count).toEqual({ refs: 5_000 });
    });

    test("goes on where a process died among many refs, and asks for none of them twice", async () => {
      const first = await commit({ a: "1" });
      await use(builds("tags", "{branch: ^v}"));
      await look();
      const names = Array.from({ length: 600 }, (_, at) => `v${at}`);
      const packed = names.map((name) => `${first} refs/tags/${name}`).sort();
      await writeFile(join(repository.path, ".git", "packed-refs"), `${packed.join("\n")}\n`);
      let transactions = 0;
      const dying: TestWorld = {
        ...world,
        db: {
          ...world.db,
          transaction: (work) => {
            transactions += 1;
            return world.db.transaction(async (sql) => {
              const result = await work(sql);
              if (transactions === 2) throw new Error("the process is gone");
              return result;
            });
          },
        },
      };
      world.pass(60_000);
      expect(await lookAtRefs(dying, repositoryKey(url))).toBe(false);
      expect(await world.runs()).toHaveLength(250);
      expect(await look()).toBe(true);
      const counted = await world.db.query(
        "SELECT count(*)::int AS runs, count(DISTINCT ref)::int AS refs, max(jsonb_array_length(causes)) AS causes FROM queue_run",
      );
      expect(counted).toEqual([{ runs: 600, refs: 600, causes: 1 }]);
    });

    test("is known once what it had is remembered, also when a process died before it was done", async () => {
      await commit({ a: "1" });
      await use(builds("all", "{}"));
      let transactions = 0;
      const dying: TestWorld = {
        ...world,
        db: {
          ...world.db,
          transaction: (work) => {
            transactions += 1;
            if (transactions > 1) throw new Error("the process is gone");
            return world.db.transaction(work);
          },
        },
      };
      world.pass(60_000);
      expect(await lookAtRefs(dying, repositoryKey(url))).toBe(false);
      const second = await commit({ a: "2" });
      await look();
      expect(await asked()).toEqual([`all refs/heads/main ${second}`]);
    });

    test("is looked at by one process at a time, and what the other would write is refused", async () => {
      const first = await commit({ a: "1" });
      await use(builds("all", "{}"));
      await look();
      const second = await commit({ a: "2" });
      let inside = (): void => undefined;
      let goOn = (): void => undefined;
      const arrived = new Promise<void>((resolve) => {
        inside = resolve;
      });
      const released = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const slow: TestWorld = {
        ...world,
        credentialOf: async () => {
          inside();
          await released;
          return undefined;
        },
      };
      const late = lookAtRefs(slow, repositoryKey(url));
      await arrived;
      // Somebody else does not, while its claim holds; then it was asleep for too long.
      expect(await lookAtRefs(world, repositoryKey(url))).toBe(false);
      expect(await look()).toBe(true);
      expect(await asked()).toEqual([`all refs/heads/main ${second}`]);
      await repository.git("reset", "--quiet", "--hard", first);
      goOn();
      expect(await late).toBe(false);
      expect(await asked()).toEqual([]);
    });

    test("is forgotten when no job names it for a day, and not before", async () => {
      await commit({ a: "1" });
      const jobs = builds("all", "{}");
      await use(jobs);
      await look();
      await use();
      expect(await listRemotes(world.db)).toEqual([]);
      const second = await commit({ a: "2" });
      await use(jobs);
      await look();
      expect(await asked()).toEqual([`all refs/heads/main ${second}`]);
      await use();
      await commit({ a: "3" });
      world.pass(25 * 60 * 60_000);
      await use(jobs);
      await look();
      expect(await asked()).toEqual([]);
    });
  });
});

import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import type { Database } from "../../src/database/index.ts";
import { acceptDelivery, deliveriesMigrations } from "../../src/deliveries/index.ts";
import type { Job } from "../../src/jobs/index.ts";
import { openQueue } from "../../src/queue/index.ts";
import { listRemotes, runTriggers, type TriggerEvent } from "../../src/triggers/index.ts";
import { until } from "../queue/support.ts";
import { describeDatabases, describePostgres, usePostgres } from "../support/databases.ts";
import { createRepository, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { promised } from "../support/promised.ts";
import { temporaryFolder } from "../support/tree.ts";
import { createWorld, jobsOf, migrations, urlOf } from "./trigger-world.ts";

const test = testWith("git");

describeDatabases(({ open }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let repository: TestRepository;

  beforeEach(async () => {
    folder = await temporaryFolder("run");
    repository = await createRepository(join(folder.path, "org", "images"));
    await repository.commit();
  });

  afterEach(() => folder.remove());

  test("triggers find a push when they are told to look, whatever other remotes do, and end when they are stopped", async () => {
    const url = urlOf(repository);
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const db = await open([...migrations, ...deliveriesMigrations]);
    const jobs = jobsOf(`
jobs:
  - { name: build, repo: '${url}', triggers: {}, build: { dir: . } }
${Array.from({ length: 30 }, (_, at) => `  - { name: silent-${at}, repo: 'http://127.0.0.1:${port}/a/b${at}', triggers: {}, build: { dir: . } }`).join("\n")}
`);
    const firstSeen = promised<void>();
    const told: TriggerEvent[] = [];
    const stop = new AbortController();
    const world = createWorld(db, join(folder.path, "mirrors"));
    const running = runTriggers({
      ...world,
      ...{
        jobs: () => jobs,
        now: () => new Date(),
        random: Math.random,
        concurrency: 9,
        signal: stop.signal,
      },
      listener: (event) => {
        told.push(event);
        if (event.type === "remote-first-seen") firstSeen.resolve();
      },
    });
    await firstSeen.promise;
    const commit = await repository.commit();
    const about = { refs: ["refs/heads/main"], pull: undefined, comment: undefined, registry: [] };
    await acceptDelivery(db, {
      ...{ source: "forge", sender: "gitea", id: "1", event: "push", repositoryUrls: [url], ...about },
    });
    const queue = openQueue(db);
    await until(queue, async () => (await queue.list({ limit: 10 })).runs.length > 0);
    expect((await queue.list({ limit: 10 })).runs).toMatchObject([
      { job: "build", ref: "refs/heads/main", commit },
    ]);
    stop.abort(new Error("the test is over"));
    await running;
    silent.close();
    expect(told.filter(({ type }) => type === "trigger-failed")).toEqual([]);
  });
});

describePostgres("triggers on a server of PostgreSQL", () => {
  const postgres = usePostgres();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeEach(async () => {
    folder = await temporaryFolder("run");
  });

  afterEach(() => folder.remove());

  /** Triggers of one process, and what they tell. */
  function start(db: Database, jobs: readonly Job[]) {
    const events: TriggerEvent[] = [];
    let told = (): void => {};
    const stop = new AbortController();
    const world = createWorld(db, join(folder.path, "mirrors"));
    const running = runTriggers({
      ...world,
      ...{ jobs: () => jobs, now: () => new Date(), random: Math.random, signal: stop.signal },
      listener: (event) => {
        events.push(event);
        told();
      },
    });
    return {
      events,
      async until(condition: () => boolean): Promise<void> {
        while (!condition()) {
          await new Promise<void>((resolve) => {
            told = resolve;
          });
        }
      },
      async stop(): Promise<void> {
        stop.abort(new Error("the test is over"));
        await running;
      },
    };
  }

  const push = (repository: TestRepository, db: Database, id: string) =>
    acceptDelivery(db, {
      ...{ source: "forge", sender: "gitea", id, event: "push", repositoryUrls: [urlOf(repository)] },
      ...{ refs: ["refs/heads/main"], pull: undefined, comment: undefined, registry: [] },
    });

  const builds = (repositories: readonly TestRepository[]) =>
    repositories.flatMap((one, at) =>
      jobsOf(`{ name: build-${at}, repo: '${urlOf(one)}', triggers: {}, build: { dir: . } }`),
    );

  const firstSeen = ({ type }: TriggerEvent): boolean => type === "remote-first-seen";

  test("of several processes ask for each push once", async () => {
    const db = await postgres.open([...migrations, ...deliveriesMigrations]);
    const repositories: TestRepository[] = [];
    for (let at = 0; at < 6; at += 1) {
      const repository = await createRepository(join(folder.path, "org", `repository-${at}`));
      await repository.commit();
      repositories.push(repository);
    }
    const jobs = builds(repositories);
    const processes = [
      start(db, jobs),
      start(await postgres.openAgain(), jobs),
      start(await postgres.openAgain(), jobs),
    ];
    const seen = () => processes.flatMap(({ events }) => events.filter(firstSeen));
    const queue = openQueue(db);
    await Promise.race(processes.map(({ until: wait }) => wait(() => seen().length === repositories.length)));
    for (const [at, repository] of repositories.entries()) {
      await repository.commit();
      await push(repository, db, String(at));
    }
    await until(queue, async () => (await queue.list({ limit: 100 })).runs.length === repositories.length);
    for (const { stop } of processes) await stop();
    const { runs } = await queue.list({ limit: 100 });
    expect(runs.map(({ causes }) => causes.length)).toEqual(repositories.map(() => 1));
    expect(seen()).toHaveLength(repositories.length);
  });

  test("go on when the database was away", async () => {
    const db = await postgres.open([...migrations, ...deliveriesMigrations]);
    const repository = await createRepository(join(folder.path, "org", "images"));
    await repository.commit();
    const triggers = start(db, builds([repository]));
    await triggers.until(() => triggers.events.some(firstSeen));
    // Who is cut off in the middle of a look has to wait until its claim is over.
    while ((await listRemotes(db))[0]?.lookedAt === undefined);
    await postgres.server().stop();
    await triggers.until(() => triggers.events.some(({ type }) => type === "trigger-failed"));
    await postgres.server().start();
    const commit = await repository.commit();
    await push(repository, await postgres.openAgain(), "1");
    await triggers.until(() => triggers.events.some(({ type }) => type === "run-asked-for"));
    await triggers.stop();
    expect((await openQueue(db).list({ limit: 10 })).runs).toMatchObject([{ commit }]);
  });
});

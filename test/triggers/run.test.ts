import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { acceptDelivery, deliveriesMigrations } from "../../src/deliveries/index.ts";
import { openQueue } from "../../src/queue/index.ts";
import { runTriggers, type TriggerEvent } from "../../src/triggers/index.ts";
import { until } from "../queue/support.ts";
import { describeDatabases } from "../support/databases.ts";
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

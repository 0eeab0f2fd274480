import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { repositoryKey } from "../../src/jobs/index.ts";
import { listRemotes, syncRemotes } from "../../src/triggers/index.ts";
import { lookingAt, noteRead } from "../../src/triggers/remotes.ts";
import { usePglite } from "../support/databases.ts";
import { promised } from "../support/promised.ts";
import { createWorld, jobsOf, migrations } from "./trigger-world.ts";

const { open } = usePglite();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a remote that does not come to be read is shown so before that fails, and no more once it is read", async () => {
  const world = createWorld(await open(migrations), "/nowhere");
  const url = "https://git.example.org/org/images";
  world.setJobs(jobsOf(`name: a\nrepo: ${url}\ntriggers: {}\nbuild: { dir: . }\n`));
  await syncRemotes(world.db, world.jobs(), world.now());
  const begun = promised<void>();
  const answered = promised<void>();
  const look = lookingAt(world, { repository: repositoryKey(url), what: "refs" }, async (remote) => {
    begun.resolve();
    await answered.promise;
    await noteRead(world, remote, undefined);
  });
  await begun.promise;
  vi.advanceTimersByTime(31_000);
  // One thing after the other is done by the embedded database.
  await world.db.query("SELECT 1");
  expect((await listRemotes(world.db))[0]?.unread).toBeUndefined();
  vi.advanceTimersByTime(1_000);
  await world.db.query("SELECT 1");
  expect(await listRemotes(world.db)).toMatchObject([
    { url, unread: { since: world.now(), attempts: 0, failure: { code: "slow" } } },
  ]);
  expect(world.told).toEqual([{ type: "remote-slow", url, what: "refs", since: world.now() }]);
  answered.resolve();
  expect(await look).toBe(true);
  expect((await listRemotes(world.db))[0]?.unread).toBeUndefined();
});

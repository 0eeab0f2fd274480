import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect } from "vitest";
import { prowJobs, randomOf } from "../../bench/serve/prow-jobs.mjs";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { openForge } from "../../src/forge/index.ts";
import {
  type ComparedRun,
  compareHistories,
  importProwJobs,
  type Job,
  repositoryKey,
} from "../../src/jobs/index.ts";
import { openBucket } from "../../src/objects/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openQueue, type Queue, type QueuedRun, queueMigrations } from "../../src/queue/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openRunFolder, readProwHistory } from "../../src/store/index.ts";
import {
  lookAtPulls,
  lookAtRefs,
  noteEnd,
  syncRemotes,
  tickClock,
  triggersMigrations,
} from "../../src/triggers/index.ts";
import { carryOut, type WorkEnvironment } from "../../src/work/index.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { createRepository, gitEnvironment, repositoryAt } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { SimulatedProw } from "../support/simulated-prow.ts";
import { temporaryFolder, writeFiles } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { createWorld } from "../triggers/trigger-world.ts";

const test = testWith("git");
const { open } = usePglite();

const minute = 60_000;
const midnight = Date.parse("2026-03-02T00:00:00Z");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let forge: ForgeServer;
let registry: Awaited<ReturnType<typeof startRegistryServer>>;
beforeAll(async () => {
  folder = await temporaryFolder("shadow-day");
  forge = await startForgeServer({ kind: "github" });
  registry = await startRegistryServer({ dir: join(folder.path, "registry") });
});
afterAll(async () => {
  await registry.close();
  await forge.close();
  await folder.remove();
});

/** A folder of manifests that ask for one image, by so many tags. */
async function manifests(tags: number): Promise<Readonly<Record<string, string>>> {
  const image = await buildImage("app", "v1");
  const registries = registriesWith();
  const staging = registries.repository(parseRepository(`${registry.address}/staging/app`));
  await pushImage(image, staging, [parseTag("v1")]);
  await registries.close();
  const names = Array.from({ length: tags }, (_, index) => `"v${index + 1}"`).join(", ");
  return {
    "registry.k8s.io/manifests/app/promoter-manifest.yaml": `registries:\n- name: ${registry.address}/staging\n  src: true\n- name: ${registry.address}/production\n`,
    "registry.k8s.io/images/app/images.yaml": `- name: app\n  dmap:\n    "${image.root.descriptor.digest}": [${names}]\n`,
  };
}

/** Waits until the queue has nothing more to do. */
async function drained(queue: Queue): Promise<void> {
  for (;;) {
    let changed = (): void => {};
    const change = new Promise<void>((resolve) => {
      changed = resolve;
    });
    const stop = await queue.onChange(() => changed());
    const counts = await queue.counts();
    if (counts.length === 0) return stop();
    await change;
    await stop();
  }
}

test("sixty jobs of Prow, a day in their shadow, and what both did", async () => {
  const isOfForge = (name: string): boolean => name.includes("manifests");
  const urlOf = (name: string): string =>
    isOfForge(name)
      ? `${forge.url}/${name}.git`
      : pathToFileURL(join(folder.path, "repositories", name)).href;
  const { files, repositories } = prowJobs({ jobs: 48, promotions: 12, seed: 7, urlOf });
  const imported = importProwJobs(files, { shadow: true });
  expect({ jobs: imported.jobs.length, notImported: imported.notImported }).toEqual({
    jobs: 60,
    notImported: [],
  });
  const jobs: readonly Job[] = imported.jobs.map(({ job }) => job);

  const token = forge.addUser("robot");
  forge.addUser("alice");
  for (const name of repositories) {
    if (isOfForge(name)) {
      await forge.createRepository(name, await manifests(1));
      for (const user of ["robot", "alice"]) forge.addWriter(name, user);
    } else {
      const repository = await createRepository(join(folder.path, "repositories", name));
      const dirs = jobs.flatMap(({ repo, work }) =>
        work.kind === "build" && repo === urlOf(name) ? [work.build.dir] : [],
      );
      await writeFiles(
        repository.path,
        Object.fromEntries(
          dirs.map((dir) => [`${dir}/cloudbuild.yaml`, "steps: [{name: builder, args: [make]}]\n"]),
        ),
      );
      await repository.commit();
    }
  }

  const db = await open([...queueMigrations, ...triggersMigrations]);
  const client = openForge({ kind: "github", host: forge.host, token });
  const projectOf = async (url: string) =>
    client.project(new URL(url).pathname.slice(1).replace(/\.git$/, ""));
  const queue = openQueue(db, { onEnd: noteEnd });
  const world = createWorld(db, join(folder.path, "mirrors"), { projectOf });
  world.setJobs(jobs);
  world.set(new Date(midnight).toISOString());
  const prow = new SimulatedProw(
    join(folder.path, "prow"),
    files.find(({ file }) => file === "jobs.yaml")?.text ?? "",
    midnight,
  );

  const problems: unknown[] = [];
  const environment: WorkEnvironment = {
    records: openRunFolder(join(folder.path, "records")),
    settings: { ...defaultSettings, forges: { [forge.host]: { kind: "github" } } },
    environment: { ...gitEnvironment, HOME: folder.path, WAYBILL_FORGE_TOKEN: token },
    folder: join(folder.path, "work"),
    pageOf: () => undefined,
    grace: 5_000,
    outbox: {
      setStatus: async () => {
        throw new Error("a shadow writes no status");
      },
      putComment: async () => {
        throw new Error("a shadow writes no comment");
      },
    },
    onProblem: (error) => void problems.push(error),
  };
  const stopping = new AbortController();
  const working = queue.work({
    name: "shadow",
    concurrency: 4,
    signal: stopping.signal,
    carryOut: (run) => carryOut(run, environment),
  });

  const began = new Map<string, Date>();
  /** Lets what was asked for be done, in no time: the clock is the day's. */
  const settle = async (): Promise<void> => {
    await drained(queue);
    const now = world.now();
    for (const { id } of await world.runs()) if (!began.has(id)) began.set(id, now);
    const stamp =
      "UPDATE queue_run SET started_at = $1, ended_at = $1 WHERE state = 'ended' AND id = ANY ($2::bigint[])";
    await db.query(stamp, [now, [...began].filter(([, at]) => at === now).map(([id]) => id)]);
  };

  const random = randomOf(3);
  const one = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const builders = repositories.filter((name) => !isOfForge(name));
  const promoters = repositories.filter(isOfForge);
  const look = async (name: string): Promise<void> => {
    await lookAtRefs(world, repositoryKey(urlOf(name)));
    await settle();
  };
  let versions = 0;

  /** Something is pushed to a repository that images are built of: a change of some part, or a tag. */
  const pushBuild = async (at: number): Promise<void> => {
    const name = one(builders);
    const repository = repositoryAt(join(folder.path, "repositories", name));
    versions += 1;
    if (random() < 0.3) {
      const tag = `v1.${versions}.0`;
      await repository.git("tag", tag);
      await prow.push(
        { repository: name, name: tag, commit: await repository.git("rev-parse", "HEAD"), changes: [] },
        at,
      );
    } else {
      const path = one(["README.md", "images/main/Dockerfile", "images/part-30/Dockerfile"]);
      await mkdir(join(repository.path, path, ".."), { recursive: true });
      await writeFile(join(repository.path, path), `${versions}\n`);
      const commit = await repository.commit();
      await prow.push({ repository: name, name: "main", commit, changes: [path] }, at);
    }
    await look(name);
  };

  /** A promotion is proposed, then merged by a push. */
  const promote = async (at: number): Promise<void> => {
    const name = one(promoters);
    versions += 1;
    const branch = `promote-${versions}`;
    const changed = await manifests(versions);
    const commit = await forge.commit(name, branch, changed);
    const alice = openForge({ kind: "github", host: forge.host, token: forge.world.user("alice")?.token });
    const head = { repository: name, branch };
    const { number } = await alice
      .project(name)
      .pullRequests.open({ title: branch, body: "", base: "main", head });
    const base = (await forge.branch(name, "main")) ?? "";
    const changes = ["registry.k8s.io/images/app/images.yaml"];
    await prow.pull({ repository: name, name: "main", commit, changes }, { number, base }, at);
    await lookAtPulls(world, repositoryKey(urlOf(name)));
    await settle();
    const merge = await forge.merge(name, number);
    await prow.push({ repository: name, name: "main", commit: merge, changes }, at);
    await look(name);
  };

  await syncRemotes(db, jobs, world.now());
  for (const name of repositories) await lookAtRefs(world, repositoryKey(urlOf(name)));
  for (const name of promoters) await lookAtPulls(world, repositoryKey(urlOf(name)));
  for (let at = midnight; at < midnight + 24 * 60 * minute; at += 10 * minute) {
    world.set(new Date(at).toISOString());
    await prow.tick(at);
    if ((await tickClock(world)) > 0) await settle();
    const step = (at - midnight) / (10 * minute);
    if (step % 6 === 2) await pushBuild(at);
    if (step % 24 === 9) await promote(at);
  }
  // What differs between the two that day: Prow's run failed at a quota, was run again by hand, and never heard of a push of four tags.
  const noon = midnight + 12 * 60 * minute + 5 * minute;
  world.set(new Date(noon).toISOString());
  const tagged = jobs.find(
    ({ on }) => on?.branch?.some((branch) => branch.startsWith("^v(0")) === true,
  ) as Job;
  const taggedName = repositories.find((name) => urlOf(name) === tagged.repo) ?? "";
  const repository = repositoryAt(join(folder.path, "repositories", taggedName));
  const tags = [1, 2, 3, 4].map((number) => `v9.${number}.0`);
  for (const tag of tags) await repository.git("tag", tag);
  await look(taggedName);
  const failing = jobs.find(({ work, clock }) => work.kind === "promote" && clock === undefined) as Job;
  const promoter = repositories.find((name) => urlOf(name) === failing.repo) ?? "";
  const commit = await forge.commit(promoter, "main", await manifests(40));
  const started = { repos: { [promoter]: `main:${commit}` } };
  await prow.run(failing.name, noon, started, "logs", "FAILURE");
  await prow.run(failing.name, noon + 20 * minute, started, "logs", "FAILURE");
  await look(promoter);
  stopping.abort();
  await working;
  expect(problems).toEqual([]);

  // A run that nobody stamped is none: what is compared is all that was asked for.
  const ours = (await world.runs()).map((run) => comparedRun(run, began.get(run.id)));
  const theirs: ComparedRun[] = [];
  const bucket = openBucket(join(folder.path, "prow"));
  for (const { name } of jobs) for await (const run of readProwHistory(bucket, name)) theirs.push(run);
  expect(theirs).toHaveLength(prow.runs);
  const day = { since: new Date(midnight - 24 * 60 * minute), until: new Date(midnight + 48 * 60 * minute) };
  const comparison = compareHistories({ jobs, prow: theirs, waybill: ours, ...day });

  const others = comparison.jobs.flatMap(({ job, runs }) =>
    runs
      .filter(({ verdict }) => verdict !== "agreed")
      .map(({ verdict, what }) => `${job}: ${verdict}: ${what}`),
  );
  const ofTags = jobs.filter(
    (job) => job.repo === tagged.repo && job.on?.branch?.some((branch) => branch.startsWith("^v(0")) === true,
  );
  const head = await repository.git("rev-parse", "HEAD");
  expect(others.sort()).toEqual(
    [
      ...ofTags.flatMap(({ name }) =>
        tags.map((tag) => `${name}: only-in-waybill: push of ${tag} at ${head.slice(0, 12)}`),
      ),
      `${failing.name}: different-result: push of main at ${commit.slice(0, 12)}`,
      `${failing.name}: only-in-prow: push of main at ${commit.slice(0, 12)}`,
    ].sort(),
  );
  expect(comparison.counts.agreed).toBe(prow.runs - 2);
  expect(comparison.counts.agreed).toBeGreaterThan(50);

  // In the shadow, nothing was written: neither to production, nor to the forge.
  const registries = registriesWith();
  const production = registries.repository(parseRepository(`${registry.address}/production/app`));
  expect(await production.resolve(parseTag("v1"))).toBeUndefined();
  await registries.close();
  expect(forge.seen.filter(({ method, by }) => by === "robot" && method !== "GET")).toEqual([]);
  await rm(join(folder.path, "repositories"), { recursive: true });
}, 900_000);

/** A run of ours as a history has it: begun when the day's clock says. A promotion read the head that it found. */
function comparedRun(run: QueuedRun, startedAt: Date | undefined): ComparedRun {
  const { id, job, ref = "", commit, pull, result, details } = run;
  const revision = typeof details?.revision === "string" ? details.revision : commit;
  const [org = "", repo = ""] = new URL(run.repo ?? "").pathname
    .replace(/\.git$/, "")
    .split("/")
    .slice(-2);
  const refs = {
    ...{ org, repo, base_ref: ref.replace(/^refs\/(?:heads|tags)\//, ""), base_sha: revision },
    ...(pull === undefined ? {} : { pulls: [{ number: pull, sha: commit ?? "" }] }),
  };
  return {
    ...{ id, job, startedAt, finishedAt: startedAt, refs, revision },
    result: result === "ERROR" ? "FAILURE" : result,
  };
}

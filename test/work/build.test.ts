import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import type { Job } from "../../src/jobs/index.ts";
import { parseRepository } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openRunFolder } from "../../src/store/index.ts";
import { carryOut, type WorkEnvironment } from "../../src/work/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeFiles } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { takenRun } from "./taken.ts";

const withBuildah = testWith("buildah", "git");
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Awaited<ReturnType<typeof startRegistryServer>>;
let repository: TestRepository;
let commit: string;
let env: WorkEnvironment;
const problems: unknown[] = [];

beforeAll(async () => {
  folder = await temporaryFolder("work-build");
  server = await startRegistryServer({ dir: join(folder.path, "registry") });
  repository = await createRepository(join(folder.path, "app"));
  await writeFiles(repository.path, {
    "cloudbuild.yaml":
      "steps:\n- name: gcr.io/cloud-builders/docker\n  args: [build, -t, 'gcr.io/$PROJECT_ID/hello:$_GIT_TAG', ./context]\nimages: ['gcr.io/$PROJECT_ID/hello:$_GIT_TAG']\n",
    "context/Dockerfile": "FROM scratch\nCOPY hello /\n",
    "context/hello": "hello\n",
  });
  commit = await repository.commit();
  env = {
    records: openRunFolder(join(folder.path, "records")),
    settings: defaultSettings,
    environment: { ...gitEnvironment, HOME: folder.path, TMPDIR: process.env.TMPDIR },
    folder: join(folder.path, "work"),
    pageOf: () => undefined,
    grace: 5_000,
    outbox: { setStatus: async () => undefined, putComment: async () => undefined },
    onProblem: (error) => void problems.push(error),
  };
});

afterAll(async () => {
  await server.close();
  await folder.remove();
});

const job = (more: Partial<Job> = {}): Job => ({
  name: "build-app",
  repo: `file://${repository.path}`,
  work: { kind: "build", build: { dir: ".", project: "demo", pushTo: `${server.address}/staging` } },
  ...more,
});
const main = "refs/heads/main";

withBuildah("a build of a branch without a commit builds its head, and says so in its record", async () => {
  const { run } = takenRun(job(), { ref: main });
  expect(await carryOut(run, env)).toMatchObject({
    result: "SUCCESS",
    details: { summary: "built 1 image", revision: commit },
  });
  const stored = await env.records.find("build-app");
  expect(stored.record).toMatchObject({ result: "SUCCESS", revision: commit });
  expect(await stored.artifacts()).toEqual(["build.json", "events.jsonl", "images.json", "plan.json"]);
  const events = await text((await stored.artifact("events.jsonl")) ?? Readable.from([]));
  expect(events).toContain('"type":"build-ended"');
  expect(events).toContain('"type":"ended"');
  expect(problems).toEqual([]);
});

withBuildah("a build in its shadow has a plan, and neither runs nor pushes anything", async () => {
  const shadow = job({
    shadow: true,
    work: { kind: "build", build: { dir: ".", project: "demo", pushTo: `${server.address}/shadow` } },
  });
  const { run } = takenRun(shadow, { ref: main, commit });
  expect(await carryOut(run, env)).toMatchObject({
    result: "SUCCESS",
    details: { summary: "would build 1 image; nothing is executed" },
  });
  const registries = registriesWith();
  const there = await registries.repository(parseRepository(`${server.address}/shadow/hello`)).list();
  await registries.close();
  expect(there).toBeUndefined();
});

withBuildah("what a pull request proposes is not built", async () => {
  const { run } = takenRun(job(), { ref: main, commit, pull: 7 });
  expect(await carryOut(run, env)).toMatchObject({
    result: "ERROR",
    details: { summary: "what a pull request proposes is not built before it is merged" },
  });
});

withBuildah("a commit that the repository does not have any more is not guessed", async () => {
  const { run } = takenRun(job(), { ref: main, commit: "0123456789".repeat(4) });
  expect(await carryOut(run, env)).toMatchObject({ result: "ERROR" });
  expect((await env.records.find("build-app")).record.result).toBe("FAILURE");
});

withBuildah("a build file that is none fails the run, and is no error of the server", async () => {
  await writeFiles(repository.path, { "broken/cloudbuild.yaml": "steps: []\n" });
  await repository.commit();
  const { run } = takenRun(job({ work: { kind: "build", build: { dir: "broken", project: "demo" } } }), {
    ref: main,
  });
  expect(await carryOut(run, env)).toMatchObject({ result: "FAILURE" });
  expect(problems).toEqual([]);
});

withBuildah("a build file has no secret read as the server, and is told so", async () => {
  await writeFiles(repository.path, {
    "secret/cloudbuild.yaml":
      "availableSecrets:\n  secretManager: [{versionName: projects/prod/secrets/push/versions/1, env: TOKEN}]\nsteps:\n- name: gcr.io/cloud-builders/docker\n  entrypoint: sh\n  args: [-c, 'echo $$TOKEN']\n  secretEnv: [TOKEN]\n",
  });
  await repository.commit();
  // Whoever asks Google for it does so by this proxy.
  let connections = 0;
  const proxy = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => void proxy.close());
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const variables = {
    ...env.environment,
    GOOGLE_OAUTH_ACCESS_TOKEN: "ya29.of-the-server",
    HTTPS_PROXY: address,
  };
  const { run } = takenRun(job({ work: { kind: "build", build: { dir: "secret", project: "demo" } } }), {
    ref: main,
  });
  expect(await carryOut(run, { ...env, environment: variables })).toMatchObject({
    details: { summary: expect.stringContaining("a secret is missing: TOKEN") },
  });
  expect(connections).toBe(0);
});

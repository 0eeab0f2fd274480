import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect } from "vitest";
import { DatabaseError } from "../../src/database/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import type { Job } from "../../src/jobs/index.ts";
import { type Digest, parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings, type Settings } from "../../src/settings/index.ts";
import { openSigner } from "../../src/signing/index.ts";
import { openRunFolder, RunError } from "../../src/store/index.ts";
import { knownSigner, readAttachments } from "../../src/trust/index.ts";
import {
  carryOut,
  type ProductionMemory,
  type RunStatus,
  type WorkEnvironment,
} from "../../src/work/index.ts";
import { privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { takenRun } from "./taken.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Awaited<ReturnType<typeof startRegistryServer>>;
let registries: ReturnType<typeof registriesWith>;
let repository: TestRepository;
const digests: Record<string, string> = {};
const said: RunStatus[] = [];

beforeAll(async () => {
  folder = await temporaryFolder("work-promote");
  server = await startRegistryServer({ dir: join(folder.path, "registry") });
  registries = registriesWith();
  repository = await createRepository(join(folder.path, "manifests"));
  for (const tag of ["v1", "v2", "v3", "v4"]) {
    const image = await buildImage("app", tag);
    digests[tag] = image.root.descriptor.digest;
    await pushImage(image, registries.repository(parseRepository(`${server.address}/staging/app`)), [
      parseTag(tag),
    ]);
  }
});

afterAll(async () => {
  await registries.close();
  await server.close();
  await folder.remove();
});

const environment = (): WorkEnvironment => ({
  records: openRunFolder(join(folder.path, "records")),
  settings: defaultSettings,
  environment: { ...gitEnvironment, HOME: folder.path },
  folder: join(folder.path, "work"),
  pageOf: ({ job, id }) => `https://waybill.example.com/runs/${job}/${id}`,
  grace: 5_000,
  outbox: { setStatus: async (status) => void said.push(status), putComment: async () => undefined },
  onProblem: (error) => {
    throw error;
  },
});

const job = (more: Partial<Job> = {}): Job => ({
  name: "promote-app",
  repo: `file://${repository.path}`,
  work: { kind: "promote", promote: { manifests: "registry" } },
  ...more,
});

const ask = async (...tags: string[]): Promise<string> => {
  await writeTree(join(repository.path, "registry"), [
    {
      name: "app",
      source: `${server.address}/staging`,
      destinations: [`${server.address}/one`, `${server.address}/two`],
      images: { app: Object.fromEntries(tags.map((tag) => [digests[tag] ?? "", [tag]])) },
    },
  ]);
  return repository.commit();
};

/** A store whose database is away for so many calls. */
const awayFor = (calls: number): WorkEnvironment["records"] => {
  const records = openRunFolder(join(folder.path, "records"));
  let left = calls;
  return {
    ...records,
    async start(request) {
      if (left === 0) return records.start(request);
      left -= 1;
      const cause = new DatabaseError("unreachable", "write EPIPE");
      throw new RunError("run-unwritable", "the run cannot be recorded: write EPIPE", { cause });
    },
  };
};

const standsAt = async (registry: string, tag: string): Promise<string | undefined> =>
  (await registries.repository(parseRepository(`${server.address}/${registry}/app`)).resolve(parseTag(tag)))
    ?.digest;

testWith("git")(
  "a promotion brings what the head of the branch asks for, with its status and record",
  async () => {
    await ask("v1");
    const head = await ask("v1", "v2");
    const { run } = takenRun(job());
    const env = environment();
    expect(await carryOut(run, env)).toMatchObject({ result: "SUCCESS", details: { summary: "4 done" } });
    for (const registry of ["one", "two"]) {
      for (const tag of ["v1", "v2"]) expect(await standsAt(registry, tag)).toBe(digests[tag]);
    }
    const page = expect.stringContaining("https://waybill.example.com/runs/promote-app/") as string;
    const about = { repo: `file://${repository.path}`, commit: head, context: "promote-app", url: page };
    expect(said.splice(0)).toMatchObject([
      { ...about, state: "pending" },
      { ...about, state: "success", description: "4 done" },
    ]);
    const stored = await env.records.find("promote-app");
    expect(stored.record).toMatchObject({ result: "SUCCESS", head: { verb: "promote", by: "a test" } });
    expect(await stored.artifacts()).toEqual(["events.jsonl", "plan.json", "report.json"]);
    const report = JSON.parse(await text((await stored.artifact("report.json")) ?? Readable.from([])));
    expect(report).toMatchObject({ dryRun: false, counts: { done: 4 } });
    expect(report.work[0].at).toMatch(/^registry\/images\/app\/images\.yaml:\d+:\d+$/);
    const log = await text(stored.log());
    expect(log).toContain(`refs/heads/main of file://${repository.path} is at ${head}`);
    expect(log).toContain("done ");
  },
);

testWith("git")("a run that another worker has by now writes nothing, and ends nothing", async () => {
  await ask("v1", "v2", "v3");
  const taken = takenRun(job());
  taken.isMine = false;
  const env = environment();
  expect(await carryOut(taken.run, env)).toMatchObject({ result: "ABORTED" });
  expect((await newest(env)).result).toBe("PENDING");
  expect(await standsAt("one", "v3")).toBeUndefined();
  expect(await standsAt("two", "v3")).toBeUndefined();
  expect(said).toEqual([]);
});

testWith("git")("a run that begins while the database is away waits for it", async () => {
  await ask("v1", "v2");
  const env = { ...environment(), records: awayFor(2) };
  expect(await carryOut(takenRun(job()).run, env)).toMatchObject({ result: "SUCCESS" });
  const taken = takenRun(job());
  taken.isMine = false;
  await expect(carryOut(taken.run, { ...env, records: awayFor(1) })).rejects.toMatchObject({
    code: "run-unwritable",
  });
  said.splice(0);
});

testWith("git")("a shadow plans, and writes neither images nor statuses", async () => {
  await ask("v1", "v2", "v3");
  const { run } = takenRun(job({ shadow: true }));
  const env = environment();
  expect(await carryOut(run, env)).toMatchObject({
    result: "SUCCESS",
    details: { summary: "2 to do, 4 already there; nothing is written" },
  });
  expect(await standsAt("one", "v3")).toBeUndefined();
  expect(said).toEqual([]);
});

testWith("git")("what a job promotes is signed, and a dry run tells what would be", async () => {
  const head = await ask("v1");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = join(folder.path, "release.key");
  await writeFile(key, privatePem(privateKey));
  const trust: Settings["trust"] = {
    signers: { release: { key } },
    sign: [{ images: [`${server.address}/one/**`], signer: "release", record: true }],
  };
  const env = { ...environment(), settings: { ...defaultSettings, trust } };
  const signedAs = async () => {
    const verifier = await knownSigner(openSigner("release", { key }, signingServices())).verifier();
    const one = registries.repository(parseRepository(`${server.address}/one/app`));
    const { attachments } = await readAttachments(one, digests.v1 as Digest, { verifier });
    return attachments
      .flatMap(({ readings }) => readings)
      .flatMap(({ signature: { state }, statement }) => (state === "verified" ? (statement ?? []) : []));
  };
  expect(await carryOut(takenRun(job({ shadow: true })).run, env)).toMatchObject({
    details: { summary: "2 already there; nothing is written" },
  });
  const dry = job({ work: { kind: "promote", promote: { manifests: "registry", dryRun: true } } });
  expect(await carryOut(takenRun(dry).run, env)).toMatchObject({
    details: { summary: "2 to do, 2 already there; nothing is written" },
  });
  expect(await signedAs()).toEqual([]);
  const { run } = takenRun(job());
  expect(await carryOut(run, env)).toMatchObject({
    result: "SUCCESS",
    details: { summary: "2 done, 2 already there" },
  });
  const record = (await signedAs()).find(({ predicateType }) => predicateType.includes("promotion/v1"));
  expect(await signedAs()).toHaveLength(2);
  expect(record?.predicate).toMatchObject({
    manifest: {
      name: "registry/images/app/images.yaml",
      uri: `git+file://${repository.path}`,
      digest: { gitCommit: head },
    },
    job: { name: "promote-app", buildId: run.id },
  });
  expect(await carryOut(takenRun(job()).run, env)).toMatchObject({ details: { summary: "4 already there" } });
  said.splice(0);
});

testWith("git")("a run whose process stops is not ended: another one takes it up", async () => {
  await ask("v1", "v2", "v3", "v4");
  const taken = takenRun(job());
  taken.stop("shutdown");
  const env = environment();
  expect(await carryOut(taken.run, env)).toMatchObject({ result: "ABORTED" });
  expect((await newest(env)).result).toBe("PENDING");
  expect(said.splice(0).map(({ state }) => state)).toEqual(["pending"]);
  const { run } = takenRun(job(), { attempt: 2 });
  expect(await carryOut(run, env)).toMatchObject({ result: "SUCCESS" });
  expect(await standsAt("two", "v4")).toBe(digests.v4);
});

testWith("git")("what may pass by itself is told from what needs a person", async () => {
  const images = { app: { [digests.v1 ?? ""]: ["v1"] } };
  const source = `${server.address}/staging`;
  const promoted = async (destination: string, tags = images) => {
    const project = { name: "app", source, destinations: [destination], images: tags };
    await writeTree(join(repository.path, "registry"), [project]);
    await repository.commit();
    return carryOut(takenRun(job()).run, environment());
  };
  const away = await promoted("127.0.0.1:1/one");
  expect(away).toMatchObject({ result: "FAILURE", details: { mayPass: true } });
  const other = { app: { [digests.v2 ?? ""]: ["v1"] } };
  const conflict = await promoted(`${server.address}/one`, other);
  expect(conflict).toMatchObject({ result: "FAILURE", details: { mayPass: false, counts: { conflict: 1 } } });
  said.splice(0);
});

testWith("git")("production is verified, and what a registry holds is kept", async () => {
  await ask("v1", "v2", "v3", "v4");
  const env = environment();
  await carryOut(takenRun(job()).run, env);
  const verify = job({
    name: "verify",
    work: { kind: "verify", verify: { manifests: "registry", deep: true } },
  });
  expect(await carryOut(takenRun(verify).run, env)).toMatchObject({
    result: "SUCCESS",
    details: { summary: "all as listed (repositories: 2, images: 8, tags: 8)" },
  });
  const vouched = { manifests: "registry", signatures: true };
  const unsigned = job({ name: "signatures", work: { kind: "verify", verify: vouched } });
  expect(await carryOut(takenRun(unsigned).run, env)).toMatchObject({
    result: "FAILURE",
    details: { summary: "findings: 8 (repositories: 2, images: 8, tags: 8)" },
  });
  const registry = `${server.address}/one`;
  const snapshot = job({ name: "snapshot", work: { kind: "snapshot", snapshot: { registry } } });
  expect(await carryOut(takenRun(snapshot).run, env)).toMatchObject({
    result: "SUCCESS",
    details: { summary: "repositories: 1, images: 4" },
  });
  const kept = await (await env.records.find("snapshot")).artifact("snapshot.yaml");
  expect(await text(kept ?? Readable.from([]))).toContain(`"${digests.v4}": ["v4"]`);
  const lost = job({ name: "lost", work: { kind: "promote", promote: { manifests: "nowhere" } } });
  expect(await carryOut(takenRun(lost).run, env)).toMatchObject({ result: "FAILURE" });
});

testWith("git")(
  "what production was found to hold is remembered, and what hosts were asked for",
  async () => {
    await ask("v1", "v2");
    const looks: Parameters<ProductionMemory["looked"]>[0][] = [];
    const hosts: string[] = [];
    const production: ProductionMemory = {
      looked: async (look) => looks.push(look),
      asked: async ({ traffic }) => hosts.push(...Object.keys(traffic.hosts)),
    };
    const env = { ...environment(), production };
    const { run } = takenRun(job({ shadow: true }));
    await carryOut(run, env);
    const verify = job({ name: "verify", work: { kind: "verify", verify: { manifests: "registry" } } });
    await carryOut(takenRun(verify).run, env);
    const place = { repo: `file://${repository.path}`, ref: "refs/heads/main", path: "registry" };
    expect(looks).toMatchObject([
      { place, run: run.id, job: "promote-app", isWhole: true, isDeep: false, promoted: { edges: 0 } },
      { place, job: "verify", isWhole: true, isDeep: true },
    ]);
    expect(looks.map(({ troubles }) => [...troubles])).toEqual([[], []]);
    expect(new Set(hosts)).toEqual(new Set([server.address]));
    const taken = takenRun(job());
    taken.isMine = false;
    await carryOut(taken.run, env);
    expect(looks).toHaveLength(2);
    const failing = { ...production, looked: async () => Promise.reject(new Error("no memory")) };
    const problems: unknown[] = [];
    const told = { ...env, production: failing, onProblem: (error: unknown) => problems.push(error) };
    expect(await carryOut(takenRun(job()).run, told)).toMatchObject({ result: "SUCCESS" });
    expect(problems).toMatchObject([{ message: "no memory" }]);
  },
);

testWith("git")("only what is asked for by a branch of the job is production", async () => {
  await ask("v1");
  await repository.git("branch", "--force", "try-it");
  await repository.git("branch", "--force", "release-1");
  const looks: string[] = [];
  const production: ProductionMemory = {
    looked: async ({ place }) => looks.push(place.ref),
    asked: async () => undefined,
  };
  const env = { ...environment(), production };
  const looksOf = async (ref: string, more: Partial<Job>): Promise<readonly string[]> => {
    expect(await carryOut(takenRun(job(more), { ref }).run, env)).toMatchObject({ result: "SUCCESS" });
    return looks.splice(0);
  };
  const verify = { work: { kind: "verify", verify: { manifests: "registry" } } } as const;
  const [main, tried, release] = ["refs/heads/main", "refs/heads/try-it", "refs/heads/release-1"] as const;
  for (const more of [{}, { on: {} }, { ref: "main" }, { clock: { ref: main, cron: "@daily" } }, verify]) {
    expect(await looksOf(main, more)).toEqual([main]);
    expect(await looksOf(tried, more)).toEqual([]);
  }
  const released = { ref: "main", on: { branch: ["^release-"] } };
  expect(await looksOf(release, released)).toEqual([release]);
  expect(await looksOf(main, released)).toEqual([main]);
  expect(await looksOf(tried, released)).toEqual([]);
  // A remote on no branch has no default one: what the run did is not in doubt.
  await repository.git("checkout", "--quiet", "--detach");
  expect(await looksOf(main, {})).toEqual([]);
  await repository.git("checkout", "--quiet", "main");
});

async function newest(env: WorkEnvironment) {
  return (await env.records.find("promote-app")).record;
}

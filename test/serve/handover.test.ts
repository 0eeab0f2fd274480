import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import type { DestinationDocument, ListPage } from "../../src/server/index.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { createRepository, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { startTestServer } from "./server-under-test.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let registry: Awaited<ReturnType<typeof startRegistryServer>>;
let production: FaultyRegistry;
let repository: TestRepository;
let digest: string;

beforeAll(async () => {
  folder = await temporaryFolder("handover");
  registry = await startRegistryServer({ dir: join(folder.path, "registry") });
  production = await startFaultyRegistry(registry.address);
  const registries = registriesWith();
  const image = await buildImage("app", "v1");
  digest = image.root.descriptor.digest;
  await pushImage(image, registries.repository(parseRepository(`${registry.address}/staging/app`)), [
    parseTag("v1"),
  ]);
  await registries.close();
  repository = await createRepository(join(folder.path, "manifests"));
  const source = `${registry.address}/staging`;
  const destinations = [`${production.host}/prod`];
  await writeTree(repository.path, [
    { name: "app", source, destinations, images: { app: { [digest]: ["v1"] } } },
  ]);
  await repository.commit();
  await mkdir(join(folder.path, "jobs"));
  await writeFile(
    join(folder.path, "jobs", "promote.yaml"),
    `name: promote\nrepo: file://${repository.path}\nref: main\npromote: { manifests: . }\n`,
  );
});

afterAll(async () => {
  await production.close();
  await registry.close();
  await folder.remove();
});

interface ShownRun {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly result?: string;
  readonly summary?: string;
}

const environment = { PATH: process.env.PATH ?? "", TMPDIR: process.env.TMPDIR };

testWith("git")(
  "a server that is stopped in the middle of a promotion hands it over, and the next one ends it",
  async () => {
    // Whoever uploads waits for an answer for ever.
    const held = new Promise<void>((resolve) => {
      production.interfere((request) => {
        if (request.method !== "POST") return undefined;
        resolve();
        return () => undefined;
      });
    });
    const first = await startTestServer(folder.path, {}, { environment, grace: 0 });
    let asked: ShownRun;
    try {
      await first.until("the jobs", () =>
        first.said.some((line) => line.includes(" 1 jobs ")) ? true : undefined,
      );
      asked = await first.ask<ShownRun>("POST", "/jobs/promote/runs", {});
      await held;
    } finally {
      await first.stop();
    }
    production.interfere();
    const second = await startTestServer(folder.path, {}, { environment });
    try {
      // What the first has found out of hosts was written down before it ended.
      const { items } = await second.ask<ListPage<DestinationDocument>>("GET", "/destinations");
      expect(items.find(({ host }) => host === production.host)?.requests).toBeGreaterThan(0);
      const ended = await second.until("the end of the run", async () => {
        const run = await second.ask<ShownRun>("GET", `/runs/${asked.id}`);
        return run.state === "ended" ? run : undefined;
      });
      expect(ended).toMatchObject({ result: "SUCCESS", attempt: 2, summary: "1 done" });
      const log = await second.ask<string>("GET", `/runs/${asked.id}/log`);
      expect(log).toContain("attempt 2: the one before was cut off; what it has done stands");
    } finally {
      await second.stop();
    }
  },
  240_000,
);

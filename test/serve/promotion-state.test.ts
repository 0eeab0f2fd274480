import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { createRepository, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { startTestServer, type TestServer } from "./server-under-test.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let registry: Awaited<ReturnType<typeof startRegistryServer>>;
let repository: TestRepository;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder("promotion-state");
  registry = await startRegistryServer({ dir: join(folder.path, "registry") });
  const registries = registriesWith();
  const image = await buildImage("app", "v1");
  await pushImage(image, registries.repository(parseRepository(`${registry.address}/staging/app`)), [
    parseTag("v1"),
  ]);
  await registries.close();
  repository = await createRepository(join(folder.path, "manifests"));
  const source = `${registry.address}/staging`;
  const destinations = [`${registry.address}/prod`];
  const images = { app: { [image.root.descriptor.digest]: ["v1"] } };
  await writeTree(repository.path, [{ name: "app", source, destinations, images }]);
  await repository.commit();
  await mkdir(join(folder.path, "jobs"));
  const repo = `file://${repository.path}`;
  await writeFile(
    join(folder.path, "jobs", "promote.yaml"),
    `jobs:
- { name: rehearse, repo: '${repo}', ref: main, promote: { manifests: ., dryRun: true, strict: false } }
- { name: in-shadow, repo: '${repo}', ref: main, shadow: true, promote: { manifests: . } }
- { name: look, repo: '${repo}', ref: main, snapshot: { registry: '${registry.address}/staging', manifests: . } }
- { name: promote, repo: '${repo}', ref: main, promote: { manifests: . } }
`,
  );
  server = await startTestServer(folder.path, {}, { environment: { PATH: process.env.PATH ?? "" } });
});

afterAll(async () => {
  await server?.stop();
  await registry?.close();
  await folder?.remove();
});

interface ShownRun {
  readonly id: string;
  readonly state: string;
  readonly result?: string;
}

/** Runs a job by hand, to its end. */
const run = async (job: string, ref?: string): Promise<ShownRun> => {
  const asked = await server.until(`the job ${job}`, () =>
    server
      .ask<ShownRun>("POST", `/jobs/${job}/runs`, ref === undefined ? {} : { ref })
      .catch(() => undefined),
  );
  return server.until(`the end of ${job}`, async () => {
    const found = await server.ask<ShownRun>("GET", `/runs/${asked.id}`);
    return found.state === "ended" ? found : undefined;
  });
};
const stateOf = (job: string, commit: string): Promise<{ readonly state: string; readonly run?: string }> =>
  server.ask("GET", `/jobs/${job}/commits/${commit}`);

testWith("git")("only what wrote to production has brought a commit there", async () => {
  const first = await repository.git("rev-parse", "HEAD");
  for (const job of ["rehearse", "in-shadow"]) {
    expect(await run(job)).toMatchObject({ state: "ended" });
    expect(await stateOf(job, first)).toMatchObject({ state: "waiting" });
  }
  expect(await run("look")).toMatchObject({ result: "SUCCESS" });
  expect(await stateOf("look", first)).toMatchObject({ state: "unknown" });

  const promoted = await run("promote");
  expect(promoted).toMatchObject({ result: "SUCCESS" });
  expect(await stateOf("promote", first)).toMatchObject({ state: "promoted", run: promoted.id });
  // A dry run of what is there already succeeds, and has written nothing either.
  expect(await run("rehearse")).toMatchObject({ result: "SUCCESS" });
  expect(await stateOf("rehearse", first)).toMatchObject({ state: "waiting" });

  await repository.git("switch", "--quiet", "--create", "other", "HEAD");
  const other = await repository.commit("of another branch");
  await repository.git("switch", "--quiet", "main");
  const second = await repository.commit("of the first branch");
  const [ofOther, ofMain] = [await run("promote", "refs/heads/other"), await run("promote")];
  expect(await stateOf("promote", other)).toMatchObject({ state: "promoted", run: ofOther.id });
  expect(await stateOf("promote", second)).toMatchObject({ state: "promoted", run: ofMain.id });
});

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareBuild, runBuild } from "../../src/builds/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { openRunFolder } from "../../src/store/index.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { afterBody, answer, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder("google");
});
afterAll(() => folder.remove());

test("a build for Google's service is given to it as it is, and what it pushed is recorded", async () => {
  const registry = await startRegistryServer({ dir: join(folder.path, "registry") });
  const registries = registriesWith();
  const name = parseRepository(`${registry.address}/demo/app`);
  const image = await buildImage("app", "v1");
  await pushImage(image, registries.repository(name), [parseTag("v1")]);
  const { digest } = image.root.descriptor;

  const checkout = await createRepository(join(folder.path, "checkout"));
  await mkdir(join(checkout.path, "sub"));
  await writeFile(
    join(checkout.path, "cloudbuild.yaml"),
    `steps: [{name: gcr.io/cloud-builders/docker, args: [build, -t, '${name}:$_GIT_TAG', .]}]\nimages: ['${name}:$_GIT_TAG']\ntimeout: 600s\noptions: {machine_type: E2_HIGHCPU_8}\n`,
  );
  const commit = await checkout.commit();

  let created: Record<string, unknown> = {};
  let uploaded: Buffer = Buffer.alloc(0);
  let looks = 0;
  const google = await startScriptedServer((request, response, url) =>
    afterBody(request, (body) => {
      const json = (value: unknown) =>
        answer(response, 200, { "content-type": "application/json" }, JSON.stringify(value));
      expect(request.headers.authorization).toBe("Bearer token");
      if (url.pathname.startsWith("/upload/")) {
        uploaded = body;
        return json({});
      }
      const build = { id: "b1", logUrl: "https://example.com/b1" };
      if (request.method === "POST") {
        created = JSON.parse(body.toString());
        return json({ name: "o", metadata: { build: { ...build, status: "QUEUED" } } });
      }
      looks += 1;
      if (looks === 1) return json({ ...build, status: "WORKING", steps: [{ status: "WORKING" }] });
      const images = [{ name: `${name}:v1`, digest }];
      return json({ ...build, status: "SUCCESS", steps: [{ status: "SUCCESS" }], results: { images } });
    }),
  );
  try {
    const environment = { ...gitEnvironment, GOOGLE_OAUTH_ACCESS_TOKEN: "token" };
    const result = await runBuild(
      () =>
        prepareBuild({
          configDir: checkout.path,
          engine: "gcb",
          project: "demo",
          google: { machineType: "e2-highcpu-32", scratchBucket: "gs://scratch" },
          environment,
        }),
      {
        runs: openRunFolder(join(folder.path, "data")),
        leaveOut: join(folder.path, "data"),
        job: "google",
        type: "periodic",
        open: registries.repository,
        environment,
        signal: new AbortController().signal,
        service: { buildOrigin: google.origin, storageOrigin: google.origin, firstWait: 1 },
      },
    );
    expect(created).toMatchObject({
      steps: [{ name: "gcr.io/cloud-builders/docker" }],
      substitutions: { _GIT_TAG: result.plan.tag },
      options: { machineType: "E2_HIGHCPU_32" },
      source: { storageSource: { bucket: "scratch" } },
    });
    expect(gunzipSync(uploaded).includes("cloudbuild.yaml")).toBe(true);
    expect(gunzipSync(uploaded).includes("refs/heads")).toBe(false);
    expect(result.outcomes).toMatchObject([{ status: "success", steps: [{ status: "success" }] }]);
    expect(result.images).toMatchObject([
      { name, digest, tags: ["v1"], provenance: expect.stringMatching(/^sha256:/) },
    ]);
    expect(result.plan.source.commit).toBe(commit);
  } finally {
    await Promise.all([google.close(), registries.close()]);
    await registry.close();
  }
});

test("an event that cannot be recorded is said once, and ends no build", async () => {
  const checkout = await createRepository(join(folder.path, "events"));
  await writeFile(join(checkout.path, "cloudbuild.yaml"), "steps: [{name: example.com/tool}]\n");
  await checkout.commit();
  const data = join(folder.path, "events-data");
  const store = openRunFolder(data);
  const lines: string[] = [];
  // Without a project the build ends before anybody is asked.
  const result = await runBuild(
    () => prepareBuild({ configDir: checkout.path, engine: "gcb", environment: gitEnvironment }),
    {
      runs: {
        ...store,
        start: async (request) => ({
          ...(await store.start(request)),
          append: () => {
            throw new Error("no room for events");
          },
        }),
      },
      ...{ leaveOut: data, job: "events", type: "periodic", environment: gitEnvironment },
      open: () => {
        throw new Error("nothing is pushed");
      },
      signal: new AbortController().signal,
      onLog: (line) => void lines.push(Buffer.from(line).toString()),
    },
  );
  expect(result.outcomes).toMatchObject([{ status: "failure", failure: { code: "cloud-build-refused" } }]);
  expect(lines.filter((line) => line.includes("no room for events"))).toHaveLength(1);
});

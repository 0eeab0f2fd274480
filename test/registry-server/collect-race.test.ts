import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { Digest, RepositoryPath, Tag } from "../../src/oci/index.ts";
import type { Exchange } from "../../src/registry-server/exchange.ts";
import { collectGarbage } from "../../src/registry-server/index.ts";
import { layoutOf, placeOf } from "../../src/registry-server/layout.ts";
import { putManifest } from "../../src/registry-server/manifest-endpoints.ts";
import { openStorage } from "../../src/registry-server/storage.ts";
import { ask, pushBlob, pushManifest, startForTest, temporaryFolder } from "./client.ts";
import { image, lastOf } from "./samples.ts";

const repository = "team/app" as RepositoryPath;
const moment = { whenAside: async () => {} };

vi.mock("../../src/registry-server/aside.ts", async (importOriginal) => {
  const real = await importOriginal<typeof import("../../src/registry-server/aside.ts")>();
  return {
    ...real,
    setAside: async (...given: Parameters<typeof real.setAside>) => {
      const isAside = await real.setAside(...given);
      await moment.whenAside();
      return isAside;
    },
  };
});

test("a manifest that comes while its blobs are set aside has them", async () => {
  const { url, dir } = await startForTest();
  const sample = image();
  for (const blob of sample.blobs) await pushBlob(url, repository, blob);
  let put = 0;
  moment.whenAside = async () => {
    moment.whenAside = async () => {};
    put = (await pushManifest(url, repository, "v1", lastOf(sample))).status;
  };
  await collectGarbage({ dir, minAgeMilliseconds: 0 });
  expect(put).toBe(201);
  for (const { digest } of sample.blobs) {
    expect((await ask(url, "GET", `/v2/${repository}/blobs/${digest}`)).status).toBe(200);
  }
});

test("what a collection that was killed has left aside is there when it is asked for", async () => {
  const { url, dir } = await startForTest();
  const sample = image();
  for (const blob of sample.blobs) await pushBlob(url, repository, blob);
  moment.whenAside = () => Promise.reject(new Error("killed"));
  const aside = await import("../../src/registry-server/aside.ts");
  for (const { digest } of sample.blobs) {
    await aside.setAside(placeOf(layoutOf(dir), repository), "blob", digest as Digest).catch(() => undefined);
  }
  moment.whenAside = async () => {};
  expect((await pushManifest(url, repository, "v1", lastOf(sample))).status).toBe(201);
  await collectGarbage({ dir, minAgeMilliseconds: 0 });
  for (const { digest } of sample.blobs) {
    expect((await ask(url, "GET", `/v2/${repository}/blobs/${digest}`)).status).toBe(200);
  }
});

test("a manifest whose blobs go between the look at them and its own coming is refused, and not seen", async () => {
  const dir = join(await temporaryFolder(), "data");
  const { url } = await startForTest({ dir });
  const sample = image();
  for (const blob of sample.blobs) await pushBlob(url, repository, blob);
  const storage = await openStorage(dir);
  const shelf = {
    ...storage,
    manifests: {
      ...storage.manifests,
      put: async (...given: Parameters<typeof storage.manifests.put>) => {
        await collectGarbage({ dir, minAgeMilliseconds: 0 });
        return storage.manifests.put(...given);
      },
    },
  };
  const manifest = lastOf(sample);
  const exchange = {
    query: new URLSearchParams(),
    header: () => manifest.mediaType,
    bodyUpTo: async () => Buffer.from(manifest.bytes),
  } as unknown as Exchange;
  const putting = putManifest(exchange, shelf, { repository, target: "v1" as Tag });
  await expect(putting).rejects.toMatchObject({ code: "MANIFEST_BLOB_UNKNOWN" });
  for (const reference of ["v1", manifest.digest]) {
    expect((await ask(url, "GET", `/v2/${repository}/manifests/${reference}`)).status).toBe(404);
  }
  await storage.close();
});

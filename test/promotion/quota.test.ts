import { expect, onTestFinished, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { promote } from "../../src/promotion/index.ts";
import { type RegistryRequestEvent, startRegistryServer } from "../../src/registry-server/index.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const v1 = parseTag("v1");

test.each([
  ["that demands pauses", { retryAfter: 1 }],
  ["that only refuses", {}],
])("a registry with a strict quota %s makes a promotion slow, but nothing of it fail", async (_, more) => {
  const { path: folder, remove } = await temporaryFolder("quota");
  const requests: RegistryRequestEvent[] = [];
  const staging = await startRegistryServer({ dir: `${folder}/staging` });
  const production = await startRegistryServer({
    dir: `${folder}/production`,
    behavior: { rateLimit: { requests: 15, milliseconds: 250, ...more } },
    onRequest: (event) => requests.push(event),
  });
  const registries = registriesWith({ hosts: { [production.address]: { retries: 0 } } });
  onTestFinished(async () => {
    await registries.close();
    await Promise.all([staging.close(), production.close()]);
    await remove();
  });
  const names = ["one", "two", "three", "four", "five"];
  const images: Record<string, Record<string, string[]>> = {};
  for (const name of names) {
    const image = await buildImage(name, "v1");
    await pushImage(image, registries.repository(parseRepository(`${staging.address}/apps/${name}`)), [v1]);
    images[name] = { [image.root.descriptor.digest]: ["v1", "v1.0"] };
  }
  await writeTree(`${folder}/tree`, [
    {
      name: "apps",
      source: `${staging.address}/apps`,
      destinations: [`${production.address}/apps`],
      images,
    },
  ]);
  const { report } = await promote({
    tree: await readManifestTree(`${folder}/tree`),
    open: registries.repository,
    confirm: true,
  });
  expect(report.counts).toMatchObject({ done: 10, failed: 0 });
  expect(requests.some(({ status }) => status === 429)).toBe(true);
});

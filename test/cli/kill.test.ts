import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { readGraph } from "../../src/copy/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag, type RepositoryName } from "../../src/oci/index.ts";
import { openRegistries, type Registries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { executable, start } from "../support/built.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { openRandom } from "../support/random.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";

/** Each round kills one promotion of its own; WAYBILL_KILLS asks for more of them. */
const rounds = Number(process.env.WAYBILL_KILLS ?? 5);
const names = Array.from({ length: 12 }, (_, index) => `app-${index}`);

/** Waits until a promotion has begun to write, then for a random number of tags and a random moment. */
async function somewhereInTheMiddle(
  child: ReturnType<typeof start>["child"],
  random: () => number,
): Promise<void> {
  const wanted = Math.floor(random() * names.length * 6);
  await new Promise<void>((resolve) => {
    let written = "";
    child.stderr.on("data", (text: string) => {
      written += text;
      if (written.includes("Promoting") && (written.match(/^done /gm)?.length ?? 0) >= wanted) resolve();
    });
    child.once("close", () => resolve());
  });
  await sleep(random() * 30);
}

describe("a promotion that is killed", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: RegistryServer;
  let production: DockerRegistry;
  let registries: Registries;
  const images: Record<string, Record<string, string[]>> = {};

  beforeAll(async () => {
    folder = await temporaryFolder("kill");
    staging = await startRegistryServer({ dir: `${folder.path}/staging` });
    production = await startDockerRegistry();
    registries = openRegistries({ environment: {} });
    for (const name of names) {
      const repository = registries.repository(parseRepository(`${staging.address}/staging/${name}`));
      const image = await buildImage(name, "v1.0.0");
      await pushImage(image, repository, [parseTag("v1.0.0")]);
      images[name] = { [image.root.descriptor.digest]: ["v1.0.0", "v1.0", "v1"] };
    }
  });

  afterAll(async () => {
    await registries.close();
    await Promise.all([staging.close(), production.stop()]);
    await folder.remove();
  });

  /** Every tag that is visible must resolve to an image of which nothing is missing. */
  const expectComplete = async (name: RepositoryName): Promise<number> => {
    const repository = registries.repository(name);
    const tags = (await repository.list())?.tags ?? [];
    for (const tag of tags) {
      // The registry may still be finishing the request that was cut off: a tag is listed before it resolves.
      const descriptor = await vi.waitUntil(() => repository.resolve(tag), { timeout: 30_000 });
      const graph = await readGraph((digest) => repository.fetch(digest), descriptor.digest, name);
      const present = await Promise.all(graph.blobs.map((blob) => repository.has(blob)));
      expect(present).not.toContain(false);
    }
    return tags.length;
  };

  testWith("docker-registry")(
    "leaves whole images only, and the next run does the rest",
    async () => {
      const random = openRandom();
      const seen: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const tree = `${folder.path}/round-${round}`;
        const destinations = ["eu", "us"].map((region) => `${production.host}/round-${round}/${region}`);
        await writeTree(tree, [{ name: "apps", source: `${staging.address}/staging`, destinations, images }]);
        const promotion = start(executable("waybill"), ["promote", tree, "--confirm"]);
        await somewhereInTheMiddle(promotion.child, random);
        promotion.child.kill("SIGKILL");
        await promotion.ended;

        const visible = destinations.flatMap((name) =>
          names.map((image) => parseRepository(`${name}/${image}`)),
        );
        const counts = await Promise.all(visible.map(expectComplete));
        seen.push(counts.reduce((sum, count) => sum + count, 0));

        const second = await start(executable("waybill"), ["promote", tree, "--confirm"]).ended;
        expect(second).toMatchObject({ status: 0 });
        const complete = await Promise.all(visible.map(expectComplete));
        expect(complete).toEqual(visible.map(() => 3));
      }
      if (process.env.WAYBILL_KILLS !== undefined) {
        process.stderr.write(`tags visible after each kill, of ${names.length * 6}: ${seen.join(" ")}\n`);
      }
    },
    600_000,
  );
});

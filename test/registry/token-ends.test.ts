import { join } from "node:path";
import { expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { answer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const requests = {
  "the start of an upload": (method: string) => method === "POST",
  "the bytes of a blob": (method: string, path: string) => method !== "POST" && path.includes("/uploads/"),
  "a manifest": (method: string, path: string) => method === "PUT" && path.includes("/manifests/"),
};

for (const [what, isIt] of Object.entries(requests)) {
  test(`a token that ends before ${what} is taken is renewed, and that is sent once more`, async () => {
    const folder = await temporaryFolder("token-ends");
    const registry = await startRegistryServer({ dir: join(folder.path, "registry") });
    const front = await startFaultyRegistry(registry.address);
    let good = "token-1";
    let issued = 0;
    let isUsed = false;
    const refused: string[] = [];
    const taken: string[] = [];
    front.interfere((request, url) => {
      const { method = "", headers } = request;
      if (url.pathname === "/token") {
        issued += 1;
        good = `token-${issued}`;
        return (response) => answer(response, 200, {}, JSON.stringify({ token: good, expires_in: 300 }));
      }
      const isWanted = isIt(method, url.pathname);
      const isGood = (): boolean => headers.authorization === `Bearer ${good}`;
      // It ends once, when it was of use already.
      if (isWanted && isUsed && refused.length === 0 && isGood()) good = "ended";
      if (isGood()) {
        isUsed = true;
        if (isWanted) taken.push(url.pathname);
        return undefined;
      }
      if (isWanted && headers.authorization !== undefined) refused.push(url.pathname);
      const realm = `Bearer realm="http://${front.host}/token",service="here"`;
      return (response) => {
        request.resume();
        answer(response, 401, { "www-authenticate": realm });
      };
    });
    const registries = registriesWith();
    try {
      const image = await buildImage("app", "v1");
      const repository = registries.repository(parseRepository(`${front.host}/app`));
      await pushImage(image, repository, [parseTag("v1")]);
      expect((await repository.resolve(parseTag("v1")))?.digest).toBe(image.root.descriptor.digest);
      expect(refused).toHaveLength(1);
      expect(taken.filter((path) => path === refused[0])).not.toHaveLength(0);
      // What was taken was taken once.
      if (what !== "the start of an upload") expect(new Set(taken).size).toBe(taken.length);
    } finally {
      await registries.close();
      await front.close();
      await registry.close();
      await folder.remove();
    }
  });
}

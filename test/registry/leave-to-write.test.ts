import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { buildImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries } from "../../src/registry/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";

test("a write that is tried again asks again whether it may, and does not leave when it may not", async () => {
  const writes: string[] = [];
  let isMine = true;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      if (request.method === "GET" || request.method === "HEAD") {
        response.writeHead(404).end();
        return;
      }
      writes.push(`${request.method} ${request.url}`);
      // The lease runs out while the registry asks for patience.
      isMine = false;
      response.writeHead(503, { "retry-after": "0" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const registries = openRegistries({
    settings: defaultSettings,
    environment: {},
    mayWrite: () => isMine,
  });
  onTestFinished(() => registries.close());
  const { root } = await buildImage("app", "v1");
  const repository = registries.repository(parseRepository(`127.0.0.1:${port}/us/app`));
  await expect(repository.put(root, [parseTag("v1")])).rejects.toMatchObject({ code: "interrupted" });
  expect(writes).toHaveLength(1);
});

import { request as forward } from "node:http";
import { expect, onTestFinished } from "vitest";
import { digestOf, hexOf, type ImageDocument, mediaTypes, parseRepository } from "../../src/oci/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { clientOf } from "../support/registry-client.ts";
import { afterBody, startScriptedServer } from "../support/scripted-server.ts";

const nothing = Buffer.from("{}");
const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf(nothing), size: 2 };
const about = { mediaType: mediaTypes.ociIndex, digest: digestOf(Buffer.from("a subject")), size: 9 };
const listTag = `sha256-${hexOf(about.digest)}`;

function referrer(name: string): ImageDocument {
  const { ociManifest: mediaType } = mediaTypes;
  const fields = { artifactType: "application/sbom", config, layers: [config], subject: about };
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, ...fields, annotations: { name } }),
  );
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** A writer with a way of its own to the registry: what it asks for passes when `pass` lets it. */
async function writer(behind: string, pass: (method: string, isList: boolean) => Promise<unknown>) {
  const server = await startScriptedServer((request, response, url) =>
    afterBody(request, (body) => {
      const { method = "", headers } = request;
      void pass(method, url.pathname.endsWith(listTag)).then(() => {
        const onward = forward(
          `http://${behind}${url.pathname}${url.search}`,
          { method, headers },
          (answer) => {
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(response);
          },
        );
        onward.on("error", () => response.destroy());
        onward.end(body);
      });
    }),
  );
  const client = clientOf(server.host);
  onTestFinished(server.close);
  onTestFinished(client.close);
  return client.registries.repository(parseRepository(`${server.host}/team/app`));
}

testWith("docker-registry")(
  "of two writers, the slow one's first list comes when the fast one has long been done, and nothing is lost",
  async () => {
    const registry = await startDockerRegistry();
    onTestFinished(registry.stop);
    const names = (by: string) => Array.from({ length: 4 }, (_, at) => `${by}-${at}`);

    let slowHasRead: () => void = () => {};
    const read = new Promise<void>((resolve) => {
      slowHasRead = resolve;
    });
    let fastIsDone: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      fastIsDone = resolve;
    });

    const fast = await writer(registry.host, async () => {});
    const slow = await writer(registry.host, async (method, isList) => {
      if (!isList || method !== "PUT") return;
      slowHasRead();
      await done;
    });
    await fast.push(config, async () => nothing);

    const slowly = Promise.all(names("slow").map((name) => slow.put(referrer(name))));
    await read;
    await Promise.all(names("fast").map((name) => fast.put(referrer(name))));
    fastIsDone();
    await slowly;
    expect(await slow.confirmReferrers?.()).toEqual([]);
    expect(await fast.confirmReferrers?.()).toEqual([]);
    const found = await fast.referrers(about.digest);
    expect(found.map(({ annotations }) => annotations?.name).sort()).toEqual(
      [...names("fast"), ...names("slow")].sort(),
    );
  },
);

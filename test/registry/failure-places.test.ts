import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { failureRecord } from "../../src/errors/index.ts";
import { digestOf, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import { basicCredential, openRegistries } from "../../src/registry/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openScripted } from "../support/registry-client.ts";
import { answer, type Script } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const bytes = Buffer.alloc(2 * 1024 * 1024, "blob");
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };

async function serve(script: Script) {
  const credentials = { lookup: async () => basicCredential("me", "pa55word", "test") };
  const { server, ...client } = await openScripted(script, { settings: { retries: 0 }, credentials });
  return { ...client, host: server.host };
}

async function recordOf(work: Promise<unknown>) {
  return work.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => failureRecord(error),
  );
}

const denied = JSON.stringify({ errors: [{ code: "DENIED", message: "not for team/app, 7f3e-12" }] });

describe("a failure at a registry", () => {
  it("has the registry, the repository, the status and the request as fields", async () => {
    const { repository, host } = await serve((_, response) =>
      answer(response, 403, { "x-request-id": "7f3e-12" }, denied),
    );
    expect(await recordOf(repository().fetch(v1))).toStrictEqual({
      code: "denied",
      message: "asking for an image: this is not allowed: DENIED not for team/app, 7f3e-12",
      where: `${host}/team/app:v1`,
      hint: `ask whoever runs ${host} for the right, or use other credentials: these are from test`,
      registry: host,
      repository: `${host}/team/app`,
      status: 403,
      requestId: "7f3e-12",
      pattern: `asking for an image: this is not allowed: DENIED\nask whoever runs ${host} for the right, or use other credentials: these are from test`,
    });
  });

  it.each(["has spaces", "pa55word", "x".repeat(201), "<script>"])(
    "names no request by %j",
    async (requestId) => {
      const { repository } = await serve(({ headers }, response) =>
        headers.authorization === undefined
          ? answer(response, 401, { "www-authenticate": 'Basic realm="here"' })
          : answer(response, 403, { "x-request-id": requestId }, denied),
      );
      const record = await recordOf(repository().fetch(v1));
      expect(record).toMatchObject({ code: "denied", status: 403 });
      expect(record).not.toHaveProperty("requestId");
    },
  );

  it("is one of the repository where a stream fails long after it was opened, too", async () => {
    const { repository, host } = await serve((_, response) =>
      answer(response, 200, {}, Buffer.concat([bytes.subarray(1), Buffer.from("!")])),
    );
    const stream = await repository().open(blob);
    const read = async () => {
      for await (const _ of stream);
    };
    expect(await recordOf(read())).toMatchObject({
      code: "digest-mismatch",
      registry: host,
      repository: `${host}/team/app`,
    });
  });

  it("is one of the registry alone where a catalog fails", async () => {
    const { registries, host } = await serve((_, response) => answer(response, 403, {}, denied));
    const read = async () => {
      for await (const _ of registries.catalog(host));
    };
    const record = await recordOf(read());
    expect(record).toMatchObject({ registry: host, status: 403 });
    expect(record).not.toHaveProperty("repository");
  });

  it("is one of no registry in a folder", async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const registries = openRegistries({
      settings: {
        ...defaultSettings,
        locations: [{ repository: "r.example", at: `oci:${folder}` }],
      },
      credentials: { lookup: async () => undefined },
    });
    onTestFinished(registries.close);
    const record = await recordOf(registries.repository(parseRepository("r.example/app")).open(blob));
    expect(record).toMatchObject({ code: "blob-missing", repository: "r.example/app" });
    expect(record).not.toHaveProperty("registry");
  });
});

import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { type Descriptor, digestOf, type ImageDocument, mediaTypes, parseTag } from "../../src/oci/index.ts";
import { openScripted } from "../support/registry-client.ts";
import { afterBody, answer, type Script } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const bytes = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[]}`);
const descriptor: Descriptor = {
  mediaType: mediaTypes.ociIndex,
  digest: digestOf(bytes),
  size: bytes.length,
};
const document: ImageDocument = { descriptor, bytes };

/** A registry that does something wrong a number of times before it does it right. */
async function open(times: number, wrong: Script, right: Script) {
  let left = times;
  const { server, ...client } = await openScripted((request, response, url) =>
    (left-- > 0 ? wrong : right)(request, response, url),
  );
  return { repository: client.repository(), faults: client.faults, seen: server.seen };
}

function damaged(whole: Buffer): Buffer {
  const copy = Buffer.from(whole);
  copy.writeUInt8(copy.readUInt8(7) ^ 4, 7);
  return copy;
}

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("a manifest that was damaged on its way", () => {
  const serve = (response: ServerResponse, body: Buffer) =>
    answer(
      response,
      200,
      { "content-type": mediaTypes.ociIndex, "docker-content-digest": descriptor.digest },
      body,
    );
  const wrong: Script = (_, response) => serve(response, damaged(bytes));
  const right: Script = (_, response) => serve(response, bytes);

  it.each([["by its digest", descriptor.digest] as const, ["by its tag", v1] as const])(
    "is asked for again, %s",
    async (_, target) => {
      const { repository, faults } = await open(2, wrong, right);
      expect(await repository.fetch(target)).toEqual(document);
      expect(faults()).toEqual(["digest-mismatch", "digest-mismatch"]);
    },
  );

  it("is believed to lie there so when it comes so every time", async () => {
    const { repository, seen } = await open(3, wrong, right);
    await expect(repository.fetch(descriptor.digest)).rejects.toMatchObject({ code: "digest-mismatch" });
    expect(seen).toHaveLength(3);
  });
});

describe("a manifest that arrives damaged", () => {
  const taken = (digest: string): Script => {
    return (request, response) =>
      afterBody(request, () => answer(response, 201, { "docker-content-digest": digest }));
  };
  const refused = (status: number, code: string): Script => {
    return (request, response) =>
      afterBody(request, () => answer(response, status, {}, JSON.stringify({ errors: [{ code }] })));
  };

  it("and is taken under a tag is put there again, right", async () => {
    const { repository, faults } = await open(1, taken(digestOf(damaged(bytes))), taken(descriptor.digest));
    await repository.put(document, v1);
    expect(faults()).toEqual(["digest-mismatch"]);
  });

  it.each([
    [400, "DIGEST_INVALID"],
    [400, "MANIFEST_INVALID"],
    [404, "MANIFEST_BLOB_UNKNOWN"],
  ])("and is refused with %i %s is put again", async (status, code) => {
    const { repository, faults } = await open(2, refused(status, code), taken(descriptor.digest));
    await repository.put(document, v1);
    expect(faults()).toEqual(["manifest-refused", "manifest-refused"]);
  });

  it("is not what another refusal means", async () => {
    const { repository, seen } = await open(1, refused(409, "TAG_IMMUTABLE"), taken(descriptor.digest));
    await expect(repository.put(document, v1)).rejects.toMatchObject({ code: "manifest-refused" });
    expect(seen).toHaveLength(1);
  });
});

describe("a blob that was damaged on its way", () => {
  const serve = (size: number, times: number) => {
    const content = randomBytes(size);
    const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(content), size };
    const opened = open(
      times,
      (_, response) => answer(response, 200, {}, damaged(content)),
      (_, response) => answer(response, 200, {}, content),
    );
    return { opened, blob, content };
  };

  it("is read again when it is small: nothing has been given away", async () => {
    const { opened, blob, content } = serve(100_000, 2);
    const { repository, faults } = await opened;
    expect((await read(await repository.open(blob))).equals(content)).toBe(true);
    expect((await read(await repository.open(blob, { from: 99_000 }))).equals(content.subarray(99_000))).toBe(
      true,
    );
    expect(faults()).toEqual(["digest-mismatch", "digest-mismatch"]);
  });

  it("is never given away as a whole when it is large", async () => {
    const { opened, blob } = serve(2_000_000, 1);
    const { repository, faults } = await opened;
    await expect(read(await repository.open(blob))).rejects.toMatchObject({ code: "digest-mismatch" });
    expect(faults()).toEqual([]);
  });
});

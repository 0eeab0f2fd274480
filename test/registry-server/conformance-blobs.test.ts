import { describe, expect, test } from "vitest";
import { type Answer, ask, errorCode, pushBlob, startForTest } from "./client.ts";
import { type Algorithm, type Blob, blobOf, randomBlob } from "./samples.ts";

const algorithms: readonly Algorithm[] = ["sha256", "sha512"];
const octets = { "Content-Type": "application/octet-stream" };

interface Place {
  readonly url: string;
  readonly repository: string;
}

const uploads = ({ repository }: Place) => `/v2/${repository}/blobs/uploads/`;

async function begin(place: Place): Promise<string> {
  const answer = await ask(place.url, "POST", uploads(place), { headers: { "Content-Length": 0 } });
  expect(answer.status).toBe(202);
  expect(answer.headers.location).toMatch(/\/blobs\/uploads\/[0-9a-f]{8}-/);
  return String(answer.headers.location);
}

function send(
  place: Place,
  method: string,
  path: string,
  bytes: Uint8Array,
  start?: number,
): Promise<Answer> {
  const range = start === undefined ? {} : { "Content-Range": `${start}-${start + bytes.length - 1}` };
  return ask(place.url, method, path, {
    headers: { ...octets, ...range, "Content-Length": bytes.length },
    body: bytes,
  });
}

const close = (
  place: Place,
  path: string,
  digest: string,
  bytes: Uint8Array = Buffer.alloc(0),
  start?: number,
) => send(place, "PUT", `${path}?digest=${encodeURIComponent(digest)}`, bytes, start);

function chunksOf(bytes: Uint8Array): Array<{ start: number; bytes: Uint8Array }> {
  const size = Math.ceil(bytes.length / 3);
  return [0, size, 2 * size].map((start) => ({ start, bytes: bytes.subarray(start, start + size) }));
}

async function sendChunk(
  place: Place,
  path: string,
  chunk: { start: number; bytes: Uint8Array },
): Promise<string> {
  const answer = await send(place, "PATCH", path, chunk.bytes, chunk.start);
  expect(answer.status).toBe(202);
  expect(answer.headers.range).toBe(`0-${chunk.start + chunk.bytes.length - 1}`);
  return String(answer.headers.location);
}

/** A chunk that is not the next one is refused, and the session says where it stands. */
async function sendWrongly(place: Place, path: string, bytes: Uint8Array, wrongStart: number, next: number) {
  for (const method of ["PATCH", "PUT"]) {
    const query = method === "PUT" ? `?digest=${blobOf(bytes).digest}` : "";
    const refused = await send(place, method, `${path}${query}`, bytes, wrongStart);
    expect(refused.status).toBe(416);
    expect(errorCode(refused)).toBe("BLOB_UPLOAD_INVALID");
  }
  const state = await ask(place.url, "GET", path);
  expect(state.status).toBe(204);
  expect(state.headers.range).toBe(`0-${Math.max(next - 1, 0)}`);
  expect(state.headers.location).toBe(path);
}

/** Every way to push a blob; each gives the answer to its last request. */
const ways: Record<string, (place: Place, blob: Blob) => Promise<Answer>> = {
  "POST alone": (place, blob) => send(place, "POST", `${uploads(place)}?digest=${blob.digest}`, blob.bytes),
  "POST, PUT": async (place, blob) => close(place, await begin(place), blob.digest, blob.bytes),
  "POST, one chunk, PUT": async (place, blob) => {
    const path = await sendChunk(place, await begin(place), { start: 0, bytes: blob.bytes });
    return close(place, path, blob.digest);
  },
  "POST, chunks, PUT": async (place, blob) => {
    let path = await begin(place);
    for (const chunk of chunksOf(blob.bytes)) path = await sendChunk(place, path, chunk);
    return close(place, path, blob.digest);
  },
  "POST, chunks, the last in PUT": async (place, blob) => {
    let path = await begin(place);
    const [first, second, last] = chunksOf(blob.bytes);
    if (!first || !second || !last) throw new Error("three chunks");
    path = await sendChunk(place, path, first);
    path = await sendChunk(place, path, second);
    return close(place, path, blob.digest, last.bytes, last.start);
  },
  "POST, chunks out of order first, PUT": async (place, blob) => {
    let path = await begin(place);
    for (const chunk of chunksOf(blob.bytes)) {
      await sendWrongly(place, path, chunk.bytes, chunk.start + chunk.bytes.length, chunk.start);
      if (chunk.start > 0) await sendWrongly(place, path, chunk.bytes, 0, chunk.start);
      path = await sendChunk(place, path, chunk);
    }
    return close(place, path, blob.digest);
  },
  "POST, PATCH as a stream, PUT": async (place, blob) => {
    const headers = { ...octets, "Transfer-Encoding": "chunked" };
    const answer = await ask(place.url, "PATCH", await begin(place), { headers, body: blob.bytes });
    expect(answer.status).toBe(202);
    return close(place, String(answer.headers.location), blob.digest);
  },
  "a mount that finds nothing, PUT": async (place, blob) => {
    const query = `?mount=${blob.digest}&from=conformance/other`;
    const answer = await ask(place.url, "POST", `${uploads(place)}${query}`);
    expect(answer.status).toBe(202);
    return close(place, String(answer.headers.location), blob.digest, blob.bytes);
  },
};

async function expectBlob(place: Place, blob: Blob): Promise<void> {
  const path = `/v2/${place.repository}/blobs/${blob.digest}`;
  for (const method of ["HEAD", "GET"]) {
    const answer = await ask(place.url, method, path);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-length"]).toBe(String(blob.bytes.length));
    expect(answer.headers["docker-content-digest"]).toBe(blob.digest);
    expect(answer.body.equals(method === "GET" ? blob.bytes : Buffer.alloc(0))).toBe(true);
  }
}

async function expectNoBlob(place: Place, digest: string): Promise<void> {
  const path = `/v2/${place.repository}/blobs/${digest}`;
  const got = await ask(place.url, "GET", path);
  expect(got.status).toBe(404);
  expect(errorCode(got)).toBe("BLOB_UNKNOWN");
  expect((await ask(place.url, "HEAD", path)).status).toBe(404);
}

describe.each(algorithms)("pushing blobs with %s digests", (algorithm) => {
  test.each(Object.entries(ways))("%s", async (_way, push) => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const blob = randomBlob(3_067, algorithm);
    await expectNoBlob(place, blob.digest);
    const answer = await push(place, blob);
    expect(answer.status).toBe(201);
    expect(answer.headers["docker-content-digest"]).toBe(blob.digest);
    expect(answer.headers.location).toBe(`/v2/${place.repository}/blobs/${blob.digest}`);
    await expectBlob(place, blob);
    const deleted = await ask(url, "DELETE", `/v2/${place.repository}/blobs/${blob.digest}`);
    expect(deleted.status).toBe(202);
    await expectNoBlob(place, blob.digest);
  });

  test.each(Object.entries(ways))("%s, with the wrong digest", async (_way, push) => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const { digest } = randomBlob(3_067, algorithm);
    const answer = await push(place, { bytes: randomBlob(3_067).bytes, digest });
    expect(answer.status).toBe(400);
    expect(errorCode(answer)).toBe("DIGEST_INVALID");
    await expectNoBlob(place, digest);
  });

  test.each([
    ["nothing", ""],
    ["empty JSON", "{}"],
  ])("a blob of %s", async (_what, content) => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const blob = blobOf(content, algorithm);
    for (const push of [ways["POST alone"], ways["POST, PUT"]]) {
      expect((await push?.(place, blob))?.status).toBe(201);
      await expectBlob(place, blob);
    }
  });

  test("mount from a repository, and from any", async () => {
    const { url } = await startForTest();
    const blob = randomBlob(100, algorithm);
    await pushBlob(url, "conformance/repo2", blob);
    for (const [repository, query] of [
      ["conformance/repo1", `?mount=${blob.digest}&from=conformance/repo2`],
      ["conformance/repo3", `?mount=${blob.digest}`],
      ["conformance/repo1", `?mount=${blob.digest}&from=conformance/repo2`],
    ]) {
      const place = { url, repository: String(repository) };
      const answer = await ask(url, "POST", `${uploads(place)}${query}`);
      expect(answer.status).toBe(201);
      expect(answer.headers.location).toBe(`/v2/${repository}/blobs/${blob.digest}`);
      expect(answer.headers["docker-content-digest"]).toBe(blob.digest);
      await expectBlob(place, blob);
    }
    await ask(url, "DELETE", `/v2/conformance/repo2/blobs/${blob.digest}`);
    await expectNoBlob({ url, repository: "conformance/repo2" }, blob.digest);
    await expectBlob({ url, repository: "conformance/repo1" }, blob);
    await expectBlob({ url, repository: "conformance/repo3" }, blob);
  });

  test("mount from a repository that has it not, from one that cannot be, and of what nobody has", async () => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const [present, absent] = [randomBlob(100, algorithm), randomBlob(100, algorithm)];
    await pushBlob(url, "conformance/repo2", present);
    for (const query of [
      `?mount=${present.digest}&from=conformance/repo3`,
      `?mount=${present.digest}&from=../../etc`,
      `?mount=${absent.digest}&from=conformance/repo2`,
      `?mount=${absent.digest}`,
    ]) {
      const answer = await ask(url, "POST", `${uploads(place)}${query}`);
      expect(answer.status).toBe(202);
      expect(answer.headers.location).toContain("/v2/conformance/repo1/blobs/uploads/");
    }
    await expectNoBlob(place, present.digest);
    const malformed = await ask(url, "POST", `${uploads(place)}?mount=sha256:short`);
    expect([malformed.status, errorCode(malformed)]).toEqual([400, "DIGEST_INVALID"]);
  });
});

describe("upload sessions", () => {
  test("DELETE cancels", async () => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const path = await begin(place);
    expect((await ask(url, "DELETE", path)).status).toBe(204);
    for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
      const answer = await ask(url, method, path);
      expect([answer.status, errorCode(answer)]).toEqual([404, "BLOB_UPLOAD_UNKNOWN"]);
    }
  });

  test("belong to the repository that began them", async () => {
    const { url } = await startForTest();
    const path = await begin({ url, repository: "conformance/repo1" });
    const elsewhere = path.replace("repo1", "repo2");
    for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
      expect((await ask(url, method, elsewhere)).status).toBe(404);
    }
    expect((await ask(url, "GET", path)).status).toBe(204);
  });

  test("end with the blob, and with a wrong digest", async () => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const blob = randomBlob();
    for (const digest of [blob.digest, randomBlob().digest]) {
      const path = await begin(place);
      await close(place, path, digest, blob.bytes);
      expect((await ask(url, "GET", path)).status).toBe(404);
    }
  });

  test("a PUT without a digest is refused and can be sent again", async () => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const blob = randomBlob();
    const path = await begin(place);
    for (const query of ["", "?digest=", "?digest=sha256:short", "?digest=md5:00"]) {
      const answer = await ask(url, "PUT", `${path}${query}`, { body: blob.bytes });
      expect([answer.status, errorCode(answer)]).toEqual([400, "DIGEST_INVALID"]);
    }
    expect((await close(place, path, blob.digest, blob.bytes)).status).toBe(201);
  });

  test("a chunk that is shorter or longer than its Content-Range is thrown away", async () => {
    const { url } = await startForTest();
    const place = { url, repository: "conformance/repo1" };
    const blob = randomBlob(300);
    const path = await sendChunk(place, await begin(place), { start: 0, bytes: blob.bytes.subarray(0, 100) });
    for (const range of ["100-150", "100-1000"]) {
      const headers = { ...octets, "Content-Range": range };
      const refused = await ask(url, "PATCH", path, { headers, body: blob.bytes.subarray(100) });
      expect([refused.status, errorCode(refused)]).toEqual([400, "SIZE_INVALID"]);
      expect((await ask(url, "GET", path)).headers.range).toBe("0-99");
    }
    const malformed = await ask(url, "PATCH", path, {
      headers: { "Content-Range": "bytes 0-1/2" },
      body: "ab",
    });
    expect([malformed.status, errorCode(malformed)]).toEqual([400, "BLOB_UPLOAD_INVALID"]);
    await sendChunk(place, path, { start: 100, bytes: blob.bytes.subarray(100) });
    expect((await close(place, path, blob.digest)).status).toBe(201);
    await expectBlob(place, blob);
  });
});

describe("pulling blobs", () => {
  test.each([
    ["bytes=500-1499", 500, 1499],
    ["bytes=500-", 500, 2047],
    ["bytes=-500", 1548, 2047],
    ["bytes=2000-5000", 2000, 2047],
    ["bytes=0-0", 0, 0],
  ])("Range: %s", async (range, start, end) => {
    const { url } = await startForTest();
    const blob = randomBlob(2_048);
    await pushBlob(url, "conformance/repo1", blob);
    const path = `/v2/conformance/repo1/blobs/${blob.digest}`;
    const answer = await ask(url, "GET", path, { headers: { Range: range } });
    expect(answer.status).toBe(206);
    expect(answer.headers["content-range"]).toBe(`bytes ${start}-${end}/2048`);
    expect(answer.headers["content-length"]).toBe(String(end - start + 1));
    expect(answer.body.equals(blob.bytes.subarray(start, end + 1))).toBe(true);
  });

  test.each(["bytes=500-0", "bytes=5000-10000"])("Range: %s cannot be satisfied", async (range) => {
    const { url } = await startForTest();
    const blob = randomBlob(2_048);
    await pushBlob(url, "conformance/repo1", blob);
    const path = `/v2/conformance/repo1/blobs/${blob.digest}`;
    const answer = await ask(url, "GET", path, { headers: { Range: range } });
    expect([answer.status, answer.headers["content-range"]]).toEqual([416, "bytes */2048"]);
    expect(errorCode(answer)).toBe("SIZE_INVALID");
  });

  test("conditions: If-None-Match and If-Range", async () => {
    const { url } = await startForTest();
    const blob = randomBlob(100);
    await pushBlob(url, "conformance/repo1", blob);
    const path = `/v2/conformance/repo1/blobs/${blob.digest}`;
    const etag = String((await ask(url, "HEAD", path)).headers.etag);
    expect((await ask(url, "GET", path, { headers: { "If-None-Match": etag } })).status).toBe(304);
    expect((await ask(url, "GET", path, { headers: { "If-None-Match": '"other"' } })).status).toBe(200);
    const range = { Range: "bytes=0-9" };
    expect((await ask(url, "GET", path, { headers: { ...range, "If-Range": etag } })).status).toBe(206);
    expect((await ask(url, "GET", path, { headers: { ...range, "If-Range": '"other"' } })).status).toBe(200);
  });
});

import { once } from "node:events";
import { readdir, stat, utimes, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { ask, pushBlob, startForTest, temporaryFolder } from "./client.ts";
import { type Algorithm, type Blob, randomBlob } from "./samples.ts";

const repository = "conformance/repo1";

async function begin(url: string): Promise<string> {
  const answer = await ask(url, "POST", `/v2/${repository}/blobs/uploads/`);
  expect(answer.status).toBe(202);
  return String(answer.headers.location);
}

const receivedOf = async (url: string, path: string) => (await ask(url, "GET", path)).headers.range;

/** Waits until the session has got so many bytes. */
async function received(url: string, path: string, bytes: number): Promise<void> {
  await vi.waitUntil(async () => (await receivedOf(url, path)) === `0-${bytes - 1}`, { timeout: 10_000 });
}

/** Promises a whole body and sends only its start; the connection stays open. */
async function sendHalf(url: string, request: string, bytes: Uint8Array, promised: number): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write(`${request} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${promised}\r\n\r\n`);
  socket.write(bytes);
  return socket;
}

async function sendRest(url: string, path: string, blob: Blob, from: number): Promise<void> {
  const headers = { "Content-Range": `${from}-${blob.bytes.length - 1}` };
  const body = blob.bytes.subarray(from);
  expect((await ask(url, "PATCH", path, { headers, body })).status).toBe(202);
  expect((await ask(url, "PUT", `${path}?digest=${blob.digest}`)).status).toBe(201);
  const pulled = await ask(url, "GET", `/v2/${repository}/blobs/${blob.digest}`);
  expect(pulled.body.equals(blob.bytes)).toBe(true);
}

describe("an upload whose connection drops", () => {
  test.each(["PATCH", "PUT"])("in a %s keeps its bytes and goes on", async (method) => {
    const { url } = await startForTest();
    const blob = randomBlob(1_500_000);
    const path = await begin(url);
    const query = method === "PUT" ? `?digest=${blob.digest}` : "";
    const half = blob.bytes.subarray(0, 700_000);
    const socket = await sendHalf(url, `${method} ${path}${query}`, half, blob.bytes.length);
    socket.end(() => socket.destroy());
    await received(url, path, half.length);
    await sendRest(url, path, blob, half.length);
  });

  test("unnoticed by the server gives way to the next request", async () => {
    const { url } = await startForTest();
    const blob = randomBlob(1_500_000);
    const path = await begin(url);
    // More than what is gathered before it is written, and less than twice as much: one part is written, the rest
    // waits for more.
    const socket = await sendHalf(url, `PATCH ${path}`, blob.bytes.subarray(0, 450_000), blob.bytes.length);
    const cutOff = once(socket, "close");
    await vi.waitUntil(async () => (await receivedOf(url, path)) !== "0-0", { timeout: 10_000 });
    const range = /^0-(\d+)$/.exec(String(await receivedOf(url, path)));
    const next = Number(range?.[1]) + 1;
    expect(next).toBeLessThan(450_000);
    await sendRest(url, path, blob, next);
    await cutOff;
  });

  test("leaves nothing when nobody can know its session", async () => {
    const { url, dir } = await startForTest();
    const blob = randomBlob(1_000);
    const request = `POST /v2/${repository}/blobs/uploads/?digest=${blob.digest}`;
    const socket = await sendHalf(url, request, blob.bytes.subarray(0, 500), blob.bytes.length);
    await vi.waitUntil(async () => (await readdir(join(dir, "uploads"))).length === 1, { timeout: 10_000 });
    socket.destroy();
    await vi.waitUntil(async () => (await readdir(join(dir, "uploads"))).length === 0, { timeout: 10_000 });
  });
});

describe("upload sessions over a restart", () => {
  test.each<Algorithm>(["sha256", "sha512"])("go on, to a %s digest", async (algorithm) => {
    const dir = await temporaryFolder();
    const blob = randomBlob(1_500_000, algorithm);
    const first = await startRegistryServer({ dir });
    const path = await begin(first.url);
    const body = blob.bytes.subarray(0, 700_000);
    expect((await ask(first.url, "PATCH", path, { body })).status).toBe(202);
    await first.close();
    const { url } = await startForTest({ dir });
    expect(await receivedOf(url, path)).toBe("0-699999");
    await sendRest(url, path, blob, 700_000);
  });

  test("are given up a day after their last byte, and so are drafts", async () => {
    const dir = await temporaryFolder();
    const first = await startRegistryServer({ dir });
    const [old, young] = [await begin(first.url), await begin(first.url)];
    await first.close();
    const dayAgo = new Date(Date.now() - 25 * 60 * 60 * 1000);
    const uploads = await readdir(join(dir, "uploads"));
    const oldFile = uploads.find((name) => name.startsWith(String(old.split("/").at(-1))));
    await utimes(join(dir, "uploads", String(oldFile)), dayAgo, dayAgo);
    await writeFile(join(dir, "temporary", "old"), "");
    await writeFile(join(dir, "temporary", "young"), "");
    await utimes(join(dir, "temporary", "old"), dayAgo, dayAgo);
    const { url } = await startForTest({ dir });
    expect((await ask(url, "GET", old)).status).toBe(404);
    expect((await ask(url, "GET", young)).status).toBe(204);
    const left = uploads.filter((name) => name !== oldFile);
    expect(await readdir(join(dir, "uploads"))).toEqual(left.map((name) => expect.stringContaining(name)));
    expect(await readdir(join(dir, "temporary"))).toEqual(["young"]);
  });
});

describe("upload sessions", () => {
  test("are no more than the limit: the one that was left for longest goes", async () => {
    const { url, dir } = await startForTest();
    const blob = randomBlob(1_000);
    const busy = await begin(url);
    await sendHalf(url, `PATCH ${busy}`, blob.bytes.subarray(0, 500), blob.bytes.length);
    await vi.waitUntil(async () => (await readdir(join(dir, "uploads"))).length === 1);
    const paths: string[] = [];
    for (let at = 0; at < 1_050; at += 1) {
      paths.push(String((await ask(url, "POST", `/v2/team/app${at % 10}/blobs/uploads/`)).headers.location));
    }
    expect(await readdir(join(dir, "uploads"))).toHaveLength(1_000);
    const statuses = await Promise.all(
      [busy, paths[0], paths[1], paths.at(-1)].map(
        async (path) => (await ask(url, "GET", String(path))).status,
      ),
    );
    expect(statuses).toEqual([204, 404, 404, 204]);
  });

  test("that one client begins in one repository and leaves are few, and keep nobody from any other", async () => {
    const { url } = await startForTest();
    const statuses: number[] = [];
    while (statuses.at(-1) !== 429) {
      statuses.push((await ask(url, "POST", `/v2/${repository}/blobs/uploads/`)).status);
    }
    expect(statuses).toHaveLength(257);
    expect((await ask(url, "POST", "/v2/team/app/blobs/uploads/")).status).toBe(202);
    expect((await pushBlob(url, repository, randomBlob())).status).toBe(201);
  });

  test("of processes that were killed are no more than the limit either", async () => {
    const dir = await temporaryFolder();
    const first = await startRegistryServer({ dir });
    await first.close();
    for (let at = 0; at < 1_010; at += 1) {
      const id = `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`;
      await writeFile(join(dir, "uploads", `${id}.0123456789abcdef`), "");
    }
    await startForTest({ dir });
    expect(await readdir(join(dir, "uploads"))).toHaveLength(1_000);
  });

  test("of one blob may run side by side", async () => {
    const { url, dir } = await startForTest();
    const blob = randomBlob(400_000);
    const repositories = ["a", "a", "a", "b", "b", "c"];
    const answers = await Promise.all(repositories.map((name) => pushBlob(url, name, blob)));
    expect(answers.map(({ status }) => status)).toEqual(repositories.map(() => 201));
    expect(await linksOf(dir, blob)).toBe(4);
    expect(await readdir(join(dir, "uploads"))).toEqual([]);
  });
});

/** How many names the bytes of a blob have: one for each repository and one for all. */
async function linksOf(dir: string, blob: Blob): Promise<number> {
  return (await stat(sharedPath(dir, blob))).nlink;
}

function sharedPath(dir: string, blob: Blob): string {
  const hex = blob.digest.slice("sha256:".length);
  return join(dir, "blobs", "sha256", hex.slice(0, 2), hex);
}

describe("the bytes of a blob", () => {
  test("are on disk once, until the last repository gives it up", async () => {
    const { url, dir } = await startForTest();
    const blob = randomBlob(1_000);
    await pushBlob(url, "a", blob);
    await ask(url, "POST", `/v2/b/blobs/uploads/?mount=${blob.digest}&from=a`);
    expect(await linksOf(dir, blob)).toBe(3);
    await ask(url, "DELETE", `/v2/a/blobs/${blob.digest}`);
    expect(await linksOf(dir, blob)).toBe(2);
    await ask(url, "DELETE", `/v2/b/blobs/${blob.digest}`);
    await expect(stat(sharedPath(dir, blob))).rejects.toThrow("ENOENT");
    expect((await ask(url, "POST", `/v2/b/blobs/uploads/?mount=${blob.digest}`)).status).toBe(202);
  });

  test("that no repository has are given back at the next start", async () => {
    const dir = await temporaryFolder();
    const first = await startRegistryServer({ dir });
    const [kept, orphan] = [randomBlob(), randomBlob()];
    await pushBlob(first.url, repository, kept);
    await first.close();
    await writeFile(join(sharedPath(dir, kept), "..", orphan.digest.slice("sha256:".length)), orphan.bytes);
    const { url } = await startForTest({ dir });
    expect(await readdir(join(sharedPath(dir, kept), ".."))).toEqual([kept.digest.slice("sha256:".length)]);
    expect((await ask(url, "GET", `/v2/${repository}/blobs/${kept.digest}`)).body.equals(kept.bytes)).toBe(
      true,
    );
  });
});

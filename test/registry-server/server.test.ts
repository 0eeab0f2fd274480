import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type RegistryRequestEvent, startRegistryServer } from "../../src/registry-server/index.ts";
import { ask, pushSample, startForTest, temporaryFolder } from "./client.ts";
import { image, lastOf } from "./samples.ts";

describe("starting", () => {
  test("says where it listens, and keeps what it holds over a restart", async () => {
    const dir = join(await temporaryFolder(), "not", "yet", "there");
    const first = await startRegistryServer({ dir });
    expect(first.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(first.url).toBe(`http://${first.address}`);
    const sample = image();
    await pushSample(first.url, "a/b", sample, "latest");
    await first.close();
    const { url } = await startForTest({ dir });
    const answer = await ask(url, "GET", "/v2/a/b/manifests/latest");
    expect(answer.body.equals(lastOf(sample).bytes)).toBe(true);
  });

  test("on IPv6", async () => {
    const server = await startForTest({ listen: { host: "::1" } }).catch((thrown: Error) => thrown);
    // A machine without IPv6 says so.
    if (server instanceof Error) expect(server).toMatchObject({ code: "address-unavailable" });
    else expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  test("at an address in use is an error that names it", async () => {
    const { address } = await startForTest();
    const port = Number(address.split(":")[1]);
    await expect(startForTest({ listen: { port } })).rejects.toMatchObject({
      code: "address-unavailable",
      where: address,
    });
  });

  test("in a folder that cannot be one, or of another layout, is an error", async () => {
    const parent = await temporaryFolder();
    await writeFile(join(parent, "file"), "");
    await expect(startForTest({ dir: join(parent, "file") })).rejects.toMatchObject({
      code: "storage-unusable",
    });
    const other = join(parent, "other");
    await mkdir(other);
    for (const content of ['{"layout":2}', "not JSON"]) {
      await writeFile(join(other, "waybill-registry.json"), content);
      await expect(startForTest({ dir: other })).rejects.toMatchObject({ code: "storage-unusable" });
    }
    expect(await readFile(join(other, "waybill-registry.json"), "utf8")).toBe("not JSON");
  });

  test("with TLS files that are none is an error", async () => {
    const dir = await temporaryFolder();
    const file = join(dir, "file.pem");
    const starting = () => startForTest({ tls: { cert: file, key: file } });
    await expect(starting()).rejects.toMatchObject({ code: "tls-invalid" });
    await writeFile(file, "no certificate");
    await expect(starting()).rejects.toMatchObject({ code: "tls-invalid" });
  });
});

describe("closing", () => {
  test("does not wait for connections that are kept alive, or never spoke", async () => {
    const server = await startRegistryServer({ dir: await temporaryFolder() });
    const { hostname, port } = new URL(server.url);
    const silent = connect(Number(port), hostname);
    await once(silent, "connect");
    const agent = new Agent({ keepAlive: true });
    const sent = request(new URL("/v2/", server.url), { agent }).end();
    const [response] = (await once(sent, "response")) as [NodeJS.ReadableStream];
    response.resume();
    await once(response, "end");
    await server.close();
    await expect(ask(server.url, "GET", "/v2/")).rejects.toThrow("ECONNREFUSED");
    silent.destroy();
    agent.destroy();
  });

  test("lets a request under way finish, then its connection goes too", async () => {
    const server = await startRegistryServer({ dir: await temporaryFolder() });
    const begun = await ask(server.url, "POST", "/v2/a/blobs/uploads/");
    const agent = new Agent({ keepAlive: true });
    const sent = request(new URL(String(begun.headers.location), server.url), { method: "PATCH", agent });
    sent.write(Buffer.alloc(1_000_000));
    const state = async () => (await ask(server.url, "GET", String(begun.headers.location))).headers.range;
    await expect.poll(state, { timeout: 10_000 }).not.toBe("0-0");
    const closed = server.close();
    sent.end("last");
    const [response] = (await once(sent, "response")) as [
      { statusCode: number; headers: Record<string, string> },
    ];
    expect([response.statusCode, response.headers.range]).toEqual([202, "0-1000003"]);
    await closed;
    agent.destroy();
  });

  test("gives a request under way less time when it is asked to again", async () => {
    const server = await startRegistryServer({ dir: await temporaryFolder() });
    const begun = await ask(server.url, "POST", "/v2/a/blobs/uploads/");
    const sent = request(new URL(String(begun.headers.location), server.url), { method: "PATCH" });
    const cut = once(sent, "error");
    sent.write(Buffer.alloc(1_000_000));
    const state = async () => (await ask(server.url, "GET", String(begun.headers.location))).headers.range;
    await expect.poll(state, { timeout: 10_000 }).not.toBe("0-0");
    const closed = server.close(3_600_000);
    await server.close(0);
    await Promise.all([closed, cut]);
  });

  test("twice is once", async () => {
    const server = await startRegistryServer({ dir: await temporaryFolder() });
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });
});

describe("the log of requests", () => {
  test("has one event for each, with its status", async () => {
    const events: RegistryRequestEvent[] = [];
    const { url } = await startForTest({ onRequest: (event) => events.push(event) });
    await ask(url, "GET", "/v2/");
    await ask(url, "POST", "/v2/a/blobs/uploads/?mount=sha256:short&from=b");
    await expect.poll(() => events.length, { timeout: 10_000 }).toBe(2);
    expect(events).toMatchObject([
      { method: "GET", path: "/v2/", query: "", status: 200, finished: true },
      {
        method: "POST",
        path: "/v2/a/blobs/uploads/",
        query: "mount=sha256:short&from=b",
        status: 400,
        finished: true,
      },
    ]);
    expect(events[0]?.failure).toBeUndefined();
  });
});
